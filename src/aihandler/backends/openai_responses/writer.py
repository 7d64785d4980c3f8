"""What a client of OpenAI Responses is answered: whole replies, and the pieces of them."""

import base64
from collections.abc import Iterator, Sequence

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.openai_responses.building import COST
from aihandler.backends.openai_responses.fields import ITEM, KIND, MADE_THOUGHT, MORE
from aihandler.backends.openai_responses.items import write_turn
from aihandler.backends.openai_responses.usage import write_usage
from aihandler.backends.wire_objects import restore
from aihandler.domain.answer import Reply
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "reasoning": "rs",
    "image_generation_call": "ig",
}
# What clients expect to find in every response.
_EXPECTED: dict[str, Json] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
_CODES = {
    400: "invalid_request_error",
    401: "invalid_api_key",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    422: "invalid_prompt",
    429: "rate_limit_exceeded",
}
_INCOMPLETE = {"length": "max_output_tokens", "other": "max_output_tokens"}


def write_reply(reply: Reply, identity: ReplyIdentity) -> bytes:
    """The body of a whole reply."""
    items = written_items(reply.parts, identity)
    return _encode(response_of(reply, identity, output=items))


def response_of(
    reply: Reply, identity: ReplyIdentity, *, output: Sequence[Json]
) -> dict[str, Json]:
    """The whole response with this output."""
    own = reply.origin == KIND
    wire = {**opening(identity, own=own), **_ending(reply), "output": list(output)}
    wire["usage"] = _usage(reply, own=own)
    return _with_extra(wire, reply) if own else wire


def opening(identity: ReplyIdentity, *, own: bool = False) -> dict[str, Json]:
    """A response before anything is said."""
    return {
        "id": identity.id,
        "object": "response",
        "created_at": identity.created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        **({} if own else _EXPECTED),
        "model": identity.model,
        "output": [],
        "usage": None,
    }


def written_items(parts: Sequence[Part], identity: ReplyIdentity, first: int = 0) -> list[Json]:
    """The items of a reply, each with an id and a state; of other formats only what fits."""
    items: list[Json] = []
    for item in _items(parts):
        items.append(completed(item, identity, first + len(items)))
    return items


def completed(item: dict[str, Json], identity: ReplyIdentity, number: int) -> dict[str, Json]:
    """An item with all that clients expect of it."""
    kind = item.get("type", "message")
    prefix = _PREFIXES.get(kind)
    if prefix is None:
        return item
    wire = {**item, "type": kind}
    wire.setdefault("id", made_id(kind, identity, number))
    if kind != "reasoning":
        wire.setdefault("status", "completed")
    if kind == "message":
        wire["content"] = _listed(wire["content"])
    return wire


def made_id(kind: str, identity: ReplyIdentity, number: int) -> str:
    """The id of an item that came without one."""
    prefix = MADE_THOUGHT if kind == "reasoning" else _PREFIXES.get(kind, "item")
    return f"{prefix}_{identity.id}_{number}"


def error_event(error: AIHandlerError) -> dict[str, Json]:
    """Code and words of an error in the middle of a stream."""
    words = f"{error.message}; {error.hint}" if error.hint else error.message
    return {"code": _CODES.get(error.http_status, "server_error"), "message": words}


def is_own(part: Part) -> bool:
    """True for a part that was read from this very format."""
    if isinstance(part, Opaque):
        return part.format == KIND
    return ITEM in part.extra or MORE in part.extra


def plain(part: Part) -> Part | None:
    """A part of another format as this one can tell it to a client."""
    match part:
        case Text():
            return Text(part.text)
        case Refusal():
            return Refusal(part.text)
        case Thinking():
            # The summary is there to be read. What others have sealed only they understand.
            return Thinking(part.text) if part.text else None
        case ToolCall():
            return ToolCall(part.id, part.name, part.arguments or "{}")
        case Media() if part.kind == "image" and part.data:
            result = base64.b64encode(part.data).decode()
            return Opaque(
                KIND, {"type": "image_generation_call", "status": "completed", "result": result}
            )
    return None


def _items(parts: Sequence[Part]) -> Iterator[dict[str, Json]]:
    fitting = [part if is_own(part) else plain(part) for part in parts]
    for _, item in write_turn([part for part in fitting if part is not None], own=True):
        yield item


def _listed(content: Json) -> Json:
    said = content
    if isinstance(content, str):
        said = [{"type": "output_text", "text": content}]
    return [{"annotations": [], **p} if p.get("type") == "output_text" else p for p in said]


def _ending(reply: Reply) -> dict[str, Json]:
    reason = _INCOMPLETE.get(reply.finish, "")
    if reply.finish == "refused" and not any(isinstance(p, Refusal) for p in reply.parts):
        reason = "content_filter"
    if reason:
        return {"status": "incomplete", "incomplete_details": {"reason": reason}}
    return {"status": "completed", "incomplete_details": None}


def _usage(reply: Reply, *, own: bool) -> Json:
    # A guess is not told to a client as a count of this provider.
    if reply.usage is None or (own and reply.usage.estimated):
        return None
    said = reply.extra.get("usage") if own else None
    return write_usage(reply.usage, said if isinstance(said, dict) else {})


def _with_extra(wire: dict[str, Json], reply: Reply) -> dict[str, Json]:
    extra = {k: v for k, v in reply.extra.items() if k not in {"usage", "created_at", COST}}
    if extra.get("object", "response") != "response":
        # A conversation made shorter, or a count: no answer, and so without a state.
        whole = extra["object"] == "response.compaction"
        keys = ("id", "created_at", "output", "usage") if whole else ("created_at",)
        wire = {key: wire[key] for key in keys}
    elif "status" in extra and "incomplete_details" not in extra:
        wire["incomplete_details"] = None
    return restore(wire, extra)
