"""One model of a price list: its tariffs by tier and time."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from aihandler.ledger.pricing.tariff import Tariff

WEEK_S = 7 * 86_400


class Period(msgspec.Struct, frozen=True):
    """What holds from the first second (UTC) of a day until the next period begins.

    `week` are tariffs by the second of the week, Monday 00:00 UTC first, at which each begins;
    the first begins at 0. A tariff of None: the price is not known.
    """

    since: datetime.date
    week: "Week"


Week = tuple[tuple[int, Tariff | None], ...]
Schedule = tuple[Period, ...]


class Entry(msgspec.Struct, frozen=True):
    """A model's schedules by tier. A tier that is not here has no known price."""

    name: str
    tiers: Mapping[str, Schedule] = {}


class PriceList(Protocol):
    """Prices by the name of a model. `source` and `as_of` go into every price snapshot."""

    @property
    def source(self) -> str:
        """Which list, in which version."""
        ...

    @property
    def as_of(self) -> str:
        """The day of the list, as YYYY-MM-DD; empty when it does not say."""
        ...

    def names(self) -> list[str]:
        """Every model of the list, priced or not."""
        ...

    def entry(self, name: str) -> Entry | None:
        """The entry of that name (`openai/gpt-5-mini`)."""
        ...


def always(tariff: Tariff | None) -> Schedule:
    """The same price at any time."""
    return (Period(datetime.date.min, ((0, tariff),)),)


def merged_week(week: Iterable[tuple[int, Tariff | None]]) -> Week:
    """The week without seconds at which nothing changes."""
    kept: list[tuple[int, Tariff | None]] = []
    for second, tariff in week:
        if not kept or kept[-1][1] != tariff:
            kept.append((second, tariff))
    return tuple(kept)


def merged(schedule: Iterable[Period]) -> Schedule:
    """The schedule without days on which nothing changes."""
    kept: list[Period] = []
    for period in schedule:
        if not kept or kept[-1].week != period.week:
            kept.append(period)
    return tuple(kept)
