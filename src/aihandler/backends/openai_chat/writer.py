"""From our replies and errors to what clients of chat completions expect."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.openai_chat.messages import detail_to_wire
from aihandler.backends.openai_chat.passage import ORIGIN
from aihandler.backends.openai_chat.tools import call_to_wire
from aihandler.backends.wire_objects import over
from aihandler.domain.answer import (
    ArgumentsDelta,
    Reply,
    ReplyDone,
    StreamEvent,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage
from aihandler.errors import AIHandlerError, BackendError, ContextExceeded

_encode = msgspec.json.Encoder().encode
_FINISHES: Mapping[str, str] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "length": "length",
    "refused": "content_filter",
    "pause": "stop",
    "abstain": "stop",
    # The only word here for an answer that is not whole.
    "other": "length",
}
_ERROR_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


def write_reply(reply: Reply, identity: ReplyIdentity) -> bytes:
    """The body of a whole reply."""
    left = _left(reply)
    choice: dict[str, Json] = {
        "index": 0,
        "message": over(
            left.get("message", {}),
            _message(reply.parts, left),
        ),
        "finish_reason": finish_to_wire(reply),
        "logprobs": reply.logprobs,
    }
    body: dict[str, Json] = {
        "id": identity.id,
        "object": "chat.completion",
        "created": identity.created,
        "model": identity.model,
        "choices": [over(left.get("choice", {}), choice)],
    }
    if reply.usage is not None:
        body["usage"] = usage_to_wire(reply.usage, left.get("usage", {}))
    if reply.fingerprint:
        body["system_fingerprint"] = reply.fingerprint
    return _encode(over(left.get("reply", {}), body))


def write_error(error: AIHandlerError) -> tuple[int, bytes]:
    """HTTP status and body of an error."""
    return error.http_status, _encode(_error(error))


def finish_to_wire(reply: Reply) -> str:
    """A server's own word, where the reply came in this format."""
    if reply.finish == "refused" and any(isinstance(part, Refusal) for part in reply.parts):
        return "stop"
    told = _left(reply).get("choice", {}).get("finish_reason")
    if told == "function_call" and reply.finish == "tool_calls":
        return "function_call"
    return _FINISHES[reply.finish]


def usage_to_wire(usage: Usage, beside: Mapping[str, Json]) -> dict[str, Json]:
    """Here the prompt includes cached tokens and the answer includes reasoning."""
    answer = usage.output + usage.reasoning + usage.audio_output
    if isinstance(beside.get("completion_tokens"), int):
        # Some providers count reasoning apart, and only their own numbers say so.
        answer = beside["completion_tokens"]
    of_prompt = {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_input}
    of_answer = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output}
    written = usage.cache_write + usage.cache_write_1h
    if written:
        of_prompt["cache_write_tokens"] = written
    built: dict[str, Json] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": answer,
        "total_tokens": usage.total,
    }
    if beside:
        # The provider's own words come first: they hold what ours do not know.
        return {**built, **beside}
    built["prompt_tokens_details"] = of_prompt
    built["completion_tokens_details"] = of_answer
    return built


class ChatStreamWriter:
    """Writes one stream as server-sent events; `usage` adds token counts at the end."""

    def __init__(self, identity: ReplyIdentity, *, usage: bool) -> None:
        self._usage = usage
        self._head: dict[str, Json] = {
            "id": identity.id,
            "object": "chat.completion.chunk",
            "created": identity.created,
            "model": identity.model,
        }
        self._begun = False
        self._text_size = self._thought_size = 0
        self._arguments: dict[int, int] = {}

    def write(self, event: StreamEvent) -> bytes:
        """One event, as one or more chunks; nothing where the format has no word for it."""
        match event:
            case TextDelta(text):
                self._text_size += len(text)
                return self._chunk({"content": text})
            case ThinkingDelta(text):
                self._thought_size += len(text)
                return self._chunk({"reasoning_content": text})
            case ToolCallStarted(index, call_id, name):
                self._arguments[index] = 0
                function = {"name": name, "arguments": ""}
                call = {"index": index, "id": call_id, "type": "function", "function": function}
                return self._chunk({"tool_calls": [call]})
            case ArgumentsDelta(index, text):
                self._arguments[index] = self._arguments.get(index, 0) + len(text)
                piece = {"index": index, "function": {"arguments": text}}
                return self._chunk({"tool_calls": [piece]})
            case ReplyDone(reply):
                return self._done(reply)
        # The end of a part, or what a value looks like so far: its words have gone out.
        return b""

    def fail(self, error: AIHandlerError) -> bytes:
        """An error in place of the end: no `[DONE]`, so nobody takes the answer for whole."""
        return _event(_error(error))

    def _done(self, reply: Reply) -> bytes:
        pieces = [self._rest(reply)]
        left = _left(reply)
        unsaid = _unsaid(reply.parts)
        if unsaid or left.get("message"):
            pieces.append(self._chunk(over(left.get("message", {}), unsaid)))
        choice = {"logprobs": reply.logprobs} if reply.logprobs else {}
        pieces.append(self._chunk({}, {**choice, "finish_reason": finish_to_wire(reply)}))
        if self._usage and reply.usage is not None:
            counts = usage_to_wire(reply.usage, left.get("usage", {}))
            pieces.append(_event({**self._head, "choices": [], "usage": counts}))
        pieces.append(b"data: [DONE]\n\n")
        return b"".join(pieces)

    def _rest(self, reply: Reply) -> bytes:
        """What a reply has and no event told: all of it, when it was held back until valid."""
        if reply.fingerprint:
            self._head["system_fingerprint"] = reply.fingerprint
        thought = "".join(p.text for p in reply.parts if isinstance(p, Thinking))
        pieces = []
        if len(thought) > self._thought_size:
            pieces.append(self.write(ThinkingDelta(thought[self._thought_size :])))
        if len(reply.text) > self._text_size:
            pieces.append(self.write(TextDelta(reply.text[self._text_size :])))
        calls = [part for part in reply.parts if isinstance(part, ToolCall)]
        for index, call in enumerate(calls):
            if index not in self._arguments:
                pieces.append(self.write(ToolCallStarted(index, call.id, call.name)))
            told = self._arguments[index]
            if len(call.arguments) > told:
                pieces.append(self.write(ArgumentsDelta(index, call.arguments[told:])))
        return b"".join(pieces)

    def _chunk(self, delta: dict[str, Json], choice: Mapping[str, Json] | None = None) -> bytes:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", "content": "", **delta}
        inside = {"index": 0, "delta": delta, "finish_reason": None, **(choice or {})}
        return _event({**self._head, "choices": [inside]})


