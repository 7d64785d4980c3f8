"""Money that may be spent in a period, and what is held of it for an attempt."""

import datetime
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from aihandler.domain.scopes import EACH

if TYPE_CHECKING:
    from aihandler.domain.ports import Settlement

Per = Literal["day", "week", "month", "total"]


class Budget(msgspec.Struct, frozen=True):
    """At most so many nano-dollars a period, for one scope (`team:search`, `all`).

    `team:*` stands for each team that has none of its own. With `unpriced` of `refuse` a
    deployment without a price is not asked: nobody could say what is left.
    """

    scope: str
    limit_nano: int
    per: Per = "month"
    unpriced: Literal["refuse", "allow"] = "refuse"


class Period(msgspec.Struct, frozen=True):
    """A calendar period in UTC. `ends_at` of None: never."""

    name: str
    ends_at: float | None = None


class Held(msgspec.Struct, frozen=True, array_like=True):
    """What `holder` holds for one attempt: `nano` in each of `budgets` (scope and period)."""

    holder: str
    nano: int
    budgets: tuple[tuple[str, str], ...]


class BudgetState(msgspec.Struct, frozen=True):
    """Where a budget stands: spent for good, and reserved by processes that ask models."""

    scope: str
    per: Per
    period: str
    limit_nano: int
    spent_nano: int = 0
    reserved_nano: int = 0
    ends_at: float | None = None

    @property
    def left_nano(self) -> int:
        """What nobody has spent or reserved; never less than none."""
        return max(0, self.limit_nano - self.spent_nano - self.reserved_nano)


def budget_states(
    budgets: Iterable[Budget], known: Iterable[BudgetState], wall: float
) -> list[BudgetState]:
    """How all budgets stand in their present periods, by scope: `known` is what was asked of
    them so far; one that nobody asked is whole."""
    states = {(state.scope, state.period): state for state in known}
    for budget in budgets:
        period = period_at(budget.per, wall)
        name = (budget.scope, period.name)
        if name in states:
            states[name] = msgspec.structs.replace(states[name], limit_nano=budget.limit_nano)
        elif not budget.scope.endswith(f":{EACH}"):
            states[name] = BudgetState(
                budget.scope, budget.per, period.name, budget.limit_nano, ends_at=period.ends_at
            )
    return [states[name] for name in sorted(states)]


def period_at(per: Per, wall: float) -> Period:
    """The period that a moment (seconds since 1970) belongs to; weeks begin on Monday."""
    if per == "total":
        return Period("total")
    day = datetime.datetime.fromtimestamp(wall, datetime.UTC).date()
    match per:
        case "day":
            name, ends = day.isoformat(), day + datetime.timedelta(days=1)
        case "week":
            year, week, weekday = day.isocalendar()
            name, ends = f"{year}-W{week:02}", day + datetime.timedelta(days=8 - weekday)
        case "month":
            name, ends = f"{day:%Y-%m}", (day.replace(day=28) + _FOUR_DAYS).replace(day=1)
    midnight = datetime.datetime.combine(ends, datetime.time(), datetime.UTC)
    return Period(name, midnight.timestamp())


def per_of(period: str) -> Per:
    """What kind of period a name is."""
    if period == "total":
        return "total"
    if "W" in period:
        return "week"
    return "day" if period.count("-") == 2 else "month"


def booked_nano(held: Held, settlement: "Settlement") -> int:
    """What an attempt has spent of its budgets: what it cost, or all that was held where nobody
    knows what it cost."""
    if settlement.outcome == "in_doubt" or settlement.cost.status == "unpriced":
        return held.nano
    if settlement.usage is not None and settlement.usage.estimated:
        # An estimate is no bound: who bills may have counted more.
        return max(held.nano, settlement.cost.marginal)
    return settlement.cost.marginal


_FOUR_DAYS = datetime.timedelta(days=4)
