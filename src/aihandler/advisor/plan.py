"""What to do, in which order and until when: the phases of source 000 with one's own tasks.

Pure: the day on which it starts is given.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from aihandler.advisor.company import Company, Fact
from aihandler.advisor.readiness import readiness
from aihandler.advisor.report import Gate, Phase, Plan, Ranked, Step, TaskReport

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration

# Points that a task may lose, as `aihandler compare` takes it, and the share of examples on which
# two deployments differ before anybody has measured it.
MARGIN_POINTS = 2.0
SPREAD = 0.1
# Examples that teams have at hand, to say what margin each number shows.
_AT_HAND = (200, 500, 1000, 3000)
_OPEN = frozenset({"managed_open", "self_host", "hybrid_route"})


def plan(
    tasks: Sequence[TaskReport],
    company: Company,
    *,
    starts: date,
    spreads: Mapping[str, float] | None = None,
    configuration: "Configuration | None" = None,
) -> Plan:
    """Tasks in order of what their vendor costs; `spreads` by task where they were measured."""
    ranking = _ranked(tasks, spreads or {})
    by_name = {task.task: task for task in tasks}
    leaving = [by_name[ranked.task] for ranked in ranking if ranked.moves]
    pilot = _pilot(leaving)
    sizes = {ranked.task: ranked for ranked in ranking}
    phases = (
        (
            _evaluate(leaving, company, starts, sizes),
            _try_one(pilot, starts),
            _scale([t for t in leaving if t is not pilot], starts),
            _optimise(starts),
        )
        if pilot
        else (_stay(starts),)
    )
    name = pilot.task if pilot else ""
    return Plan(starts, ranking, phases, readiness(configuration), name)


def months_later(day: date, months: int) -> date:
    """The same day of a later month; its last day where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def value_at_risk_usd(task: TaskReport) -> float | None:
    """What the vendor of a task costs in a year; None when nobody knows."""
    spend = task.facts.get("task_api_usd_per_month")
    if isinstance(spend, Decimal):
        return float(spend) * 12
    totals = task.total_cost.totals if task.total_cost else ()
    return next((t.first_year_usd.likely for t in totals if t.option == "closed"), None)


def _ranked(tasks: Sequence[TaskReport], spreads: Mapping[str, float]) -> tuple[Ranked, ...]:
    def weight(task: TaskReport) -> tuple[float, str]:
        return -(value_at_risk_usd(task) or 0.0), task.task

    return tuple(_sized(task, spreads.get(task.task, SPREAD)) for task in sorted(tasks, key=weight))


