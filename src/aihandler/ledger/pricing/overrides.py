"""What overrides make of an entry: prices of contracts, each with the days on which it holds."""

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from aihandler.domain.prices import Override, OverrideRates
from aihandler.ledger.pricing.entry import Entry, Period, Schedule, always, merged
from aihandler.ledger.pricing.tariff import Tariff, exact, rates_from
from aihandler.ledger.pricing.tiers import STANDARD

_DAY = datetime.timedelta(days=1)


def overridden(entry: Entry, overrides: Iterable[Override]) -> Entry:
    """The entry with those overrides, all of which are about it."""
    held = tuple(overrides)
    named = {o.tier or STANDARD for o in held if o.price is not None}
    tiers = {tier: _replaced(entry.tiers.get(tier), tier, held) for tier in {*entry.tiers, *named}}
    return Entry(entry.name, tiers)


def _replaced(base: Schedule | None, tier: str, overrides: tuple[Override, ...]) -> Schedule:
    schedule = base or always(None)
    held = [o for o in overrides if o.concerns(tier)]
    days = {period.since for period in schedule} | {o.since for o in held}
    days |= {o.until + _DAY for o in held if o.until < datetime.date.max}
    return merged(_period(day, schedule, held) for day in sorted(days))


def _period(day: datetime.date, schedule: Schedule, overrides: Iterable[Override]) -> Period:
    under = next(p for p in reversed(schedule) if p.since <= day)
    active = [o for o in overrides if o.holds(day)]
    if not active:
        return Period(day, under.week)
    best = max(active, key=lambda o: o.rank)
    return Period(day, tuple((second, _applied(best, tariff)) for second, tariff in under.week))


def _applied(override: Override, tariff: Tariff | None) -> Tariff | None:
    if override.price is not None:
        rates = rates_from(_given(override.price))
        return Tariff(rates, note=override.source or "price of a contract")
    if tariff is None or override.times is None:
        return tariff
    note = f"{override.times} times the list, {override.source}".removesuffix(", ")
    return msgspec.structs.replace(tariff.times(override.times), note=note)


def _given(price: OverrideRates) -> Mapping[str, Decimal]:
    known = msgspec.structs.asdict(price)
    return {bucket: exact(usd) for bucket, usd in known.items() if usd is not None}
