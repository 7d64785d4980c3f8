"""What a client of Ollama is answered: whole replies and errors."""

import base64
import datetime
from collections.abc import Mapping, Sequence

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.ollama.fields import GENERATE, KIND, UNCOUNTED, WITHOUT_REASON
from aihandler.backends.ollama.tools import write_call
from aihandler.backends.ollama.usage import write_usage
from aihandler.backends.wire_objects import Losses, restore
from aihandler.domain.answer import Finish, Reply
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
# There is no other word for an answer that is not whole.
_REASONS: Mapping[Finish, str] = {"length": "length", "other": "length", "pause": "length"}


def write_reply(reply: Reply, identity: ReplyIdentity) -> bytes:
    """The body of a whole reply."""
    own = reply.origin == KIND
    said = written_parts(reply.parts, own=own)
    if own and GENERATE in reply.extra:
        said = {"response": said.pop("content"), **said}
        return _encode({**opening(identity), **said, **ending(reply)})
    message: dict[str, Json] = {"role": "assistant", **said}
    left = reply.extra.get("message") if own else None
    if isinstance(left, dict):
        message |= left
    return _encode({**opening(identity), "message": message, **ending(reply)})


def write_error(error: AIHandlerError) -> tuple[int, bytes]:
    """HTTP status and body of an error."""
    return error.http_status, error_line(error)


def error_line(error: AIHandlerError) -> bytes:
    """The error as an object; also the last line of a stream that failed."""
    words = f"{error.message}; {error.hint}" if error.hint else error.message
    return _encode({"error": words})


def opening(identity: ReplyIdentity) -> dict[str, Json]:
    """What every line begins with."""
    when = datetime.datetime.fromtimestamp(identity.created or 0, datetime.UTC)
    return {"model": identity.model, "created_at": when.strftime("%Y-%m-%dT%H:%M:%SZ")}


def ending(reply: Reply) -> dict[str, Json]:
    """What the last line says of the whole."""
    own = reply.origin == KIND
    extra = reply.extra if own else {}
    wire: dict[str, Json] = {"done": True, **write_usage(reply.usage, extra.get(UNCOUNTED))}
    if WITHOUT_REASON not in extra:
        wire["done_reason"] = _REASONS.get(reply.finish, "stop")
    told = reply.logprobs.get("content") if isinstance(reply.logprobs, dict) else None
    if isinstance(told, list):
        wire["logprobs"] = told
    return restore(wire, {k: v for k, v in extra.items() if k != "message"})


def written_parts(parts: Sequence[Part], *, own: bool) -> dict[str, Json]:
    """The fields of a message; a part of another provider's own has none."""
    fields: dict[str, Json] = {
        "content": "".join(p.text for p in parts if isinstance(p, (Text, Refusal)))
    }
    thought = "".join(part.text for part in parts if isinstance(part, Thinking))
    if thought:
        fields["thinking"] = thought
    images = [base64.b64encode(p.data).decode() for p in parts if isinstance(p, Media) and p.data]
    if images:
        fields["images"] = images
    calls = written_calls(parts, own=own)
    if calls:
        fields["tool_calls"] = calls
    return fields


def written_calls(parts: Sequence[Part], *, own: bool) -> list[Json]:
    """The calls of an answer."""
    losses = Losses(own=own)
    calls: list[Json] = []
    for part in parts:
        if isinstance(part, ToolCall):
            calls.append(write_call(part, "", losses))
        elif isinstance(part, Opaque) and part.format == KIND:
            calls.append(part.payload)
    return calls
