"""Token counts as they stand in a reply; whatever else they say is passed over."""

import msgspec

from aihandler.domain.task import Json

# No call has this many tokens: a server that says so miscounts.
_MOST = 1_000_000_000


class Details(msgspec.Struct):
    """A breakdown of a token count."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """Token counts. `prompt_cache_hit_tokens` is DeepSeek's name for cached tokens."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    num_cached_tokens: int | None = None


def wire_usage(raw: Json) -> WireUsage | None:
    """Token counts, or None when there are none that can be believed: then they are estimated."""
    try:
        usage = msgspec.convert(raw, WireUsage)
    except msgspec.ValidationError:
        return None
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt is None and completion is None:
        return None
    if not 0 <= (prompt or 0) <= _MOST or not 0 <= (completion or 0) <= _MOST:
        return None
    return usage if (usage.total_tokens or 0) <= 2 * _MOST else None
