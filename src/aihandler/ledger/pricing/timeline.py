"""The vectors of one deployment, by tier and by the moment from which each holds."""

import bisect
import datetime
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

import msgspec

from aihandler.domain.deployment import Deployment
from aihandler.ledger.pricing.book import PriceBook
from aihandler.ledger.pricing.entry import WEEK_S, Period, Schedule
from aihandler.ledger.pricing.tariff import Tariff
from aihandler.ledger.pricing.tiers import STANDARD
from aihandler.ledger.pricing.vector import UNPRICED, Snapshot, Vector, compiled

# A tier's name that holds for any: a machine is paid by the hour, whatever was asked of it.
ANY = ""

_DAY_S = 86_400
_HOUR_S = 3600
_EPOCH = datetime.date(1970, 1, 1).toordinal()
# 1970-01-01 was a Thursday, and weeks begin on Monday.
_THURSDAY_S = 3 * _DAY_S


class _Week(msgspec.Struct, frozen=True):
    seconds: tuple[int, ...]
    vectors: tuple[Vector, ...]


class Timeline:
    """What one deployment and tier cost, over time."""

    def __init__(self, days: tuple[int, ...], weeks: tuple[_Week, ...]) -> None:
        self._days = days
        self._weeks = weeks
        self._only = weeks[0].vectors[0] if len(weeks) == len(weeks[0].vectors) == 1 else None

    def at(self, moment: float | None, wall: Callable[[], float]) -> Vector:
        """The vector of a moment, in seconds since 1970; without one, that of now."""
        if self._only is not None:
            return self._only
        second = int(wall() if moment is None else moment)
        week = self._weeks[bisect.bisect_right(self._days, second // _DAY_S) - 1]
        return week.vectors[bisect.bisect_right(week.seconds, (second + _THURSDAY_S) % WEEK_S) - 1]

    def vectors(self) -> Iterator[Vector]:
        """All of them."""
        for week in self._weeks:
            yield from week.vectors


def timelines(deployment: Deployment, book: PriceBook) -> Mapping[str, Timeline]:
    """The timelines of a deployment by tier; none when it has no price."""
    entry = book.entry(deployment)
    slot = _slot_usd_per_s(deployment)
    if not entry.tiers and (deployment.in_process or slot):
        free = compiled(None, _machine(deployment), slot_usd_per_s=slot)
        return {ANY: Timeline((0,), (_Week((0,), (free,)),))}
    shown = _source(deployment, book)
    return {
        tier: _timeline(
            schedule,
            msgspec.structs.replace(shown, tier="" if tier == STANDARD else tier),
            slot,
        )
        for tier, schedule in entry.tiers.items()
    }


def _timeline(schedule: Schedule, shown: Snapshot, slot: Fraction) -> Timeline:
    ends = [_day_before(period.since) for period in schedule[1:]]
    weeks = (
        _week(period, msgspec.structs.replace(shown, since=_since(period), until=until), slot)
        for period, until in zip(schedule, [*ends, ""], strict=True)
    )
    days = tuple(period.since.toordinal() - _EPOCH for period in schedule)
    return Timeline(days, tuple(weeks))


def _week(period: Period, shown: Snapshot, slot: Fraction) -> _Week:
    vectors = [_vector(tariff, shown, slot) for _, tariff in period.week]
    return _Week(tuple(second for second, _ in period.week), tuple(vectors))


def _vector(tariff: Tariff | None, shown: Snapshot, slot: Fraction) -> Vector:
    if tariff is None:
        return UNPRICED
    named = msgspec.structs.replace(shown, override=tariff.note)
    return compiled(tariff, named, slot_usd_per_s=slot)


def _since(period: Period) -> str:
    return "" if period.since == datetime.date.min else period.since.isoformat()


def _day_before(day: datetime.date) -> str:
    return (day - datetime.timedelta(days=1)).isoformat()


def _source(deployment: Deployment, book: PriceBook) -> Snapshot:
    """Where the prices of tokens were read, and the machine below them."""
    machine = _machine(deployment)
    price, listed = deployment.price, book.prices
    if price is not None:
        as_of = price.as_of.isoformat() if price.as_of else ""
        return msgspec.structs.replace(machine, source=price.source, as_of=as_of)
    if listed is None or not deployment.listed_as:
        return machine
    return msgspec.structs.replace(
        machine, source=listed.source, as_of=listed.as_of, entry=deployment.listed_as
    )


def _machine(deployment: Deployment) -> Snapshot:
    hourly = deployment.hourly_cost
    return Snapshot(
        usd_per_hour=str(hourly.usd_per_hour) if hourly else "",
        concurrency=deployment.limits.concurrency if hourly else 0,
        in_process=deployment.in_process,
    )


def _slot_usd_per_s(deployment: Deployment) -> Fraction:
    if deployment.hourly_cost is None:
        return Fraction(0)
    slots = max(1, deployment.limits.concurrency)
    return Fraction(deployment.hourly_cost.usd_per_hour) / (_HOUR_S * slots)
