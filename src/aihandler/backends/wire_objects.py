"""Takes wire objects apart and puts them together again, so that nothing of them is lost."""

from collections.abc import Mapping
from typing import TypeVar

from aihandler.backends.codec import NOTE, Lost, foreign_fields
from aihandler.domain.task import Json
from aihandler.errors import InputError

# Known fields that were written out although they say no more than their absence.
GIVEN = f"{NOTE}given"
_FORM = f"{NOTE}form"
_SHOWN_CHARS = 40
# So local servers and their clients say that an answer may be as long as it likes.
NO_BOUND = -1
_T = TypeVar("_T")


class Losses:
    """What could not be carried. `own` says whether the request was read from this very format."""

    def __init__(self, *, own: bool) -> None:
        self.own = own
        self.found: list[Lost] = []

    def add(self, pointer: str, what: str) -> None:
        """Notes one loss at a JSON pointer into our Request."""
        self.found.append(Lost(pointer, what))

    def add_fields(self, pointer: str, extra: Mapping[str, Json]) -> None:
        """Notes the fields of another format."""
        for key in foreign_fields(extra):
            self.add(f"{pointer}/extra/{key}", "a field of another format")


def rest_of(wire: Mapping[str, Json], *known: str) -> dict[str, Json]:
    """A copy without these fields."""
    return {key: value for key, value in wire.items() if key not in known}


def take(rest: dict[str, Json], key: str, kind: type[_T], default: _T) -> _T:
    """A field of the kind that it should be of; any other stays in `rest`, to be written again."""
    value = rest.get(key)
    if isinstance(value, kind) and value != default:
        del rest[key]
        return value
    return default


def settle(rest: dict[str, Json], *known: str) -> dict[str, Json]:
    """`rest` as `extra`: known fields that say nothing become notes."""
    given = {k: rest.pop(k) for k in known if k in rest and rest[k] in (None, "", False, [], {})}
    if given:
        rest[GIVEN] = given
    return rest


def note_form(extra: dict[str, Json], form: str) -> None:
    """Notes in which of several equal forms a thing was written."""
    extra[_FORM] = form


def form_of(extra: Mapping[str, Json]) -> str:
    """The noted form, or ""."""
    form = extra.get(_FORM, "")
    return form if isinstance(form, str) else ""


def restore(wire: dict[str, Json], extra: Mapping[str, Json]) -> dict[str, Json]:
    """Writes what `settle` kept. Inside an object that both have, the fields are joined."""
    for key, kept in extra.items():
        value = kept
        if key == GIVEN:
            for name, empty in value.items():
                wire.setdefault(name, empty)
        elif not key.startswith(NOTE):
            mine = wire.get(key)
            if isinstance(mine, dict) and isinstance(value, dict):
                value = {**mine, **value}
            wire[key] = value
    return wire


def over(extra: Mapping[str, Json], built: dict[str, Json]) -> dict[str, Json]:
    """`built`, with the fields of `extra` that it lacks, also one level down."""
    if not extra:
        return built
    merged = {**extra, **built}
    for key, value in built.items():
        beside = extra.get(key)
        if isinstance(value, dict) and isinstance(beside, dict):
            merged[key] = {**beside, **value}
    return merged


def take_text(left: dict[str, Json], key: str) -> str:
    """Takes a text out of `left`. What is empty or no text stays there, to be written as it was."""
    value = left.get(key)
    if isinstance(value, str) and value:
        del left[key]
        return value
    return ""


def take_bound(
    left: dict[str, Json], *keys: str, least: int = 1, none: int | None = None
) -> int | None:
    """Takes how long an answer may be, under any of its names: servers differ in which one they
    heed, so the largest holds. `none` under any of them is no bound, and all stays in `left`.
    Raises InputError for what else bounds nothing.
    """
    if none is not None and any(left.get(key) == none for key in keys):
        return None
    said = [bound for key in keys if (bound := _bound(left, key, least)) is not None]
    return max(said, default=None)


def require_count(left: dict[str, Json], key: str) -> None:
    """How many of something are wanted, as a whole number. Raises InputError."""
    count = _bound(left, key, 1)
    if count is not None:
        left[key] = count


def _bound(left: dict[str, Json], key: str, least: int) -> int | None:
    value = left.get(key)
    if value is None:
        return None
    # In JSON 5.0 is a whole number too.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(
            f"{key} must be a whole number of at least {least}, and is {_shown(value)} (at /{key})",
            hint="send such a number; who leaves it out gets what the server gives",
        )
    del left[key]
    return value


def _shown(value: Json) -> str:
    # A message need not hold all that somebody sends.
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def take_streamed(rest: dict[str, Json]) -> bool:
    """Takes whether a client wants a stream; a plain no stays in `rest`. Raises InputError for what
    is neither yes nor no: sent on, it would be answered in a form that nobody expects.
    """
    said = rest.get("stream")
    if said is not None and not isinstance(said, bool):
        raise InputError(
            "stream must be true or false (at /stream)", hint="send true, or leave it out"
        )
    return bool(said) and rest.pop("stream") is True
