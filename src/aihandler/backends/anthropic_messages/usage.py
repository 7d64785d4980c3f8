"""Token counts in buckets that do not overlap, in both directions.

Here `input_tokens` leaves out what was cached, and `output_tokens` includes thinking. The counts of
a reply leave out what was spent on shrinking the conversation (`iterations` of type `compaction`),
which is billed all the same.
"""

from collections.abc import Mapping

from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

_COUNTED = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_LIFETIMES = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def merge(counts: dict[str, Json], more: Json) -> None:
    """Adds what a later event of a stream says. Its counts include the earlier ones."""
    if not isinstance(more, dict):
        return
    for key, value in more.items():
        before = counts.get(key)
        if key in _COUNTED:
            # Some servers end with zeros for what they counted at the beginning.
            counts[key] = max(_count(before), _count(value))
        elif value is not None or key not in counts:
            counts[key] = value


def read_usage(wire: Mapping[str, Json]) -> Usage:
    """The buckets; their sum is all that the provider bills at the model's own price."""
    usages = [_read_one(wire), *map(_read_one, _compactions(wire))]
    if len(usages) == 1:
        return usages[0]
    return Usage(
        input=sum(u.input for u in usages),
        cache_read=sum(u.cache_read for u in usages),
        cache_write=sum(u.cache_write for u in usages),
        output=sum(u.output for u in usages),
        reasoning=sum(u.reasoning for u in usages),
        cache_write_1h=sum(u.cache_write_1h for u in usages),
    )


def unread(wire: Mapping[str, Json]) -> dict[str, Json]:
    """What a provider says beside the counts (`service_tier`, uses of its own tools)."""
    known = (*_COUNTED, "cache_creation", "output_tokens_details")
    said = {key: value for key, value in wire.items() if key not in known}
    if _count(wire.get(_COUNTED[3])) and wire.get("cache_creation") is None:
        # Lifetimes that the provider does not tell are not made up for a client.
        said["cache_creation"] = None
    return said


def write_usage(usage: Usage, extra: Mapping[str, Json]) -> dict[str, Json]:
    """The counts as this format has them; `extra` is what `unread` gave."""
    own = _without_compactions(usage, extra)
    wire: dict[str, Json] = {
        "input_tokens": own.input + own.audio_input,
        "cache_creation_input_tokens": own.cache_write + own.cache_write_1h,
        "cache_read_input_tokens": own.cache_read,
        "output_tokens": own.output + own.reasoning + own.audio_output,
        "cache_creation": dict(zip(_LIFETIMES, (own.cache_write, own.cache_write_1h), strict=True)),
    }
    if own.reasoning:
        wire["output_tokens_details"] = {"thinking_tokens": own.reasoning}
    return {**wire, **extra}


def _read_one(wire: Mapping[str, Json]) -> Usage:
    written = _count(wire.get("cache_creation_input_tokens"))
    hour = _inner(wire, "cache_creation", _LIFETIMES[1])
    five = _inner(wire, "cache_creation", _LIFETIMES[0])
    written = max(written, hour + five)
    output = _count(wire.get("output_tokens"))
    reasoning = min(output, _inner(wire, "output_tokens_details", "thinking_tokens"))
    return Usage(
        input=_count(wire.get("input_tokens")),
        cache_read=_count(wire.get("cache_read_input_tokens")),
        cache_write=written - hour,
        output=output - reasoning,
        reasoning=reasoning,
        cache_write_1h=hour,
    )


def _compactions(wire: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    # An iteration of an advisor is left out: another model has another price.
    iterations = wire.get("iterations")
    if not isinstance(iterations, list):
        return []
    return [i for i in iterations if isinstance(i, dict) and i.get("type") == "compaction"]


def _without_compactions(usage: Usage, extra: Mapping[str, Json]) -> Usage:
    spent = [_read_one(iteration) for iteration in _compactions(extra)]
    if not spent:
        return usage
    return Usage(
        input=max(0, usage.input - sum(u.input for u in spent)),
        cache_read=max(0, usage.cache_read - sum(u.cache_read for u in spent)),
        cache_write=max(0, usage.cache_write - sum(u.cache_write for u in spent)),
        output=max(0, usage.output - sum(u.output for u in spent)),
        reasoning=max(0, usage.reasoning - sum(u.reasoning for u in spent)),
        cache_write_1h=max(0, usage.cache_write_1h - sum(u.cache_write_1h for u in spent)),
    )


def _inner(wire: Mapping[str, Json], key: str, name: str) -> int:
    inner = wire.get(key)
    return _count(inner.get(name)) if isinstance(inner, dict) else 0


def _count(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
