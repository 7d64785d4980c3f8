"""What to do, in which order and until when: the phases of source 000 with one's own tasks.

Pure: the day on which it starts is given.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from aihandler.advisor import phases
from aihandler.advisor.company import Company, Fact
from aihandler.advisor.phases import Ground
from aihandler.advisor.readiness import readiness
from aihandler.advisor.report import Phase, Plan, Ranked, TaskReport
from aihandler.advisor.spreads import Spread
from aihandler.advisor.staffing import is_costed

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration

__all__ = ["MARGIN_POINTS", "SPREAD", "plan", "value_at_risk_usd"]

# Points that a task may lose, as `aihandler compare` takes it, and the share of examples on which
# two deployments differ before anybody has measured it.
MARGIN_POINTS = 2.0
SPREAD = Spread(0.1, "a guess, until a comparison is in the ledger")
# Examples that teams have at hand, to say what margin each number shows.
_AT_HAND = (200, 500, 1000, 3000)
_OPEN = frozenset({"managed_open", "self_host", "hybrid_route"})


def plan(
    tasks: Sequence[TaskReport],
    company: Company,
    *,
    starts: date,
    spreads: Mapping[str, Spread] | None = None,
    configuration: "Configuration | None" = None,
) -> Plan:
    """Tasks in order of what their vendor costs; `spreads` by task where they were measured."""
    ranking = ranked(tasks, spreads or {})
    by_name = {task.task: task for task in tasks}
    moving = [by_name[each.task] for each in ranking if each.moves]
    leaving = [task for task in moving if is_costed(task)]
    unknown = [task for task in moving if not is_costed(task)]
    pilot = _pilot(leaving)
    ground = Ground(company, starts, {each.task: each for each in ranking}, leaving, unknown)
    if pilot:
        made: tuple[Phase, ...] = (
            phases.evaluate(ground),
            phases.try_one(ground, pilot),
            phases.scale(ground, [task for task in leaving if task is not pilot]),
            phases.optimise(ground),
        )
    else:
        made = (phases.evaluate_alone(ground, unknown) if unknown else phases.stay(ground),)
    name = pilot.task if pilot else ""
    return Plan(starts, ranking, made, readiness(configuration, company.security), name)


def ranked(tasks: Sequence[TaskReport], spreads: Mapping[str, Spread]) -> tuple[Ranked, ...]:
    """In order of value at risk, with the examples that each needs."""

    def weight(task: TaskReport) -> tuple[float, str]:
        return -(value_at_risk_usd(task) or 0.0), task.task

    return tuple(
        size(
            task.task,
            task.facts,
            usd_per_year=value_at_risk_usd(task),
            moves=_moves(task),
            spread=spreads.get(task.task, SPREAD),
        )
        for task in sorted(tasks, key=weight)
    )


def value_at_risk_usd(task: TaskReport) -> float | None:
    """What the vendor of a task costs in a year; None when nobody knows."""
    spend = task.facts.get("task_api_usd_per_month")
    if isinstance(spend, Decimal):
        return float(spend) * 12
    totals = task.total_cost.totals if task.total_cost else ()
    return next((t.first_year_usd.median for t in totals if t.option == "closed"), None)


def size(
    task: str,
    facts: Mapping[str, Fact],
    *,
    usd_per_year: float | None = None,
    moves: bool = True,
    spread: Spread = SPREAD,
) -> Ranked:
    """How many examples show the margin of a task; what other numbers of them would show."""
    # The statistics need numpy, which nobody waits for who only reads a plan.
    from aihandler.evaluation.statistics.power import items_needed, margin_shown

    given = facts.get("margin")
    known = isinstance(given, Decimal) and given > 0
    margin = float(given) if known and isinstance(given, Decimal) else MARGIN_POINTS
    return Ranked(
        task,
        usd_per_year,
        moves,
        margin,
        spread.value,
        items_needed(margin / 100, spread.value),
        tuple((n, round(100 * margin_shown(n, spread.value), 1)) for n in _AT_HAND),
        spread.source,
        "the profile" if known else "assumed, as `aihandler compare` takes it",
    )


def _moves(task: TaskReport) -> bool:
    """Whether it leaves its vendor, or would if the evidence that is asked for says so."""
    outcome = task.verdict.outcome
    return outcome in _OPEN or outcome == "not_enough_evidence"


def _pilot(leaving: Sequence[TaskReport]) -> TaskReport | None:
    """The costliest that neither customers see nor safety depends on; decided ones first."""

    def order(task: TaskReport) -> tuple[bool, bool]:
        return _exposed(task.facts), task.verdict.outcome not in _OPEN

    # Sorting keeps the order of value at risk among equals.
    return next(iter(sorted(leaving, key=order)), None)


def _exposed(facts: Mapping[str, Fact]) -> bool:
    return facts.get("customer_facing") is True or facts.get("safety_critical") is True
