"""The verdict on a task: hard constraints, then evidence of quality, then cost; never a score."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from aihandler.advisor.company import Fact
from aihandler.advisor.frameworks.judging import Judgement

Choice = Literal["stay_closed", "managed_open", "self_host", "hybrid_route"]
Outcome = Choice | Literal["not_enough_evidence", "no_admissible_option"]


class Quality(msgspec.Struct, frozen=True):
    """Open minus closed in points of a score, with its interval, and the loss that is allowed."""

    low: Decimal
    high: Decimal
    margin: Decimal
    source: str


class Cost(msgspec.Struct, frozen=True):
    """Dollars per month of one choice; a hybrid route has the `shares` of its parts."""

    choice: Choice
    low_usd: Decimal
    high_usd: Decimal
    source: str
    shares: Mapping[Choice, Decimal] = {}


class TaskVerdict(msgspec.Struct, frozen=True):
    """`decided_by` is the constraint or number; `ask` names inputs; `command` gives evidence.

    In `command`, CLOSED and OPEN stand for deployments that the facts do not name, and DATA.csv for
    own examples.
    """

    task: str
    outcome: Outcome
    decided_by: str
    flips: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    command: str = ""
    disagree: tuple[str, ...] = ()
    shares: Mapping[Choice, Decimal] = {}


# What a task must say before anything else about it counts.
_CONSTRAINTS = ("data_may_leave", "open_licence_allowed", "frontier_needed")
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
    """Pure; the same inputs give the same verdict."""
    constrained = _constrained(task, facts)
    verdict = constrained or _evidenced(task, quality, facts) or _cheapest(task, costs)
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


def _evidenced(task: str, quality: Quality | None, facts: Mapping[str, Fact]) -> TaskVerdict | None:
    pair = f"{facts.get('closed') or 'CLOSED'},{facts.get('open') or 'OPEN'}"
    command = f"aihandler compare {task} --deployments {pair} --data DATA.csv"
    if quality is None:
        reason = "no comparison of open and closed on this task"
        return TaskVerdict(task, "not_enough_evidence", reason, command=command)
    shown = f"{quality.low} to {quality.high} points, {quality.margin} may be lost"
    if quality.high < -quality.margin:
        return TaskVerdict(task, "stay_closed", f"quality: {shown}", flips=("a better open model",))
    if quality.low < -quality.margin:
        reason = f"the interval is wider than the margin: {shown}"
        return TaskVerdict(task, "not_enough_evidence", reason, command=command)
    return None


def _cheapest(task: str, costs: Sequence[Cost]) -> TaskVerdict:
    closed = next((c for c in costs if c.choice == "stay_closed"), None)
    others = sorted((c for c in costs if c.choice != "stay_closed"), key=lambda c: c.high_usd)
    if closed is None or not others:
        reason = "the cost of staying or of leaving is not known"
        return TaskVerdict(task, "not_enough_evidence", reason, ask=("costs",))
    best = others[0]
    shown = (
        f"{best.choice}: ${best.low_usd:,.0f} to ${best.high_usd:,.0f} a month, "
        f"closed: ${closed.low_usd:,.0f} to ${closed.high_usd:,.0f}"
    )
    if best.high_usd < closed.low_usd:
        flips = (f"closed under ${best.high_usd:,.0f} a month",)
        return TaskVerdict(task, best.choice, shown, flips=flips, shares=best.shares)
    if min(other.low_usd for other in others) > closed.high_usd:
        flips = (f"{best.choice} under ${closed.low_usd:,.0f} a month",)
        return TaskVerdict(task, "stay_closed", shown, flips=flips)
    return TaskVerdict(task, "not_enough_evidence", f"the intervals meet; {shown}", ask=("costs",))


def _disagreeing(outcome: Outcome, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    if outcome not in _AGREES:
        return ()
    return tuple(
        f"{j.framework} ({j.source.id}) says {j.verdict}: {j.because}"
        for j in judgements
        if j.verdict not in _NO_OPINION and j.verdict not in _AGREES[outcome]
    )
