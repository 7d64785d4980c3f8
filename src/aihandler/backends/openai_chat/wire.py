"""The parts of a chat completion reply that we read; what we do not know is passed over."""

from typing import Any

import msgspec


class Details(msgspec.Struct):
    """A breakdown of a token count."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


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


class Body(msgspec.Struct):
    """A message, or a piece of one."""

    # A string, or a list of parts.
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    # A string; some servers put a list or an object here.
    reasoning: Any = None
    refusal: str | None = None


class Choice(msgspec.Struct):
    """One answer of several, of which we read the first."""

    index: int | None = 0
    message: Body | None = None
    delta: Body | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct):
    """A whole reply, or one chunk of a streamed one. `error` is set in place of an answer."""

    id: str | int | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    # Read apart: counts of an odd form must not cost an answer that is paid for.
    usage: msgspec.Raw = msgspec.Raw()
    error: Any = None


decode_completion = msgspec.json.Decoder(Completion).decode
_decode_usage = msgspec.json.Decoder(WireUsage | None).decode


def wire_usage(raw: msgspec.Raw) -> WireUsage | None:
    """Token counts, or None when there are none that can be read."""
    try:
        return _decode_usage(raw) if raw else None
    except msgspec.DecodeError:
        return None
