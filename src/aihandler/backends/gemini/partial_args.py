"""Arguments of a call that come in pieces, each with the path of its value (Vertex alone)."""

import itertools
import re
from collections.abc import Mapping

import msgspec

from aihandler.domain.task import Json

# `.name`, `['name']`, `["name"]` or `[3]` after the `$` that begins a path.
_STEP = re.compile(r"""\.([^.\[]+)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]""")
_VALUES = ("stringValue", "numberValue", "boolValue")
_Steps = tuple[str | int, ...]


class GrowingArguments:
    """The arguments so far."""

    def __init__(self) -> None:
        self._root: dict[str, Json] = {}
        self._growing: _Steps | None = None

    def add(self, piece: Json) -> None:
        """One `partialArg`; a text goes on where the piece before said that it would."""
        if not isinstance(piece, dict) or not isinstance(piece.get("jsonPath"), str):
            return
        steps = _steps(piece["jsonPath"])
        if not steps or isinstance(steps[0], int):
            return
        value = _value(piece)
        goes_on = self._growing == steps
        self._growing = steps if piece.get("willContinue") is True else None
        if value is not ...:
            _put(self._root, steps, value, goes_on=goes_on)

    def put(self, whole: Mapping[str, Json]) -> None:
        """Arguments that came in one piece."""
        self._root.update(whole)

    @property
    def text(self) -> str:
        """All of them, as JSON."""
        return msgspec.json.encode(self._root).decode()


def _steps(path: str) -> _Steps:
    found: list[str | int] = []
    for match in _STEP.finditer(path):
        name = next((group for group in match.groups()[:3] if group is not None), None)
        found.append(int(match[4]) if name is None else name)
    return tuple(found)


def _value(piece: Mapping[str, Json]) -> Json:
    for key in _VALUES:
        if key in piece:
            return piece[key]
    return None if "nullValue" in piece else ...


def _put(root: dict[str, Json], steps: _Steps, value: Json, *, goes_on: bool) -> None:
    place: Json = root
    for step, following in itertools.pairwise(steps):
        inner = _get(place, step)
        if not isinstance(inner, dict | list):
            inner = [] if isinstance(following, int) else {}
            _set(place, step, inner)
        place = inner
    before = _get(place, steps[-1])
    joined = goes_on and isinstance(before, str) and isinstance(value, str)
    _set(place, steps[-1], before + value if joined else value)


def _get(place: Json, step: str | int) -> Json:
    if isinstance(place, dict):
        return place.get(str(step))
    return place[step] if isinstance(step, int) and step < len(place) else None


def _set(place: Json, step: str | int, value: Json) -> None:
    if isinstance(place, dict):
        place[str(step)] = value
    elif isinstance(step, int) and step < len(place):
        place[step] = value
    elif step == len(place):
        # Items come in their order; a gap would let a server fill our memory.
        place.append(value)
