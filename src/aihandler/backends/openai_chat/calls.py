"""Tool calls of a stream, put together from pieces that each server numbers in its own way."""

from collections.abc import Callable, Mapping

import msgspec

from aihandler.backends.openai_chat.passage import ORIGIN
from aihandler.domain.answer import ArgumentsDelta, StreamEvent, ToolCallStarted
from aihandler.domain.parts import Opaque, ToolCall
from aihandler.domain.task import Json

_UNDERSTOOD = frozenset({"index", "id", "type", "function", "custom"})


class Call:
    """One call in the making. It is told to have started as soon as its name is known."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.id = ""
        self.name = ""
        self.kind = "function"
        self.arguments: list[str] = []
        self.extra: dict[str, Json] = {}
        self.told = 0
        self.started = False
        self.made_up_id = False

    @property
    def text(self) -> str:
        """The arguments so far."""
        return "".join(self.arguments)

    def part(self) -> ToolCall | Opaque:
        """The whole of it."""
        if self.kind == "custom":
            custom = {"name": self.name, "input": self.text}
            payload = {"id": self.id, "type": "custom", "custom": custom, **self.extra}
            return Opaque(ORIGIN, payload)
        return ToolCall(self.id, self.name, self.text, extra=self.extra)


class Calls:
    """Sorts pieces to calls. `make_id(number)` names a call that came without an id."""

    def __init__(self, make_id: Callable[[int], str]) -> None:
        self._make_id = make_id
        self._at: dict[int, Call] = {}
        self._last: Call | None = None
        self.all: list[Call] = []

    def feed(self, pieces: list[Json], events: list[StreamEvent]) -> list[Call]:
        """The calls that begin with these pieces, all of one chunk."""
        before = len(self.all)
        touched: set[int] = set()
        for piece in pieces:
            if isinstance(piece, dict):
                call = self._call_of(piece, touched)
                touched.add(call.number)
                _take(call, piece)
                self._tell(call, events, whole=False)
        return self.all[before:]

    def finish(self, events: list[StreamEvent]) -> None:
        """Tells what was held back for want of an id; no arguments are an empty object."""
        for call in self.all:
            if not call.arguments and call.kind == "function":
                call.arguments.append("{}")
            self._tell(call, events, whole=True)

    def _call_of(self, piece: Mapping[str, Json], touched: set[int]) -> Call:
        index = piece.get("index")
        known = self._at.get(index) if isinstance(index, int) else self._last
        # Some servers number every call 0 or -1, so a number alone says nothing.
        if known is None or _begins(piece, known, again=known.number in touched):
            known = Call(len(self.all))
            self.all.append(known)
        if isinstance(index, int):
            self._at[index] = known
        self._last = known
        return known

    def _tell(self, call: Call, events: list[StreamEvent], *, whole: bool) -> None:
        if call.kind != "function":
            return
        if not call.started:
            if not call.name or not (call.id or call.arguments or whole):
                return
            if not call.id:
                call.id, call.made_up_id = self._make_id(call.number), True
            call.started = True
            events.append(ToolCallStarted(call.number, call.id, call.name))
        events.extend(ArgumentsDelta(call.number, text) for text in call.arguments[call.told :])
        call.told = len(call.arguments)


def _begins(piece: Mapping[str, Json], known: Call, *, again: bool) -> bool:
    call_id, name = piece.get("id"), _function(piece).get("name")
    if call_id and known.id and not known.made_up_id:
        return bool(call_id != known.id)
    if not name or not known.name:
        return bool(call_id and known.name and again)
    # A name once more: a server that repeats it in every piece, or the next call.
    return bool(name != known.name or again or call_id or _complete(known.text))


def _function(piece: Mapping[str, Json]) -> Mapping[str, Json]:
    for kind in ("function", "custom"):
        inner = piece.get(kind)
        if isinstance(inner, dict):
            return inner
    return {}


def _take(call: Call, piece: Mapping[str, Json]) -> None:
    function = _function(piece)
    call_id, name = piece.get("id"), function.get("name")
    if isinstance(call_id, str) and not call.id:
        call.id = call_id
    if isinstance(name, str) and not call.name:
        call.name = name
    if piece.get("type") == "custom":
        call.kind = "custom"
    arguments = function.get("input" if call.kind == "custom" else "arguments")
    if isinstance(arguments, str):
        if arguments:
            call.arguments.append(arguments)
    elif arguments is not None:
        call.arguments.append(msgspec.json.encode(arguments).decode())
    if not piece.keys() <= _UNDERSTOOD:
        call.extra.update({key: piece[key] for key in piece.keys() - _UNDERSTOOD})


def _complete(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True
