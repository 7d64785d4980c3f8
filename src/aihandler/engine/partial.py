"""What came of an answer that has no end: kept with its error, and counted as far as it came."""

from collections.abc import Callable
from typing import Literal

import msgspec

from aihandler.backends.estimates import estimated_usage
from aihandler.domain.answer import (
    ArgumentsDelta,
    Reply,
    StreamEvent,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
    WireChunk,
)
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Part, Text, Thinking, ToolCall


class Heard:
    """Listens to a stream. Costs a step per event: nothing is joined before it is asked for.

    `began` is called with its first content.
    """

    def __init__(self, request: Request, began: Callable[[], None]) -> None:
        self._request = request
        self._began = began
        self._said: list[StreamEvent] = []

    def note(self, event: StreamEvent) -> None:
        """Keeps one event, or those of a piece of the wire."""
        events = event.events if isinstance(event, WireChunk) else (event,)
        if events and not self._said:
            self._began()
        self._said += events

    def reply(self) -> Reply | None:
        """The parts so far, with a guess of their tokens; None when nothing came.

        Its `finish` is none that a whole answer has, so it is never used again.
        """
        pieces: list[_Piece] = []
        calls: dict[int, _Piece] = {}
        for event in self._said:
            match event:
                case TextDelta(text):
                    _last(pieces, "text").words.append(text)
                case ThinkingDelta(text):
                    _last(pieces, "thinking").words.append(text)
                case ToolCallStarted():
                    calls[event.index] = _Piece("call", [], event.id, event.name)
                    pieces.append(calls[event.index])
                case ArgumentsDelta(index, text) if index in calls:
                    calls[index].words.append(text)
        if not pieces:
            return None
        parts = tuple(map(_part, pieces))
        characters = sum(len(word) for piece in pieces for word in piece.words)
        return Reply(parts, "other", usage=estimated_usage(self._request, characters))


class _Piece(msgspec.Struct):
    kind: Literal["text", "thinking", "call"]
    words: list[str]
    id: str = ""
    name: str = ""


def _last(pieces: list[_Piece], kind: Literal["text", "thinking"]) -> _Piece:
    if not pieces or pieces[-1].kind != kind:
        pieces.append(_Piece(kind, []))
    return pieces[-1]


def _part(piece: _Piece) -> Part:
    said = "".join(piece.words)
    if piece.kind == "call":
        return ToolCall(piece.id, piece.name, said)
    return Text(said) if piece.kind == "text" else Thinking(said)
