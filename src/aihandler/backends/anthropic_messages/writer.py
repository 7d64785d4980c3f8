"""What a client of Anthropic Messages is answered: whole replies, errors, token counts."""

import msgspec

from aihandler.backends.anthropic_messages.blocks import write_block
from aihandler.backends.anthropic_messages.errors import STATUSES
from aihandler.backends.anthropic_messages.fields import KIND
from aihandler.backends.anthropic_messages.usage import write_usage
from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.signed import for_client
from aihandler.backends.wire_objects import restore
from aihandler.domain.answer import Finish, Reply
from aihandler.domain.parts import Opaque, Part, Thinking
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage
from aihandler.errors import AIHandlerError, ContextExceeded

_encode = msgspec.json.Encoder().encode
_TYPES = {status: name for name, status in STATUSES.items()} | {422: "invalid_request_error"}
_REASONS: dict[Finish, str] = {
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "refused": "refusal",
    "pause": "pause_turn",
}


def write_reply(reply: Reply, identity: ReplyIdentity) -> bytes:
    """The body of a whole reply."""
    message = {**opening(identity), "content": written_blocks(reply.parts), **ending(reply)}
    message["usage"] = usage_of(reply)
    if reply.origin == KIND:
        restore(message, {k: v for k, v in reply.extra.items() if k not in _TAKEN})
    return _encode(message)


def write_error(error: AIHandlerError) -> tuple[int, bytes]:
    """HTTP status and body of an error; too much load has a status of its own here."""
    status = 529 if error.http_status == 503 else error.http_status
    return status, _encode(error_body(error))


def write_token_count(tokens: int) -> bytes:
    """The body of the answer to a request that only counts."""
    return _encode({"input_tokens": tokens})


def error_body(error: AIHandlerError) -> dict[str, Json]:
    """The error as an object; also the last event of a stream that failed."""
    status = 529 if error.http_status == 503 else error.http_status
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    words = f"{error.message}; {error.hint}" if error.hint else error.message
    if error.code == ContextExceeded.code:
        # By these words Claude Code and others know that they have to shorten the conversation.
        words = f"prompt is too long: {words}"
    return {"type": "error", "error": {"type": kind, "message": words}}


def opening(identity: ReplyIdentity) -> dict[str, Json]:
    """A message before anything is said."""
    return {
        "id": identity.id,
        "type": "message",
        "role": "assistant",
        "model": identity.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def ending(reply: Reply) -> dict[str, Json]:
    """Why it stopped."""
    told = reply.extra.get("stop_reason") if reply.origin == KIND else None
    usual = "stop_sequence" if reply.stop_text else "end_turn"
    return {
        "stop_reason": told or _REASONS.get(reply.finish, usual),
        "stop_sequence": reply.stop_text or None,
    }


def usage_of(reply: Reply) -> dict[str, Json]:
    """The counts."""
    said = reply.extra.get("usage") if reply.origin == KIND else None
    return write_usage(reply.usage or Usage(), said if isinstance(said, dict) else {})


def written_blocks(parts: tuple[Part, ...]) -> list[Json]:
    """The content of an answer; a part of another provider's own has no block."""
    return [written for part in parts if (written := written_part(part)) is not None]


def written_part(part: Part) -> dict[str, Json] | None:
    """One block. A client's library wants a signature with every thought, if only an empty one."""
    if isinstance(part, Opaque) and part.format != KIND:
        return None
    if isinstance(part, Thinking):
        part = for_client(part, KIND)
    block = write_block(part, own=True)
    if block.get("type") == "thinking":
        block.setdefault("signature", "")
    return block


_TAKEN = frozenset({"id", "usage", "stop_reason"})
