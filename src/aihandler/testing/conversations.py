"""Says what a conversation has lost on its way through a wire format: for tests of codecs."""

from collections.abc import Iterator, Sequence

import msgspec

from aihandler.domain.conversation import Request
from aihandler.domain.parts import Media, Text, ToolCall, ToolResult
from aihandler.domain.tools import Tool

_canonical = msgspec.json.Encoder(order="deterministic").encode


def differences(before: Request, after: Request) -> list[str]:
    """What a model would understand differently; empty for a conversation that survived.

    Compared are the words of each role, the calls with the value of their arguments, which
    result answers which call, and the tools with their schemas. Ids may differ, but not what they
    join; how texts are cut into parts and turns is free.
    """
    found: list[str] = []
    for what, told in (
        ("words", _words),
        ("calls", _calls),
        ("results", _results),
        ("media", _media),
        ("tools", _tools),
    ):
        one, two = list(told(before)), list(told(after))
        if one != two:
            found.append(f"{what}: {one!r:.300} became {two!r:.300}")
    return found


def _words(request: Request) -> list[tuple[str, str]]:
    """All words of a role in their order, without white space: formats join texts in their way."""
    words: dict[str, list[str]] = {}
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Text):
                words.setdefault(message.role, []).extend(part.text.split())
    return [(role, "".join(said)) for role, said in sorted(words.items())]


def _calls(request: Request) -> Iterator[tuple[str, bytes]]:
    for call in _parts(request, ToolCall):
        yield call.name, _value(call.arguments)


def _results(request: Request) -> Iterator[tuple[int | None, str]]:
    """The number of the call that is answered, and the words of the answer."""
    places: dict[str, int] = {}
    answered: list[tuple[int | None, str]] = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                places[part.id] = len(places)
            elif isinstance(part, ToolResult):
                said = " ".join(p.text for p in part.parts if isinstance(p, Text))
                answered.append((places.get(part.call_id), " ".join(said.split())))
    # Results of parallel calls may stand in any order.
    yield from sorted(answered, key=str)


def _media(request: Request) -> list[bytes]:
    """Images may move out of a result into the turn behind it."""
    found = []
    for message in request.messages:
        for part in message.parts:
            inner: Sequence[object] = part.parts if isinstance(part, ToolResult) else (part,)
            found += [p.data for p in inner if isinstance(p, Media)]
    return sorted(found)


def _tools(request: Request) -> Iterator[tuple[str, str, bytes]]:
    for tool in request.tools:
        if isinstance(tool, Tool):
            yield tool.name, tool.description, _canonical(_filled(tool.parameters))


def _filled(schema: object) -> object:
    # A tool without parameters takes an object without keys.
    return schema or {"type": "object", "properties": {}}


def _parts(request: Request, kind: type[ToolCall]) -> Iterator[ToolCall]:
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, kind):
                yield part


def _value(arguments: str) -> bytes:
    try:
        return _canonical(msgspec.json.decode(arguments or "{}"))
    except msgspec.DecodeError:
        return arguments.encode()
