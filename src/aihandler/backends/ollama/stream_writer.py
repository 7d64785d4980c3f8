"""Writes a streamed reply to a client of Ollama: one JSON object a line."""

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.ollama.fields import GENERATE, KIND
from aihandler.backends.ollama.writer import ending, error_line, opening, written_parts
from aihandler.domain.answer import Reply, ReplyDone, StreamEvent, TextDelta, ThinkingDelta
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode


class LineWriter:
    """Text and thoughts go out as they come; calls and images, which are whole here, at the end."""

    def __init__(self, identity: ReplyIdentity) -> None:
        self._head = opening(identity)
        self._told = {"thinking": 0, "content": 0}

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event; empty when the format has nothing to say yet."""
        match event:
            case TextDelta(text):
                return self._say("content", text)
            case ThinkingDelta(text):
                return self._say("thinking", text)
            case ReplyDone(reply):
                return self._end(reply)
        return b""

    def fail(self, error: AIHandlerError) -> bytes:
        """The format's own error line: a cut stream never ends as if it were whole."""
        return error_line(error) + b"\n"

    def _say(self, field: str, text: str) -> bytes:
        self._told[field] += len(text)
        said = {"content": ""} if field == "thinking" else {}
        return self._line({"message": {"role": "assistant", **said, field: text}, "done": False})

    def _end(self, reply: Reply) -> bytes:
        own = reply.origin == KIND
        if own and isinstance(reply.extra.get("created_at"), str):
            # Ids that a reader makes for calls are made from it.
            self._head["created_at"] = reply.extra["created_at"]
        fields = written_parts(reply.parts, own=own)
        if own and GENERATE in reply.extra and not any(self._told.values()):
            prompted = {"response": fields.pop("content"), **fields}
            return self._line({**prompted, **ending(reply)})
        lines = []
        # What no event told: all of it, when an answer was held back until it was valid.
        for field, size in self._told.items():
            text = fields.pop(field, "")
            if len(text) > size:
                lines.append(self._say(field, text[size:]))
        lines += [
            self._line(
                {"message": {"role": "assistant", "content": "", field: value}, "done": False}
            )
            for field, value in fields.items()
        ]
        message: dict[str, Json] = {"role": "assistant", "content": ""}
        left = reply.extra.get("message") if own else None
        if isinstance(left, dict):
            message |= left
        lines.append(self._line({"message": message, **ending(reply)}))
        return b"".join(lines)

    def _line(self, fields: dict[str, Json]) -> bytes:
        return _encode({**self._head, **fields}) + b"\n"
