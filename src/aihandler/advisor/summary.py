"""The answer in one row for each task: verdict, what decided it, cost now and then, what flips."""

from collections.abc import Sequence

import msgspec

from aihandler.advisor.report import TaskReport
from aihandler.advisor.staffing import option_of
from aihandler.advisor.verdicts import Outcome

_OPEN = frozenset({"managed_open", "self_host", "hybrid_route"})
_MONTHS = 12


class Row(msgspec.Struct, frozen=True):
    """Dollars a month in the first year, likely: at the vendor now, and by `then_option`.

    `decided` is False where the option is not that of a verdict: the cheapest that is allowed.
    """

    task: str
    outcome: Outcome
    decided_by: str
    flips: tuple[str, ...]
    now_usd: float | None = None
    then_usd: float | None = None
    then_option: str = ""
    decided: bool = False


def summary(tasks: Sequence[TaskReport]) -> tuple[Row, ...]:
    """One for each task, in the order of the report."""
    return tuple(_row(task) for task in tasks)


def _row(task: TaskReport) -> Row:
    verdict = task.verdict
    found = Row(task.task, verdict.outcome, verdict.decided_by, flips_of(task))
    if task.total_cost is None:
        return found
    month = {t.option: t.first_year_usd.likely / _MONTHS for t in task.total_cost.totals}
    leaves = verdict.outcome in (*_OPEN, "not_enough_evidence")
    option = option_of(task) if leaves else "closed"
    return msgspec.structs.replace(
        found,
        now_usd=month.get("closed"),
        then_usd=month.get(option),
        then_option=option,
        decided=verdict.outcome != "not_enough_evidence",
    )


def flips_of(task: TaskReport) -> tuple[str, ...]:
    """What would make another verdict; a fact by its name is told with its other value."""
    told = []
    for flip in task.verdict.flips:
        value = task.facts.get(flip)
        if isinstance(value, bool):
            is_, other = ("yes", "no") if value else ("no", "yes")
            told.append(f"{flip}: {is_} -> {other}")
        else:
            told.append(flip)
    if task.verdict.ask:
        told.append(f"an answer to {', '.join(task.verdict.ask)}")
    elif task.verdict.command and not told:
        told.append("a comparison on own examples")
    return tuple(told)