def _sized(task: TaskReport, spread: float) -> Ranked:
    # The statistics need numpy, which nobody waits for who only reads a plan.
    from aihandler.evaluation.statistics.power import items_needed, margin_shown

    return Ranked(
        task.task,
        value_at_risk_usd(task),
        _moves(task),
        MARGIN_POINTS,
        spread,
        items_needed(MARGIN_POINTS / 100, spread),
        tuple((n, round(100 * margin_shown(n, spread), 1)) for n in _AT_HAND),
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


def _evaluate(
    leaving: Sequence[TaskReport], company: Company, starts: date, sizes: Mapping[str, Ranked]
) -> Phase:
    steps = [_comparison(task, sizes[task.task]) for task in leaving]
    if company.can_hire is not False and not (company.ml_engineers or 0):
        steps.append(Step("hire one engineer for machine learning, or train one"))
    steps.append(Step("price machines and a managed host, and run this advice again"))
    gates = [_quality_gate(task, sizes[task.task]) for task in leaving]
    gates += [
        Gate(
            "the intervals of the total cost part: the open option ends below closed",
            "stay closed, and look again in a quarter",
        ),
        _staff_gate(company),
        *_funding_gate(leaving, company),
    ]
    ends = months_later(starts, 2)
    return Phase("Evaluate and hire", starts, ends, tuple(steps), tuple(gates), _staff(company))


def _bound(task: TaskReport) -> bool:
    """Whether nothing of it may be sent to a vendor, not even to compare."""
    return task.facts.get("data_may_leave") is False


def _comparison(task: TaskReport, size: Ranked) -> Step:
    collected = f"collect {size.examples:,} own examples"
    if _bound(task):
        command = f"aihandler compare {task.task} --deployments OPEN,OTHER --data DATA.csv"
        does = f"{collected} with answers of people, and compare own deployments on them"
        return Step(does, task.task, command)
    command = f"aihandler compare {task.task} --deployments CLOSED,OPEN --data DATA.csv"
    does = f"{collected} and compare the vendor's model with open ones on them"
    return Step(does, task.task, task.verdict.command or command)


def _quality_gate(task: TaskReport, size: Ranked) -> Gate:
    if _bound(task):
        return Gate(
            f"on {size.examples:,} examples the score is one that its owner accepts in writing",
            "people go on doing it: no vendor may see it",
            task.task,
        )
    return Gate(
        f"on {size.examples:,} examples the low end of the interval is above "
        f"-{size.margin_points:g} points",
        "the task stays closed, and nothing is rented for it",
        task.task,
    )


def _staff_gate(company: Company) -> Gate:
    share = company.free_engineer_share
    known = "" if share is None else f" ({100 * share:.0f} % of one engineer is free now)"
    return Gate(
        f"one engineer by name has 20 to 30 % for it{known}",
        "take a managed host, or stay closed",
    )


def _funding_gate(leaving: Sequence[TaskReport], company: Company) -> list[Gate]:
    found = [(t, r) for t in leaving if t.total_cost for r in t.total_cost.returns]
    limits = [m for m in (company.accepts_months_before_return, company.funding_months) if m]
    paid = [(t, r) for t, r in found if r.month is not None and r.option == _option(t)]
    if not paid or not limits:
        return []
    task, back = min(paid, key=lambda pair: pair[1].month or 0)
    late = "in more than one of twenty runs never"
    high = late if back.month_high is None else f"in nineteen of twenty runs by {back.month_high}"
    return [
        Gate(
            f"the money is back within {min(limits):g} months; computed: month {back.month}, "
            f"{high}",
            "choose the managed host, or wait for more volume",
            task.task,
        )
    ]


def _option(task: TaskReport) -> str:
    named = {"managed_open": "managed", "self_host": "self_host", "hybrid_route": "hybrid"}
    return named.get(task.verdict.outcome, "self_host")


def _staff(company: Company) -> str:
    needed = "1 to 2 engineers until it serves, 20 to 30 % of one after that (000, 002)"
    if company.ml_engineers is None:
        return f"{needed}; how many there are was not said (ml_engineers)"
    return f"{needed}; the company has {company.ml_engineers}"


def _try_one(pilot: TaskReport, starts: date) -> Phase:
    name, bound = pilot.task, _bound(pilot)
    beside = "what people do today" if bound else "the vendor's"
    next_one = "a second own deployment" if bound else "the vendor's deployment"
    steps = (
        Step(f"set up the open deployment, and send it the same calls beside {beside}", name),
        Step(f"keep {next_one} as the next candidate, so that a failure falls back to it", name),
        Step("show what it costs and how often it falls back", name, "aihandler costs --by task"),
        Step("take the security checklist through, line by line"),
    )
    gates = (
        Gate(
            f"four weeks of the same calls: no fewer valid answers than {beside}, and latency "
            "within the target at the busiest hour",
            f"{next_one} becomes the first candidate: one line of the file",
            name,
        ),
        Gate(
            f"at most 15 % of the calls escalate to {next_one}",
            "compute again with the measured share, and stop if the saving is gone",
            name,
        ),
        Gate(
            "a month's cost lies inside the computed interval",
            "correct the profile, run this advice again, and stop if the verdict flips",
            name,
        ),
    )
    staff = "1 to 2 engineers (000); the owner of the task judges answers"
    return Phase("Pilot", months_later(starts, 2), months_later(starts, 4), steps, gates, staff)


def _scale(rest: Sequence[TaskReport], starts: date) -> Phase:
    steps = [Step("move it as the pilot was moved, behind its own gates", t.task) for t in rest]
    steps += [
        Step("alert on validity, latency and cost by task; name who gets up"),
        Step(
            "rehearse the fallback: switch the open deployment off, and see calls answered",
            command="aihandler kill deployment NAME",
        ),
    ]
    gates = (
        Gate("the rehearsal loses no call", "no further task moves until it does not"),
        Gate(
            "no line of the checklist that customers depend on is open",
            "tasks that customers see stay closed",
        ),
        Gate(
            "machines are as busy as was planned (utilisation)",
            "give machines back, or rent by the hour or the night",
        ),
    )
    staff = "20 to 30 % of one engineer, and somebody on call"
    begins, ends = months_later(starts, 4), months_later(starts, 6)
    name = "Scale, with observability and fallback"
    return Phase(name, begins, ends, tuple(steps), gates, staff)


def _optimise(starts: date) -> Phase:
    steps = (
        Step("reserve the machines that were busy for three months"),
        Step("try newer and smaller models on the same examples, before any fine-tuning"),
        Step("run this advice each month, and read what has flipped"),
    )
    gates = (
        Gate(
            "the verdict holds at today's prices and volumes",
            "go back to the vendor: the candidates are still in the file",
        ),
    )
    staff = "20 to 30 % of one engineer"
    return Phase("Optimise", months_later(starts, 6), None, steps, gates, staff)


def _stay(starts: date) -> Phase:
    steps = (
        Step("count what each task costs", command="aihandler costs --by task"),
        Step("keep two deployments of different providers for each task"),
        Step("run this advice each month, and read what has flipped"),
    )
    gates = (Gate("no verdict flips", "plan again from the first phase"),)
    return Phase("Stay, and keep counting", starts, None, steps, gates, "nobody beside the work")
