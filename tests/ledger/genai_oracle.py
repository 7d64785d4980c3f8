"""What the package `genai-prices` itself says, in our terms."""

import datetime
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from aihandler.domain.usage import Usage

CONTEXTS = {
    "standard": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
Counts = tuple[int, ...]
_FIRST = datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC)
_LAST = datetime.datetime(2027, 6, 1, tzinfo=datetime.UTC)


def moments(rng: random.Random, count: int) -> Iterator[int]:
    for _ in range(count):
        yield rng.randrange(int(_FIRST.timestamp()), int(_LAST.timestamp()))


def usages(rng: random.Random, count: int) -> Iterator[Counts]:
    """Counts in the order of `usage`; often 0, and often on both sides of long prompts."""
    for _ in range(count):
        yield tuple(
            rng.choice([0, 0, rng.randrange(2000), rng.randrange(300_000)]) for _ in range(8)
        )


def usage(counts: Counts) -> Usage:
    inputs, reads, writes, outputs, reasons, hour_writes, heard, spoken = counts
    return Usage(inputs, reads, writes, outputs, reasons, False, hour_writes, heard, spoken)


def charged(provider: Any, model: Any, counts: Counts, *, at: int, tier: str) -> int | None:
    """Nano-dollars; None where it has no price for the tier or for a side that has tokens.

    The package itself charges the standard price for a tier that it does not know, and nothing
    for tokens that it has no price for.
    """
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    context = CONTEXTS[tier]
    if context and not _offered(model, context, moment):
        return None
    priced = {k for k, v in vars(model.get_prices(moment, context)).items() if v is not None}
    tokens = usage(counts)
    if not {"input_mtok", "output_mtok"} & priced:
        return None
    if _lacks(tokens, priced):
        return None
    found = model.calc_price(
        _theirs(tokens), provider, genai_request_timestamp=moment, price_context=context
    )
    return round(Fraction(found.total_price) * 1_000_000_000)


def _offered(model: Any, context: dict[str, str], moment: datetime.datetime) -> bool:
    return any(
        v.when.items() <= context.items() and (v.constraint is None or v.constraint.active(moment))
        for v in model.price_variants or ()
    )


def _lacks(tokens: Usage, priced: set[str]) -> bool:
    plain_in = tokens.input + tokens.cache_read + tokens.cache_write + tokens.cache_write_1h
    return ("input_mtok" not in priced and bool(plain_in + tokens.audio_input)) or (
        "output_mtok" not in priced and bool(tokens.output + tokens.reasoning + tokens.audio_output)
    )


def _theirs(tokens: Usage) -> Any:
    from genai_prices.types import Usage as Theirs
    from genai_prices.units import _get_registry

    # It must be told of every kind that there are none, or it refuses what overlaps.
    none = dict.fromkeys(_get_registry()._reported_usage_keys, 0)
    counts = {
        "input_tokens": tokens.prompt,
        "cache_read_tokens": tokens.cache_read,
        "cache_write_tokens": tokens.cache_write + tokens.cache_write_1h,
        "cache_write_5m_tokens": tokens.cache_write,
        "cache_write_1h_tokens": tokens.cache_write_1h,
        "output_tokens": tokens.output + tokens.reasoning + tokens.audio_output,
        "output_reasoning_tokens": tokens.reasoning,
        "input_audio_tokens": tokens.audio_input,
        "output_audio_tokens": tokens.audio_output,
    }
    return Theirs(**(none | counts))
