"""The phases of a plan: steps, gates with their sizes, what stops when one fails, and the work."""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from aihandler.advisor.company import Company
from aihandler.advisor.economics.inputs import assumption
from aihandler.advisor.economics.runs import SURE, named, percent
from aihandler.advisor.report import Gate, Phase, Ranked, Step, TaskReport
from aihandler.advisor.staffing import option_of, staffing

# Ends of the phases in months from the first day, as source 000 has them.
_EVALUATED, _TRIED, _SCALED = 2, 4, 6


class Ground(NamedTuple):
    """What every phase is made of; `leaving` in order of value at risk, with what it costs.

    Of `unknown` tasks nobody knows what leaving would cost.
    """

    company: Company
    starts: date
    sizes: Mapping[str, Ranked]
    leaving: Sequence[TaskReport]
    unknown: Sequence[TaskReport] = ()

    def day(self, months: int) -> date:
        """So many months after the first day."""
        return months_later(self.starts, months)


def months_later(day: date, months: int) -> date:
    """The same day of a later month; its last day where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def evaluate(ground: Ground) -> Phase:
    """Examples, comparisons, prices and people."""
    company, leaving = ground.company, ground.leaving
    steps = [_comparison(task, ground.sizes[task.task]) for task in leaving]
    steps += [step for task in ground.unknown for step in _unknown(task, ground.sizes[task.task])]
    if company.can_hire is not False and not (company.ml_engineers or 0):
        steps.append(Step("hire one engineer for machine learning, or train one"))
    steps.append(Step("price machines and a managed host, and run this advice again"))
    gates = [_quality_gate(task, ground.sizes[task.task]) for task in leaving]
    gates += [
        *_cost_gate(leaving),
        _staff_gate(company, leaving),
        *_funding_gate(leaving, company),
    ]
    return Phase(
        "Evaluate and hire",
        ground.starts,
        ground.day(_EVALUATED),
        tuple(steps),
        tuple(gates),
        _staff(company),
        staffing(leaving, (0, _EVALUATED), once=("recruiting_usd", "evaluation_usd")),
    )


def try_one(ground: Ground, pilot: TaskReport) -> Phase:
    """The pilot, in parallel with what answers today."""
    name, bound = pilot.task, _bound(pilot)
    beside = "what people do today" if bound else "the vendor's"
    next_one = "a second own deployment" if bound else "the vendor's deployment"
    steps = (
        Step(f"set up the open deployment, and send it the same calls beside {beside}", name),
        Step(f"keep {next_one} as the next candidate, so that a failure falls back to it", name),
        Step(
            "show what it costs and how often it falls back", name, ("aihandler costs --by task",)
        ),
        Step("take the security checklist through, line by line"),
    )
    gates = (
        Gate(
            f"four weeks of the same calls: no fewer valid answers than {beside}, and latency "
            "within the target at the busiest hour",
            f"stop sending it work: {next_one} becomes the first candidate, one line of the file",
            name,
        ),
        Gate(
            f"at most {_escalated(pilot, next_one)}",
            "compute again with the measured share, and stop if the saving is gone",
            name,
        ),
        Gate(
            "a month's cost lies inside the computed interval",
            "correct the profile, run this advice again, and stop if the verdict flips",
            name,
        ),
    )
    return Phase(
        "Pilot",
        ground.day(_EVALUATED),
        ground.day(_TRIED),
        steps,
        gates,
        "1 to 2 engineers (000); the owner of the task judges answers",
        staffing([pilot], (_EVALUATED, _TRIED), once=("reprompting_usd",)),
    )


def scale(ground: Ground, rest: Sequence[TaskReport]) -> Phase:
    """The other tasks, in order of value at risk, with alarms and a rehearsed fallback."""
    steps = [Step("move it as the pilot was moved, behind its own gates", t.task) for t in rest]
    steps += [
        Step("alert on validity, latency and cost by task; name who gets up"),
        Step(
            "rehearse the fallback: switch the open deployment off, and see calls answered",
            commands=("aihandler kill deployment NAME",),
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
    return Phase(
        "Scale, with observability and fallback",
        ground.day(_TRIED),
        ground.day(_SCALED),
        tuple(steps),
        gates,
        "20 to 30 % of one engineer, and somebody on call",
        staffing(ground.leaving, (_TRIED, _SCALED)),
    )


def optimise(ground: Ground) -> Phase:
    """Without an end."""
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
    work = staffing(ground.leaving, (_SCALED, None))
    staff = "20 to 30 % of one engineer"
    return Phase("Optimise", ground.day(_SCALED), None, steps, gates, staff, work)


def stay(ground: Ground) -> Phase:
    """Where no task leaves."""
    steps = (
        Step("count what each task costs", commands=("aihandler costs --by task",)),
        Step("keep two deployments of different providers for each task"),
        Step("run this advice each month, and read what has flipped"),
    )
    gates = (Gate("no verdict flips", "plan again from the first phase"),)
    name = "Stay, and keep counting"
    return Phase(name, ground.starts, None, steps, gates, "nobody beside the work")


def evaluate_alone(ground: Ground, unknown: Sequence[TaskReport]) -> Phase:
    """Where nothing is known of what leaving costs: no money, no staff, no later phase."""
    steps = tuple(step for task in unknown for step in _unknown(task, ground.sizes[task.task]))
    gates = tuple(
        _quality_gate(task, ground.sizes[task.task])
        for task in unknown
        if task.facts.get("data_may_leave") is not None
    )
    return Phase("Evaluate", ground.starts, ground.day(_EVALUATED), steps, gates, "")


def _unknown(task: TaskReport, size: Ranked) -> Iterator[Step]:
    """What is done for a task before anything of it can be planned."""
    again = "run this advice again: the other phases follow from it"
    if task.verdict.ask:
        yield Step(f"say {', '.join(task.verdict.ask)}; {again}", task.task)
    # What may be compared where hangs on whether data may leave.
    if task.facts.get("data_may_leave") is not None:
        yield _comparison(task, size)
    lacking = task.no_cost.removeprefix("give ").split(", ")
    if task.no_cost and not set(lacking) <= set(task.verdict.ask):
        yield Step(f"{task.no_cost}; {again}", task.task)
    elif not task.no_cost and not task.verdict.ask:
        yield Step(f"give prices of a managed host, or `hosting`; {again}", task.task)


def _escalated(pilot: TaskReport, next_one: str) -> str:
    """The share at which the route stops paying; where money does not decide, what was assumed."""
    turn = pilot.escalation
    if turn is not None and turn.at is not None and turn.option == option_of(pilot):
        why = f"beyond that {named(turn.option)} is not cheaper in {percent(SURE)} of the runs"
        return f"{100 * turn.at:.0f} % of the calls escalate to {next_one}: {why}"
    figure = pilot.figures.get("escalation_share") or assumption("escalation_share").figure
    why = f"its cost is computed with no more (escalation_share, {figure.source})"
    return f"{100 * figure.high:.0f} % of the calls escalate to {next_one}: {why}"


def _bound(task: TaskReport) -> bool:
    """Whether nothing of it may be sent to a vendor, not even to compare."""
    return task.facts.get("data_may_leave") is False


def _comparison(task: TaskReport, size: Ranked) -> Step:
    collected = f"collect {size.examples:,} own examples"
    does = (
        f"{collected} with answers of people, and compare own deployments on them"
        if _bound(task)
        else f"{collected} and compare the vendor's model with open ones on them"
    )
    return Step(does, task.task, task.evidence)


def _quality_gate(task: TaskReport, size: Ranked) -> Gate:
    if _bound(task):
        return Gate(
            f"on {size.examples:,} examples the score is one that its owner accepts in writing",
            "people go on doing it: no vendor may see it",
            task.task,
            size.examples,
        )
    return Gate(
        f"on {size.examples:,} examples the low end of the interval is above "
        f"-{size.margin_points:g} points",
        "the task stays closed, and nothing is rented for it",
        task.task,
        size.examples,
        size.margin_points,
    )


def _cost_gate(leaving: Sequence[TaskReport]) -> list[Gate]:
    """As money decides in the advice. Where data may not leave, it does not."""
    if all(_bound(task) for task in leaving):
        return []
    but = " (but where data may not leave)" if any(_bound(task) for task in leaving) else ""
    return [
        Gate(
            f"the open option costs less than closed in {percent(SURE)} of the runs{but}",
            "the task stays closed; look again in a quarter",
        )
    ]


def _staff_gate(company: Company, leaving: Sequence[TaskReport]) -> Gate:
    share = company.free_engineer_share
    known = "" if share is None else f" ({100 * share:.0f} % of one engineer is free now)"
    bound = [task.task for task in leaving if _bound(task)]
    waits = f"; where data may not leave ({', '.join(bound)}), wait" if bound else ""
    return Gate(
        f"one engineer by name has 20 to 30 % for it{known}",
        f"take a managed host, or stay closed{waits}",
    )


def _funding_gate(leaving: Sequence[TaskReport], company: Company) -> list[Gate]:
    # Where data may not leave, money does not decide, and there is no host to choose.
    free = [task for task in leaving if not _bound(task)]
    found = [(t, r) for t in free if t.total_cost for r in t.total_cost.returns]
    limits = [m for m in (company.accepts_months_before_return, company.funding_months) if m]
    paid = [(t, r) for t, r in found if r.month is not None and r.option == option_of(t)]
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


def _staff(company: Company) -> str:
    needed = "1 to 2 engineers until it serves, 20 to 30 % of one after that (000, 002)"
    if company.ml_engineers is None:
        return f"{needed}; how many there are was not said (ml_engineers)"
    return f"{needed}; the company has {company.ml_engineers}"
