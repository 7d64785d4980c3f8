"""Writes a streamed reply to a client of generateContent, in either form of its streams."""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.gemini.errors import error_body
from aihandler.backends.gemini.writer import naming, saying, signature_of, whole, written_part
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
from aihandler.domain.parts import Part, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
_Spoken = type[Text] | type[Thinking]


class _Call(msgspec.Struct):
    """A call of which not all has come: here it goes out in one piece."""

    index: int
    part: ToolCall
    arguments: str = ""

    @property
    def whole(self) -> ToolCall:
        return msgspec.structs.replace(self.part, arguments=self.arguments)


class _Words(msgspec.Struct):
    """How many characters of one kind went out, and how many of them are in whole parts."""

    said: int = 0
    done: int = 0


class ChunkWriter:
    """Writes chunks. `array`: as a JSON array, for clients that do not ask for events."""

    def __init__(self, identity: ReplyIdentity, *, array: bool = False) -> None:
        self._naming = naming(identity)
        self._identity = identity
        self._array = array
        self._begun = False
        self._calls: list[_Call] = []
        self._words: dict[_Spoken, _Words] = {Text: _Words(), Thinking: _Words()}
        # Calls by their ids, and other parts, that went out.
        self._called: Counter[str] = Counter()
        self._told: list[Part] = []

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event; empty when the format has nothing to say yet."""
        match event:
            case TextDelta() if event.text:
                return self._finished_calls() + self._say(Text, event.text)
            case ThinkingDelta() if event.text:
                return self._finished_calls() + self._say(Thinking, event.text)
            case ToolCallStarted():
                finished = self._finished_calls()
                part = ToolCall(event.id, event.name, "", extra=event.extra)
                self._calls.append(_Call(event.index, part))
                return finished
            case ArgumentsDelta():
                for call in self._calls:
                    if call.index == event.index:
                        call.arguments += event.text
            case PartDone():
                return self._done(event.part)
            case ReplyDone():
                return self._end(event.reply)
        return b""

    def fail(self, error: AIHandlerError) -> bytes:
        """The format's own error: a cut stream never ends as if it were whole."""
        return self._framed(error_body(error), last=True)

    def _say(self, kind: _Spoken, text: str) -> bytes:
        self._words[kind].said += len(text)
        thought = {"thought": True} if kind is Thinking else {}
        return self._chunk({"text": text, **thought})

    def _done(self, part: Part) -> bytes:
        match part:
            case Text() | Thinking():
                return self._finished_calls() + self._spoken(part)
            case ToolCall():
                return self._call_done(part)
        self._told.append(part)
        return self._finished_calls() + self._chunk(written_part(part))

    def _spoken(self, part: Text | Thinking) -> bytes:
        words = self._words[type(part)]
        if words.said - words.done < len(part.text):
            words.said += len(part.text)
            words.done = words.said
            return self._chunk(written_part(part))
        words.done += len(part.text)
        signed = signature_of(part)
        if not signed:
            return b""
        # The words have gone out, so what signs them follows, as it does in Google's own streams.
        thought = {"thought": True} if isinstance(part, Thinking) else {}
        return self._chunk({"text": "", **thought, **signed})

    def _call_done(self, part: ToolCall) -> bytes:
        waiting = next((call for call in self._calls if call.part.id == part.id), None)
        if waiting is not None:
            self._calls.remove(waiting)
        elif part.id in self._called:
            return b""
        self._called[part.id] += 1
        return self._chunk(written_part(part))

    def _finished_calls(self) -> bytes:
        """Calls that something else follows, and that nothing said to be whole."""
        written = b""
        while self._calls and _is_object(self._calls[0].arguments):
            call = self._calls.pop(0).whole
            self._called[call.id] += 1
            written += self._chunk(written_part(call))
        return written

    def _end(self, reply: Reply) -> bytes:
        made = whole(reply, self._identity, list(self._untold(reply)))
        blocked = reply.extra.get("promptFeedback")
        if "candidates" not in made and not blocked:
            made["candidates"] = [{"index": 0}]
        for candidate in made.get("candidates", ()):
            # A stream that never says why it ends was cut.
            candidate.setdefault("finishReason", "OTHER")
        return self._framed(made, last=True)

    def _untold(self, reply: Reply) -> Iterator[Part]:
        """The parts that no event told of, or as much of them as none did."""
        left = {kind: words.said for kind, words in self._words.items()}
        called, told = self._called.copy(), deque(self._told)
        for part in reply.parts:
            if isinstance(part, Text | Thinking):
                kind = type(part)
                said = min(left[kind], len(part.text))
                left[kind] -= said
                if not said:
                    yield part
                elif said < len(part.text):
                    yield kind(part.text[said:])
            elif isinstance(part, ToolCall) and called[part.id]:
                called[part.id] -= 1
            elif told and told[0] == part:
                told.popleft()
            elif part in told:
                told.remove(part)
            else:
                yield part

    def _chunk(self, written: Json) -> bytes:
        if written is None:
            return b""
        return self._framed({"candidates": [saying([written])], **self._naming})

    def _framed(self, value: Any, *, last: bool = False) -> bytes:
        text = _encode(value)
        if not self._array:
            return b"data: %s\r\n\r\n" % text
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + text + (b"]" if last else b"")


def _is_object(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
