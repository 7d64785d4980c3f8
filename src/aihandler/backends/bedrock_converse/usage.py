"""Token counts in buckets that do not overlap, in both directions.

Here `inputTokens` leaves out what a prompt cache held or took in, and the total has all of it.
"""

from collections.abc import Mapping

from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

_INPUT, _OUTPUT, _TOTAL = "inputTokens", "outputTokens", "totalTokens"
_READ, _WRITTEN, _DETAILS = "cacheReadInputTokens", "cacheWriteInputTokens", "cacheDetails"
_HOUR = "1h"


def read_usage(wire: Json) -> Usage | None:
    """The buckets, or None where nothing was counted."""
    if not isinstance(wire, dict) or not (_INPUT in wire or _OUTPUT in wire):
        return None
    counted, output = _count(wire, _INPUT), _count(wire, _OUTPUT)
    read, written = _count(wire, _READ), _count(wire, _WRITTEN)
    if read + written and _count(wire, _TOTAL) == counted + output:
        # A total without the cached tokens: this model counts them in its input.
        counted = max(0, counted - read - written)
    hour = _written_for(wire, _HOUR)
    written = max(written, hour + _written_for(wire, "5m"))
    return Usage(counted, read, written - hour, output, cache_write_1h=hour)


def beside(wire: Json) -> dict[str, Json]:
    """What is said beside the counts that have a bucket, and how they were written."""
    if not isinstance(wire, dict):
        return {}
    usage = read_usage(wire) or Usage()
    told = {_INPUT: usage.input, _OUTPUT: usage.output, _TOTAL: usage.total}
    return {key: value for key, value in wire.items() if told.get(key, ...) != value}


def write_usage(usage: Usage, extra: Mapping[str, Json]) -> dict[str, Json]:
    """The counts as this format has them; `extra` is what `beside` gave."""
    wire: dict[str, Json] = {
        _INPUT: usage.input + usage.audio_input,
        _OUTPUT: usage.output + usage.reasoning + usage.audio_output,
        _TOTAL: usage.total,
    }
    if usage.cache_read:
        wire[_READ] = usage.cache_read
    if usage.cache_write or usage.cache_write_1h:
        wire[_WRITTEN] = usage.cache_write + usage.cache_write_1h
    if usage.cache_write_1h:
        wire[_DETAILS] = [{"inputTokens": usage.cache_write_1h, "ttl": _HOUR}]
    return {**wire, **extra}


def _written_for(wire: Mapping[str, Json], lifetime: str) -> int:
    details = wire.get(_DETAILS)
    if not isinstance(details, list):
        return 0
    told = [one for one in details if isinstance(one, dict) and one.get("ttl") == lifetime]
    return sum(_count(one, _INPUT) for one in told)


def _count(wire: Mapping[str, Json], key: str) -> int:
    value = wire.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
