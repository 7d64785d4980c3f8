"""Which choice costs less, run by run: the part of a verdict that money decides."""

from collections.abc import Sequence

import msgspec

from aihandler.advisor.economics.figures import dollars
from aihandler.advisor.economics.runs import SURE, Difference, against, named, percent
from aihandler.advisor.outcomes import Choice, Cost, TaskVerdict


class Lead(msgspec.Struct, frozen=True):
    """How surely one choice costs less than another, and the words for it."""

    one: Cost
    other: Cost
    share: float
    usd: float
    says: str

    @property
    def sure(self) -> bool:
        """Whether it decides."""
        return self.share >= SURE


def cheapest(task: str, costs: Sequence[Cost], *, allowed: frozenset[Choice]) -> TaskVerdict:
    """The verdict by cost among `allowed` ways of leaving and staying with the vendor."""
    stay = staying(costs)
    leaves = [cost for cost in costs if cost.choice in allowed and cost.choice != "stay_closed"]
    if stay is None or not leaves:
        reason = "the cost of staying or of leaving is not known"
        return TaskVerdict(task, "not_enough_evidence", reason, ask=("costs",))
    leads = sorted((lead(cost, stay) for cost in leaves), key=lambda one: (-one.usd, -one.share))
    sure = next((found for found in leads if found.sure), None)
    if sure is not None:
        return _leave(task, sure, leads)
    if all(found.share <= 1 - SURE for found in leads):
        return _stay(task, lead(stay, leads[0].one))
    return _open(task, max(leads, key=lambda one: one.share))


def staying(costs: Sequence[Cost]) -> Cost | None:
    """The vendor by tokens, or by seats where that surely costs less."""
    closed = next((cost for cost in costs if cost.option in ("", "closed") and _stays(cost)), None)
    seats = next((cost for cost in costs if cost.option == "per_seat"), None)
    if closed is None or seats is None:
        return closed
    return seats if lead(seats, closed).sure else closed


def by_seats(verdict: TaskVerdict, costs: Sequence[Cost]) -> TaskVerdict:
    """A verdict to stay closed, told to pay by seats where that costs less."""
    closed = next((cost for cost in costs if cost.option == "closed"), None)
    seats = staying(costs)
    if closed is None or seats is None or seats.option != "per_seat":
        return verdict
    found = lead(seats, closed)
    told = f"stay closed, by seats: {found.says}"
    return msgspec.structs.replace(
        verdict,
        decided_by=f"{verdict.decided_by}; {told}",
        option=seats.option,
        than=closed.option,
        money=told,
        by_seats=True,
    )


def lead(one: Cost, other: Cost) -> Lead:
    """Out of the runs that both have; else out of their intervals, which tell less."""
    paired = against(one.against, one.option, other.option)
    if paired is not None:
        return Lead(one, other, paired.cheaper_share, paired.usd.median, _words(one, other, paired))
    told = f"{_monthly(one)}, {_monthly(other)}"
    middles = [(each.low_usd_per_month + each.high_usd_per_month) / 2 for each in (one, other)]
    gap = float(middles[1] - middles[0])
    if one.high_usd_per_month < other.low_usd_per_month:
        return Lead(one, other, 1.0, gap, told)
    share = 0.0 if other.high_usd_per_month < one.low_usd_per_month else 0.5
    return Lead(one, other, share, gap, told)


def _stays(cost: Cost) -> bool:
    return cost.choice == "stay_closed"


def _leave(task: str, found: Lead, leads: Sequence[Lead]) -> TaskVerdict:
    rivals = [lead(other.one, found.one) for other in leads if other.one != found.one]
    return TaskVerdict(
        task,
        found.one.choice,
        _decides(found.says),
        flips=tuple(
            f"{named(rival.one.option) or rival.one.choice} is as good a choice: {rival.says}"
            for rival in rivals
            if rival.share > 1 - SURE
        ),
        shares=found.one.shares,
        routed_by=found.one.routed_by,
        option=found.one.option,
        than=found.other.option,
        money=found.says,
    )


def _stay(task: str, found: Lead) -> TaskVerdict:
    seats = found.one.option == "per_seat"
    return TaskVerdict(
        task,
        "stay_closed",
        _decides(f"by seats: {found.says}" if seats else found.says),
        option=found.one.option,
        than=found.other.option,
        money=found.says,
        by_seats=seats,
    )


def _open(task: str, found: Lead) -> TaskVerdict:
    reason = f"the difference is open, {percent(SURE)} of runs would decide: {found.says}"
    return TaskVerdict(
        task,
        "not_enough_evidence",
        reason,
        ask=("costs",),
        option=found.one.option,
        than=found.other.option,
        money=found.says,
    )


def _decides(says: str) -> str:
    return f"{says}; {percent(SURE)} of runs decide"


def _words(one: Cost, other: Cost, paired: Difference) -> str:
    if one.whole_usd is None or other.whole_usd is None:
        return str(paired)
    told = f"{dollars(one.whole_usd)} instead of {dollars(other.whole_usd)}"
    return f"{told} in {paired.months} months; {paired.told()}"


def _monthly(cost: Cost) -> str:
    name = "closed" if cost.choice == "stay_closed" else cost.choice
    return f"{name}: ${cost.low_usd_per_month:,.0f} to ${cost.high_usd_per_month:,.0f} a month"
