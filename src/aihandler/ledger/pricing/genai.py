"""Prices of the package `genai-prices` (extra `prices`), which keeps their history."""

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from aihandler.errors import ConfigError
from aihandler.ledger.pricing.entry import Entry, Period, Schedule, merged, merged_week
from aihandler.ledger.pricing.tariff import Rates, Tariff, exact, product, rates_from
from aihandler.ledger.pricing.tiers import STANDARD

# Its price keys by our buckets. What is paid by the second, page or search is no bucket of ours.
_KEYS = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
}
CONTEXTS: Mapping[str, Mapping[str, str]] = {
    STANDARD: {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
_DAY_S = 86_400


class GenaiList:
    """The prices of the installed version. `providers` are its own records."""

    def __init__(self, providers: Iterable[Any], *, source: str, as_of: str = "") -> None:
        self.source = source
        self.as_of = as_of
        self._models = {f"{p.id}/{m.id}": m for p in providers for m in p.models}

    def entry(self, name: str) -> Entry | None:
        """The entry of exactly that `provider/model`; None when it has no price per token."""
        model = self._models.get(name)
        if model is None:
            return None
        tiers = {tier: schedule for tier in CONTEXTS if (schedule := _schedule(model, tier))}
        return Entry(name, tiers) if tiers else None

    def names(self) -> list[str]:
        """Every `provider/model` of the list, priced or not."""
        return sorted(self._models)


def read_genai() -> GenaiList:
    """Reads the prices that lie in the installed package; opens no connection.

    Raises ConfigError when it is not installed.
    """
    try:
        import genai_prices
        from genai_prices.data import providers
    except ImportError:
        raise ConfigError(
            "the price list 'genai-prices' is not installed",
            hint='pip install "aihandler[prices]"',
        ) from None
    return GenaiList(providers, source=f"genai-prices {genai_prices.__version__}")


def _schedule(model: Any, tier: str) -> Schedule:
    """The tier over time; empty when it never has a price."""
    constraints = [c.constraint for c in _dated(model)]
    constraints += [v.constraint for v in model.price_variants or ()]
    days = {datetime.date.min}
    days |= {c.start_date for c in constraints if hasattr(c, "start_date")}
    edges = sorted({0, *(edge for c in constraints for edge in _edges(c))})
    periods = merged(_period(model, tier, day, edges) for day in sorted(days))
    known = any(tariff for period in periods for _, tariff in period.week)
    return periods if known else ()


def _dated(model: Any) -> Iterable[Any]:
    return model.prices if isinstance(model.prices, list) else ()


def _edges(constraint: Any) -> list[int]:
    """The seconds of the week at which a daily window begins and ends."""
    if not hasattr(constraint, "start_time"):
        return []
    times = (constraint.start_time, constraint.end_time)
    seconds = [_second_of_day(time) for time in times]
    return [day * _DAY_S + second for day in range(7) for second in seconds]


def _second_of_day(time: datetime.time) -> int:
    offset = time.utcoffset() or datetime.timedelta(0)
    local = datetime.timedelta(hours=time.hour, minutes=time.minute, seconds=time.second)
    return int((local - offset).total_seconds()) % _DAY_S


def _period(model: Any, tier: str, day: datetime.date, edges: Iterable[int]) -> Period:
    return Period(
        day, merged_week((edge, _tariff_at(model, tier, _moment(day, edge))) for edge in edges)
    )


def _moment(day: datetime.date, edge: int) -> datetime.datetime:
    # Its windows are those of any day, so the hour alone matters and the weekday does not.
    hour = datetime.timedelta(seconds=edge % _DAY_S)
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC) + hour


def _tariff_at(model: Any, tier: str, moment: datetime.datetime) -> Tariff | None:
    context = CONTEXTS[tier]
    if context and not _offers(model, context, moment):
        return None
    stored = model.get_prices(moment, context).__dict__
    own = {bucket: stored[key] for key, bucket in _KEYS.items() if stored.get(key) is not None}
    if not own:
        return None
    steps = sorted({t.start for price in own.values() for t in getattr(price, "tiers", ())})
    rates, *longer = (_rates(own, tokens) for tokens in (0, *(start + 1 for start in steps)))
    per_thousand = stored.get("requests_kcount") or Decimal(0)
    above = tuple(zip(steps, longer, strict=True))
    return Tariff(rates, above, product(per_thousand, Decimal("0.001")))


def _offers(model: Any, context: Mapping[str, str], moment: datetime.datetime) -> bool:
    # A variant without prices says that the tier is there and costs the same.
    return any(
        variant.when.items() <= context.items()
        and (variant.constraint is None or variant.constraint.active(moment))
        for variant in model.price_variants or ()
    )


def _rates(own: Mapping[str, Any], prompt: int) -> Rates:
    return rates_from({bucket: _price(stored, prompt) for bucket, stored in own.items()})


def _price(stored: Any, prompt: int) -> Decimal:
    price = getattr(stored, "base", stored)
    for step in getattr(stored, "tiers", ()):
        if prompt > step.start:
            price = step.price
    return exact(price)