def _event(value: Json) -> bytes:
    return b"data: " + _encode(value) + b"\n\n"


def _error(error: AIHandlerError) -> dict[str, Json]:
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    kind = _ERROR_TYPES.get(error.http_status, "server_error")
    if isinstance(error, BackendError) and error.status == 429:
        kind = "rate_limit_error"
    # Their word for it, by which clients know that a shorter conversation may go through.
    code = "context_length_exceeded" if error.code == ContextExceeded.code else error.code
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _left(reply: Reply) -> Mapping[str, Any]:
    left = reply.extra.get(ORIGIN)
    return left if isinstance(left, dict) else {}


def _message(parts: Sequence[Part], left: Mapping[str, Any]) -> dict[str, Json]:
    field = left.get("thinking", "reasoning_content")
    message: dict[str, Json] = {"role": "assistant", "content": None, **_unsaid(parts)}
    texts = [part.text for part in parts if isinstance(part, Text)]
    if texts:
        message["content"] = "".join(texts)
    if field == "content":
        message["content"] = [_piece(part) for part in parts if isinstance(part, Text | Thinking)]
    else:
        _think(parts, message, field)
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls and left.get("calls") == "function_call":
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
    elif calls:
        made = [call_to_wire(call, call.id, call.extra) for call in calls]
        message["tool_calls"] = [*made, *message.get("tool_calls", ())]
    return message


def _think(parts: Sequence[Part], message: dict[str, Json], field: str) -> None:
    """What stands in details, with a signature, stands beside them as text too."""
    thought = "".join(part.text for part in parts if isinstance(part, Thinking))
    if thought:
        message["reasoning" if "reasoning_details" in message else field] = thought


def _piece(part: Text | Thinking) -> dict[str, Json]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}


def _unsaid(parts: Sequence[Part]) -> dict[str, Json]:
    """What no event of a stream tells: it stands in the whole message, and in the last chunk."""
    delta: dict[str, Json] = {}
    for part in parts:
        match part:
            case Refusal(text):
                delta["refusal"] = delta.get("refusal", "") + text
            case Thinking(signature=signature, sealed=sealed) if _detailed(part):
                if signature or sealed or part.text:
                    delta.setdefault("reasoning_details", []).append(_detail(part))
            case Media(kind="audio"):
                delta["audio"] = _audio(part)
            case Opaque(format=form, payload=dict(payload)) if form == ORIGIN:
                delta.update(_opaque(payload, delta))
            case Text(citations=citations) if citations:
                delta["annotations"] = [*delta.get("annotations", []), *citations]
            case _:
                pass
    return delta


def _detailed(part: Thinking) -> bool:
    return bool(part.signature or part.sealed or part.extra.get("field") == "reasoning_details")


def _detail(part: Thinking) -> dict[str, Json]:
    if part.extra.get("field") == "reasoning_details":
        return detail_to_wire(part, part.extra)
    kind = "reasoning.encrypted" if part.sealed and not part.text else "reasoning.text"
    return detail_to_wire(part, {"type": kind})


def _audio(part: Media) -> dict[str, Json]:
    audio = dict(part.extra)
    if part.file_id:
        audio["id"] = part.file_id
    if part.data:
        audio["data"] = base64.b64encode(part.data).decode()
    return audio


def _opaque(payload: dict[str, Json], delta: Mapping[str, Json]) -> dict[str, Json]:
    if payload.get("type") == "custom":
        return {"tool_calls": [*delta.get("tool_calls", []), payload]}
    return {} if "type" in payload else payload
