"""Objects of Converse taken apart and put together again, so that nothing of them is lost."""

from collections.abc import Mapping

from aihandler.backends.codec import NOTE
from aihandler.domain.parts import CacheLifetime
from aihandler.domain.task import Json

KIND = "bedrock.converse"
# In which of several equal forms a thing was written.
FORM = f"{NOTE}form"
# Known fields that were written out although they say no more than their absence.
GIVEN = f"{NOTE}given"
# Fields whose names look like notes of ours.
_STRANGE = f"{NOTE}strange"


def opened(wire: Mapping[str, Json]) -> dict[str, Json]:
    """A copy to take apart."""
    rest = dict(wire)
    strange = {key: rest.pop(key) for key in wire if key.startswith(NOTE)}
    if strange:
        rest[_STRANGE] = strange
    return rest


def take_whole(rest: dict[str, Json], key: str) -> int | None:
    """A whole number."""
    value = rest.get(key)
    return int(rest.pop(key)) if isinstance(value, int) and not isinstance(value, bool) else None


def take_number(rest: dict[str, Json], key: str) -> float | None:
    """A number."""
    value = rest.get(key)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number: float = rest.pop(key)
        return number
    return None


def settle(rest: dict[str, Json], *known: str) -> dict[str, Json]:
    """`rest` as `extra`: known fields that say nothing become notes."""
    given = {k: rest.pop(k) for k in known if k in rest and rest[k] in (None, "", False, [], {})}
    if given:
        rest[GIVEN] = {**rest.get(GIVEN, {}), **given}
    return rest


def note_usual(rest: dict[str, Json], key: str, value: str) -> None:
    """Makes a note of a field that says what is understood without it."""
    if rest.get(key) == value:
        del rest[key]
        rest[GIVEN] = {**rest.get(GIVEN, {}), key: value}


def keep(rest: dict[str, Json], key: str, inner: dict[str, Json]) -> None:
    """Puts back what is left of an object that was taken apart."""
    if inner:
        rest[key] = inner
    else:
        del rest[key]


def form_of(extra: Mapping[str, Json]) -> str:
    """The noted form, or ""."""
    form = extra.get(FORM, "")
    return form if isinstance(form, str) else ""


def restore(wire: dict[str, Json], extra: Mapping[str, Json]) -> dict[str, Json]:
    """Writes what was kept beside what we built, which wins where both say something."""
    for key, kept in extra.items():
        if key in {GIVEN, _STRANGE}:
            for name, value in kept.items():
                wire.setdefault(name, value)
        elif not key.startswith(NOTE):
            wire[key] = joined(wire[key], kept) if key in wire else kept
    return wire


def joined(built: Json, kept: Json) -> Json:
    """Both objects in one."""
    if not isinstance(built, dict) or not isinstance(kept, dict):
        return built
    both = {
        key: joined(built[key], value) if key in built else value for key, value in kept.items()
    }
    return {**built, **both}


def cache_of(block: Json) -> CacheLifetime | None:
    """How long a cache point asks for; None for what is no such point, or one with more in it."""
    if not isinstance(block, dict) or len(block) != 1:
        return None
    point = block.get("cachePoint")
    if point == {"type": "default"}:
        return ""
    for lifetime in ("5m", "1h"):
        if point == {"type": "default", "ttl": lifetime}:
            return lifetime
    return None


def cache_point(cache: CacheLifetime) -> dict[str, Json]:
    """The block that stands behind what may be kept."""
    ttl = {"ttl": cache} if cache else {}
    return {"cachePoint": {"type": "default", **ttl}}
