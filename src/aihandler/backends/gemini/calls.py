"""Calls of tools and their results, in both directions; here neither needs an id."""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from aihandler.backends.call_ids import made_call_id
from aihandler.backends.codec import NOTE
from aihandler.backends.gemini.fields import (
    FORM,
    KIND,
    SIGNATURE,
    WITHOUT_ID,
    keep,
    restore,
    settle,
    take_text,
    usual,
)
from aihandler.backends.gemini.media import read_media, write_media
from aihandler.backends.wire_objects import rest_of
from aihandler.domain.parts import Media, Opaque, Text, ToolCall, ToolResult
from aihandler.domain.task import Json

_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder().decode
# Keys under which clients put the text of a result; the first is the documented one.
_TEXT_KEYS = ("output", "result", "return_value", "content", "error")
_WHOLE = "object"
_WITHOUT_ARGUMENTS = f"{NOTE}without_arguments"


class CallPairs:
    """Gives calls without an id one of ours, and results without one that of their call.

    `seed` keeps the ids of one reply apart from those of another.
    """

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._open: set[str] = set()
        self._by_name: dict[str, deque[str]] = {}
        self._count = 0

    def called(self, call_id: str, name: str, said: str) -> str:
        """The id of a call; `said` tells it from others where no seed does."""
        self._count += 1
        call_id = call_id or made_call_id(KIND, self._seed or said, str(self._count), name)
        self._open.add(call_id)
        self._by_name.setdefault(name, deque()).append(call_id)
        return call_id

    def answered(self, call_id: str, name: str) -> str:
        """The id of the call that is answered: of several of one name, the first that is open."""
        if call_id:
            self._open.discard(call_id)
            return call_id
        waiting = self._by_name.get(name)
        while waiting:
            known = waiting.popleft()
            if known in self._open:
                self._open.remove(known)
                return known
        self._count += 1
        return made_call_id(KIND, "result", str(self._count), name)


def read_call(plain: dict[str, Json], pairs: CallPairs) -> ToolCall | None:
    """A part with `functionCall`."""
    call = plain["functionCall"]
    if not isinstance(call, dict):
        return None
    name, arguments = call.get("name"), call.get("args", {})
    call_id = call.get("id", "")
    if not (isinstance(name, str) and isinstance(arguments, dict) and isinstance(call_id, str)):
        return None
    extra = rest_of(plain, "functionCall")
    signature = take_text(extra, SIGNATURE)
    if not call_id:
        extra[WITHOUT_ID] = True
    if "args" not in call:
        extra[_WITHOUT_ARGUMENTS] = True
    if len(call) != 2 + bool(call_id):
        keep(extra, "functionCall", _left(usual(call), ("name", "args"), ("id",)))
    text = _to_json(arguments).decode() if arguments else "{}"
    known = pairs.called(call_id, name, signature + text)
    return ToolCall(known, name, text, signature, extra=extra)


def write_call(part: ToolCall) -> dict[str, Json]:
    """`args` has to be an object; a text that is none stands under a key of its own."""
    arguments = arguments_value(part.arguments)
    call: dict[str, Json] = {"name": part.name}
    if arguments or _WITHOUT_ARGUMENTS not in part.extra:
        call["args"] = arguments
    if part.id and WITHOUT_ID not in part.extra:
        call["id"] = part.id
    wire: dict[str, Json] = {"functionCall": call}
    if part.signature:
        wire[SIGNATURE] = part.signature
    return wire


def arguments_value(text: str) -> dict[str, Json]:
    """The arguments as an object."""
    value = _object_in(text or "{}")
    return {"arguments": text} if value is None else value


def read_result(plain: dict[str, Json], pairs: CallPairs) -> ToolResult | None:
    """A part with `functionResponse`. Its object is a text where one text is all that it holds."""
    wire = plain["functionResponse"]
    if not isinstance(wire, dict):
        return None
    rest = usual(wire)
    name, response, call_id = rest.get("name"), rest.get("response"), rest.get("id", "")
    pieces = rest.get("parts", [])
    if not (isinstance(name, str) and isinstance(response, dict) and isinstance(call_id, str)):
        return None
    if not isinstance(pieces, list):
        return None
    extra = rest_of(plain, "functionResponse")
    keep(extra, "functionResponse", _left(rest, ("name", "response"), ("id", "parts")))
    if not call_id:
        extra[WITHOUT_ID] = True
    text, failed = _read_response(response, extra)
    said = (Text(text),) if text is not None else ()
    media = tuple(map(_read_piece, pieces))
    return ToolResult(
        pairs.answered(call_id, name), (*said, *media), name=name, failed=failed, extra=extra
    )


def write_result(part: ToolResult) -> dict[str, Json]:
    """One text becomes an object with it under the usual key."""
    result: dict[str, Json] = {"name": part.name, "response": _written_response(part)}
    if part.call_id and WITHOUT_ID not in part.extra:
        result["id"] = part.call_id
    pieces = [_write_piece(p) for p in part.parts if not isinstance(p, Text)]
    if pieces:
        result["parts"] = pieces
    return {"functionResponse": result}


def result_names(calls: Iterable[ToolCall]) -> dict[str, str]:
    """The names of tools by the ids of their calls: a result has to name its tool here."""
    return {call.id: call.name for call in calls}


def _left(
    inner: dict[str, Json], known: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, Json]:
    taken = [key for key in optional if inner.get(key)]
    return settle(rest_of(inner, *known, *taken), *optional)


def _read_response(response: Mapping[str, Json], extra: dict[str, Json]) -> tuple[str | None, bool]:
    if len(response) == 1:
        ((key, value),) = response.items()
        if key in _TEXT_KEYS and isinstance(value, str):
            if key not in {"output", "error"}:
                extra[FORM] = key
            return value, key == "error"
    if not response:
        return None, False
    extra[FORM] = _WHOLE
    return _to_json(response).decode(), False


def _written_response(part: ToolResult) -> dict[str, Json]:
    texts = [p.text for p in part.parts if isinstance(p, Text)]
    if not texts:
        return {}
    text = "\n".join(texts)
    form = part.extra.get(FORM)
    if form == _WHOLE:
        value = _object_in(text)
        if value is not None:
            return value
    if part.failed:
        return {"error": text}
    return {form if form in _TEXT_KEYS else "output": text}


def _read_piece(piece: Json) -> Media | Opaque:
    if isinstance(piece, dict):
        plain = usual(piece)
        if ("inlineData" in plain) != ("fileData" in plain):
            media = read_media(plain)
            if media is not None:
                return media
    return Opaque(KIND, piece)


def _write_piece(piece: Media | Opaque) -> Json:
    if isinstance(piece, Opaque):
        return piece.payload
    return restore(write_media(piece), piece.extra)


def _object_in(text: str) -> dict[str, Json] | None:
    try:
        value = _from_json(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
