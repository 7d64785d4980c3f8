"""The answer in one row for each task: verdict, what decided it, cost now and then, what flips."""

from collections.abc import Sequence

import msgspec

from aihandler.advisor.report import TaskReport
from aihandler.advisor.staffing import option_of
from aihandler.advisor.verdicts import Outcome

_OPEN = frozenset({"managed_open", "self_host", "hybrid_route"})
_MONTHS = 12
# Longer ones are sentences, which stand with the task.
_SHORT = 60


class Row(msgspec.Struct, frozen=True):
    """Dollars a month in the first year, in the middle of the runs: at the vendor now, and by
    `then_option`, which is empty where no option is allowed.

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
    found = Row(task.task, verdict.outcome, _reason(verdict.decided_by), shortly(task))
    if task.total_cost is None:
        return found
    month = {t.option: t.first_year_usd.median / _MONTHS for t in task.total_cost.totals}
    if verdict.outcome == "no_admissible_option":
        return msgspec.structs.replace(found, now_usd=month.get("closed"), decided=True)
    leaves = verdict.outcome in (*_OPEN, "not_enough_evidence") and _may_leave(task)
    option = option_of(task) if leaves else "per_seat" if verdict.by_seats else "closed"
    return msgspec.structs.replace(
        found,
        now_usd=month.get("closed"),
        then_usd=month.get(option),
        then_option=option,
        decided=verdict.outcome != "not_enough_evidence",
    )


def _reason(decided_by: str) -> str:
    """The numbers behind it stand with the task."""
    first, _, rest = decided_by.partition("; ")
    # Two sums do not say of what they are; what follows them does.
    return rest.partition(":")[0] if " instead of " in first and rest else first


def _may_leave(task: TaskReport) -> bool:
    """False where money would keep it closed even if the quality of an open model holds."""
    return task.verdict.outcome in _OPEN or task.verdict.pending != "stay_closed"


def shortly(task: TaskReport) -> tuple[str, ...]:
    """What turns it soonest: a constraint, a comparison, or the input that has the least to go."""
    told = ["a comparison on own examples"]
    if not task.verdict.command:
        told = [flip for flip in flips_of(task, turns=False) if len(flip) < _SHORT]
    reach, none = [turn for turn in task.turns if turn.at is not None], ""
    near = next((t for t in reach if t.within), None)
    if near is not None:
        told.append(f"{near.name} {'above' if near.above else 'below'} {near.value}")
    elif reach:
        none = "no single input within its range"
    told += [f"vendors' prices: {one.scenario}" for one in task.scenarios if one.flips]
    return tuple(dict.fromkeys([*told, *([none] if none else [])]))


def flips_of(task: TaskReport, *, turns: bool = True) -> tuple[str, ...]:
    """What would make another verdict; a fact by its name is told with its other value.

    Without `turns` only those that no input of the costs makes.
    """
    by_cost = {str(turn) for turn in task.turns}
    told = []
    for flip in task.verdict.flips:
        if not turns and flip in by_cost:
            continue
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
