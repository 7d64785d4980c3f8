"""Facts from the ledger beside those of a profile: what was used in a month."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from aihandler.advisor.company import Profile, TaskFacts
from aihandler.domain.usage import NANO
from aihandler.ledger.rollups import MonthOfUsage


class Taken(msgspec.Struct, frozen=True):
    """A fact that the ledger gave, because the profile does not say it."""

    task: str
    name: str
    value: Decimal
    source: str


def with_usage(
    profile: Profile, usage: Sequence[MonthOfUsage], *, month: int
) -> tuple[Profile, tuple[Taken, ...]]:
    """Fills what the profile leaves out with a whole month of the ledger, and says so.

    What the profile says stays. A task without a call in that month gets nothing.
    """
    tasks, taken = dict(profile.tasks), []
    for task, facts in profile.tasks.items():
        own = [row for row in usage if row.task == task and row.month == month]
        if not own:
            continue
        tasks[task], found = _filled(task, facts, own)
        taken += found
    return msgspec.structs.replace(profile, tasks=tasks), tuple(taken)


def _filled(
    task: str, facts: TaskFacts, rows: Sequence[MonthOfUsage]
) -> tuple[TaskFacts, list[Taken]]:
    sums = _sums(rows)
    source = f"ledger, {rows[0].month}"
    calls = sums.pop("requests_per_month")
    given = {name: value for name, value in sums.items() if getattr(facts, name) is None}
    taken = [Taken(task, name, Decimal(value), source) for name, value in given.items()]
    costs = dict(facts.costs)
    if "requests_per_month" not in costs and calls:
        costs["requests_per_month"] = (float(calls),)
        taken.append(Taken(task, "requests_per_month", Decimal(calls), source))
    return msgspec.structs.replace(facts, costs=costs, **given), taken


def _sums(rows: Sequence[MonthOfUsage]) -> dict[str, int | Decimal]:
    used = [row.usage for row in rows]
    nano = sum(row.marginal_nano for row in rows)
    return {
        "input_tokens_per_month": sum(
            u.input + u.cache_read + u.cache_write + u.cache_write_1h for u in used
        ),
        "output_tokens_per_month": sum(u.output + u.reasoning for u in used),
        "api_usd_per_month": Decimal(nano) / NANO,
        "requests_per_month": sum(row.calls for row in rows),
    }
