"""The verdict on a task: hard constraints, then evidence of quality, then cost; never a score."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.advisor.choosing import by_seats, cheapest, lead, staying
from aihandler.advisor.company import Fact
from aihandler.advisor.economics.runs import SURE, percent
from aihandler.advisor.frameworks.judging import Judgement
from aihandler.advisor.outcomes import (
    Cascaded,
    Choice,
    Cost,
    GoodEnough,
    Outcome,
    Quality,
    Shown,
    TaskVerdict,
)

__all__ = [
    "SURE",
    "Choice",
    "Cost",
    "GoodEnough",
    "Outcome",
    "Quality",
    "Shown",
    "TaskVerdict",
    "decide",
]

# What a task must say before anything else about it counts.
_CONSTRAINTS = ("data_may_leave", "open_licence_allowed", "frontier_needed")
_OPEN: frozenset[Choice] = frozenset({"managed_open", "self_host", "hybrid_route"})
_AGREES: Mapping[str, frozenset[str]] = {
    "stay_closed": frozenset({"closed"}),
    "self_host": frozenset({"open"}),
    "managed_open": frozenset({"open", "managed_open"}),
    "hybrid_route": frozenset({"hybrid", "mixed"}),
}
_NO_OPINION = frozenset({None, "undefined", "evaluate"})


def decide(
    task: str,
    facts: Mapping[str, Fact],
    judgements: Sequence[Judgement],
    *,
    quality: Quality | None = None,
    costs: Sequence[Cost] = (),
) -> TaskVerdict:
    """Pure; the same inputs give the same verdict.

    Money decides where a choice costs less in `SURE` of the runs.
    """
    constrained = _constrained(task, facts)
    if constrained is not None:
        verdict = _priced(constrained, costs)
    else:
        verdict = _by_quality(task, quality, facts, costs)
    return msgspec.structs.replace(verdict, disagree=_disagreeing(verdict.outcome, judgements))


def _constrained(task: str, facts: Mapping[str, Fact]) -> TaskVerdict | None:
    stays, barred = facts["data_may_leave"] is False, facts["open_licence_allowed"] is False
    frontier = facts["frontier_needed"] is True
    if stays and (barred or frontier):
        why = "no licence allows an open model" if barred else "the task needs the frontier"
        return TaskVerdict(
            task,
            "no_admissible_option",
            f"data may not leave, and {why}",
            flips=("data_may_leave", "open_licence_allowed" if barred else "frontier_needed"),
        )
    # An unknown constraint is asked for before any other decides: it could overrule that one.
    unknown = tuple(name for name in _CONSTRAINTS if facts[name] is None)
    if unknown:
        return TaskVerdict(
            task, "not_enough_evidence", f"not known: {', '.join(unknown)}", ask=unknown
        )
    if stays:
        return TaskVerdict(task, "self_host", "data may not leave", flips=("data_may_leave",))
    if barred:
        reason = "no licence allows an open model"
        return TaskVerdict(task, "stay_closed", reason, flips=("open_licence_allowed",))
    if frontier:
        return TaskVerdict(
            task, "stay_closed", "the task needs the frontier", flips=("frontier_needed",)
        )
    return None


def _priced(verdict: TaskVerdict, costs: Sequence[Cost]) -> TaskVerdict:
    """What a constraint decided, with what it costs."""
    if verdict.outcome == "stay_closed":
        return by_seats(verdict, costs)
    chosen = next((cost for cost in costs if cost.choice == verdict.outcome), None)
    closed = staying(costs)
    if chosen is None or closed is None:
        return verdict
    found = lead(chosen, closed)
    # No number turns it, so there is nothing to hold it against; but the constraint has its price.
    return msgspec.structs.replace(verdict, option=chosen.option, money=found.says)


def _by_quality(
    task: str, quality: Quality | None, facts: Mapping[str, Fact], costs: Sequence[Cost]
) -> TaskVerdict:
    if quality is None:
        absent = tuple(name for name in ("closed", "open") if facts.get(name) is None)
        reason = "no comparison of open and closed on this task"
        return _without_evidence(task, reason, facts, costs, ask=absent)
    match quality.says():
        case "open" if quality.cascade is None or not quality.cascade.good_enough:
            reason = f"the comparison leaves it open: {quality}"
            return _without_evidence(task, reason, facts, costs)
        case "worse" | "open":
            return _routed(task, quality, costs)
    found = cheapest(task, costs, allowed=_OPEN)
    if found.outcome not in _OPEN:
        return found
    worse = f"stay_closed when a comparison shows a loss of more than {quality.margin} points"
    flips = (f"{worse} ({quality.source}: {quality.low:+} to {quality.high:+})", *found.flips)
    return msgspec.structs.replace(found, flips=flips)


def _without_evidence(
    task: str,
    reason: str,
    facts: Mapping[str, Fact],
    costs: Sequence[Cost],
    *,
    ask: tuple[str, ...] = (),
) -> TaskVerdict:
    """Asks for a comparison, unless what it could show would not pay anyway."""
    pending = cheapest(task, costs, allowed=_OPEN)
    if pending.outcome == "stay_closed":
        # However good the open model is: it costs more.
        return pending
    pair = f"{facts.get('closed') or 'CLOSED'},{facts.get('open') or 'OPEN'}"
    command = f"aihandler compare {task} --deployments {pair} --data DATA.csv"
    known = pending.outcome != "not_enough_evidence"
    then = f"{pending.outcome} once a comparison shows it good enough: {pending.money}"
    return msgspec.structs.replace(
        pending,
        outcome="not_enough_evidence",
        decided_by=reason if known or not pending.money else f"{reason}; {pending.decided_by}",
        flips=(then, *pending.flips) if known else (),
        ask=ask if known else (*ask, *pending.ask),
        command=command,
        shares={},
        pending=pending.outcome if known else None,
    )


def _routed(task: str, quality: Quality, costs: Sequence[Cost]) -> TaskVerdict:
    """Worse as a whole: only a mix is left, for the part on which it was good enough."""
    part, cascade = quality.good_enough, quality.cascade
    mixed = cheapest(task, costs, allowed=frozenset({"hybrid_route"}))
    alone = "is worse" if quality.says() == "worse" else "is not shown good enough"
    reason = f"the open model alone {alone}: {quality}"
    if mixed.outcome != "hybrid_route" or part is None:
        more = f"; a mix: {mixed.decided_by}" if mixed.money else ""
        if cascade is not None and not cascade.good_enough:
            more += f"; with the vendor where it is not sure, too: {_in_points(cascade)}"
        flips = ("a better open model", *mixed.flips)
        return TaskVerdict(
            task,
            "stay_closed",
            f"{reason}{more}",
            flips=flips,
            option=mixed.than if mixed.money else "",
            than=mixed.option if mixed.money else "",
            by_seats=mixed.by_seats,
        )
    if cascade is not None and cascade.good_enough:
        shown = (
            f"asked first, it answered {percent(cascade.share)} of {part.items:,} examples itself, "
            f"and with the vendor for the rest loses no more than is allowed: {_in_points(cascade)}"
        )
    else:
        shown = (
            f"no lower on {percent(part.share)} of {part.items:,} examples ({percent(part.low)} to "
            f"{percent(part.high)}): an upper bound, as if a router knew each time which"
        )
    told = f"{reason}; {shown}; {mixed.money}"
    return msgspec.structs.replace(mixed, decided_by=told)


def _in_points(cascade: Cascaded) -> str:
    return f"{cascade.points[0]:+} to {cascade.points[1]:+} points"


def _disagreeing(outcome: Outcome, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    if outcome not in _AGREES:
        return ()
    return tuple(
        f"{j.framework} ({j.source.id}) says {j.verdict}: {j.because}"
        for j in judgements
        if j.verdict not in _NO_OPINION and j.verdict not in _AGREES[outcome]
    )
