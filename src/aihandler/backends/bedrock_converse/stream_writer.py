"""Writes a streamed reply to a client of Converse, in binary frames."""

from collections.abc import Mapping

import msgspec

from aihandler.backends.bedrock_converse.event_stream import write_frame
from aihandler.backends.bedrock_converse.writer import (
    error_name,
    more_of,
    stop_reason,
    usage_of,
    written_part,
)
from aihandler.backends.codec import foreign_fields
from aihandler.domain.answer import (
    ArgumentsDelta,
    PartDone,
    Reply,
    ReplyDone,
    StreamEvent,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.parts import Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
_JSON = "application/json"
_AT_THE_STOP = frozenset({"additionalModelResponseFields"})


class _Call(msgspec.Struct):
    """A tool call on its way out."""

    index: int
    block: int
    id: str
    argued: bool = False


class ConverseStreamWriter:
    """Blocks by their number. A text ends when another block begins; a thought waits for the
    signature that its end may bring, and so stays open beside later blocks.
    """

    def __init__(self) -> None:
        self._begun = False
        self._blocks = 0
        self._speaks = ""
        self._block = -1
        self._calls: list[_Call] = []
        self._thoughts: list[int] = []
        self._told: list[Part] = []
        self._said = {"text": 0, "thinking": 0}

    def write(self, event: StreamEvent) -> bytes:
        """The frames of one event; empty when the format has nothing to say."""
        out: list[bytes] = []
        if not self._begun:
            self._begun = True
            out.append(_event("messageStart", {"role": "assistant"}))
        match event:
            case TextDelta():
                self._say("text", event.text, out)
            case ThinkingDelta():
                self._say("thinking", event.text, out)
            case ToolCallStarted():
                self._start_call(event, out)
            case ArgumentsDelta():
                self._argue(event.index, event.text, out)
            case PartDone():
                self._part_done(event.part, out)
            case ReplyDone():
                self._end(event.reply, out)
        return b"".join(out)

    def fail(self, error: AIHandlerError) -> bytes:
        """An exception in a frame of its own: a cut stream never ends as if it were whole."""
        name = error_name(error)
        words = f"{error.message}; {error.hint}" if error.hint else error.message
        headers = {
            ":exception-type": name[0].lower() + name[1:],
            ":content-type": _JSON,
            ":message-type": "exception",
        }
        return write_frame(headers, _encode({"message": words}))

    def _say(self, kind: str, text: str, out: list[bytes]) -> None:
        if self._speaks != kind:
            self._silence(out)
            self._speaks, self._block = kind, self._blocks
            self._blocks += 1
        self._said[kind] += len(text)
        delta: Json = {"text": text} if kind == "text" else {"reasoningContent": {"text": text}}
        out.append(_delta(self._block, delta))

    def _silence(self, out: list[bytes]) -> None:
        """Ends the text that goes on; a thought waits."""
        if self._speaks == "thinking":
            self._thoughts.append(self._block)
        elif self._speaks:
            out.append(_stop(self._block))
        self._speaks = ""

    def _start_call(self, event: ToolCallStarted, out: list[bytes]) -> None:
        self._silence(out)
        self._calls.append(_Call(event.index, self._blocks, event.id))
        extra = {key: event.extra[key] for key in foreign_fields(event.extra)}
        start = {"toolUse": {"toolUseId": event.id, "name": event.name, **extra}}
        out.append(_start(self._blocks, start))
        self._blocks += 1

    def _argue(self, index: int, text: str, out: list[bytes]) -> None:
        for call in self._calls:
            if call.index == index:
                call.argued = True
                out.append(_delta(call.block, {"toolUse": {"input": text}}))

    def _part_done(self, part: Part, out: list[bytes]) -> None:
        match part:
            case Thinking() if self._is_open(part):
                self._end_thought(part, out)
            case Text() if self._speaks == "text":
                self._cite(part, out)
                self._silence(out)
            case ToolCall() if any(call.id == part.id for call in self._calls):
                self._finish_call(part, out)
            case Text() if part.text:
                # Its words are out already, and its block is closed.
                return
            case _:
                self._whole(part, out)
        self._told.append(part)

    def _is_open(self, part: Thinking) -> bool:
        return not part.sealed and (self._speaks == "thinking" or bool(self._thoughts))

    def _end_thought(self, part: Thinking, out: list[bytes]) -> None:
        if self._speaks == "thinking":
            self._silence(out)
        block = self._thoughts.pop(0)
        written = written_part(part)
        assert written is not None
        signature = written["reasoningContent"].get("reasoningText", {}).get("signature")
        if signature:
            out.append(_delta(block, {"reasoningContent": {"signature": signature}}))
        out.append(_stop(block))

    def _cite(self, part: Text, out: list[bytes]) -> None:
        written = written_part(part) or {}
        citations = written.get("citationsContent", {}).get("citations", ())
        out.extend(_delta(self._block, {"citation": citation}) for citation in citations)

    def _finish_call(self, part: ToolCall, out: list[bytes]) -> None:
        call = next(call for call in self._calls if call.id == part.id)
        self._calls.remove(call)
        if not call.argued:
            out.append(_delta(call.block, {"toolUse": {"input": part.arguments or "{}"}}))
        out.append(_stop(call.block))

    def _whole(self, part: Part, out: list[bytes]) -> None:
        """A part that no delta told of."""
        match part:
            case Text() | Refusal():
                self._silence(out)
                self._say("text", part.text, out)
                if isinstance(part, Text):
                    self._cite(part, out)
                self._silence(out)
            case Thinking() if not part.sealed:
                self._silence(out)
                self._say("thinking", part.text, out)
                self._silence(out)
                # Of several that wait, this is the last.
                self._thoughts.insert(0, self._thoughts.pop())
                self._end_thought(part, out)
            case ToolCall():
                self._call(written_part(part), part.arguments or "{}", out)
            case _:
                self._carried(written_part(part), out)

    def _carried(self, written: dict[str, Json] | None, out: list[bytes]) -> None:
        if written is None:
            return
        self._silence(out)
        sealed = written.get("reasoningContent")
        result = written.get("toolResult")
        if isinstance(sealed, dict):
            out.append(_delta(self._blocks, {"reasoningContent": sealed}))
        elif isinstance(result, dict):
            head = {key: value for key, value in result.items() if key != "content"}
            out.append(_start(self._blocks, {"toolResult": head}))
            out.append(_delta(self._blocks, {"toolResult": result.get("content") or []}))
        elif isinstance(call := written.get("toolUse"), dict):
            self._call(written, _encode(call.get("input")).decode(), out)
            return
        else:
            out.append(_start(self._blocks, written))
        out.append(_stop(self._blocks))
        self._blocks += 1

    def _call(self, written: dict[str, Json] | None, arguments: str, out: list[bytes]) -> None:
        call = (written or {}).get("toolUse", {})
        self._silence(out)
        head = {key: value for key, value in call.items() if key != "input"}
        out.append(_start(self._blocks, {"toolUse": head}))
        out.append(_delta(self._blocks, {"toolUse": {"input": arguments}}))
        out.append(_stop(self._blocks))
        self._blocks += 1

    def _end(self, reply: Reply, out: list[bytes]) -> None:
        self._reconcile(reply, out)
        self._silence(out)
        out.extend(_stop(call.block) for call in self._calls)
        out.extend(map(_stop, self._thoughts))
        more = more_of(reply)
        told = {key: value for key, value in more.items() if key in _AT_THE_STOP}
        out.append(_event("messageStop", {"stopReason": stop_reason(reply), **told}))
        rest = {key: value for key, value in more.items() if key not in _AT_THE_STOP}
        out.append(_event("metadata", {"usage": usage_of(reply), **rest}))

    def _reconcile(self, reply: Reply, out: list[bytes]) -> None:
        # What the deltas did not tell, the whole does.
        told = list(self._told)
        spoken = {
            kind: self._said[kind] >= _length(reply, kind) > 0 for kind in ("text", "thinking")
        }
        for part in reply.parts:
            if part in told:
                told.remove(part)
            elif isinstance(part, ToolCall) and any(c.id == part.id for c in self._calls):
                self._finish_call(part, out)
            elif isinstance(part, Thinking) and self._is_open(part):
                self._end_thought(part, out)
            elif not spoken.get(_kind(part), False):
                self._whole(part, out)


def _kind(part: Part) -> str:
    if isinstance(part, (Text, Refusal)):
        return "text"
    return "thinking" if isinstance(part, Thinking) and not part.sealed else ""


def _length(reply: Reply, kind: str) -> int:
    spoken = (part for part in reply.parts if isinstance(part, (Text, Refusal, Thinking)))
    return sum(len(part.text) for part in spoken if _kind(part) == kind)


def _start(block: int, start: Json) -> bytes:
    return _event("contentBlockStart", {"contentBlockIndex": block, "start": start})


def _delta(block: int, delta: Json) -> bytes:
    return _event("contentBlockDelta", {"contentBlockIndex": block, "delta": delta})


def _stop(block: int) -> bytes:
    return _event("contentBlockStop", {"contentBlockIndex": block})


def _event(kind: str, told: Mapping[str, Json]) -> bytes:
    headers = {":event-type": kind, ":content-type": _JSON, ":message-type": "event"}
    return write_frame(headers, _encode(told))
