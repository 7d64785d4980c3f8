"""Decides every task and the whole: costs in the same runs, verdicts, and what would turn them."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.advisor.company import Fact, Profile, facts_of
from aihandler.advisor.costing import Costed, costed
from aihandler.advisor.economics import reference
from aihandler.advisor.economics.runs import MONTHS, RUNS, Order, against
from aihandler.advisor.economics.total_cost import Priced
from aihandler.advisor.economics.turns import Turn, turn_of, turns
from aihandler.advisor.frameworks.judging import Judgement
from aihandler.advisor.hosted import Known
from aihandler.advisor.outcomes import Choice, Cost, Outcome, Quality, TaskVerdict
from aihandler.advisor.quality import quality_of
from aihandler.advisor.verdicts import decide
from aihandler.ledger.comparisons import ComparisonRecord


class UnderPrices(msgspec.Struct, frozen=True):
    """What would be decided if vendors' prices went another way.

    `pending` is what a comparison may still allow; `flips`: one of the two is another one than now.
    """

    scenario: str
    source: str
    outcome: Outcome
    pending: Choice | None
    flips: bool
    decided_by: str


class Decided(msgspec.Struct, frozen=True):
    """A verdict, with the values of inputs that would turn it and what price scenarios would.

    `escalation` is the share of escalations from which on an open option no longer pays.
    """

    verdict: TaskVerdict
    quality: Quality | None
    turns: tuple[Turn, ...] = ()
    scenarios: tuple[UnderPrices, ...] = ()
    escalation: Turn | None = None


def cost_all(
    profile: Profile,
    comparisons: Sequence[ComparisonRecord],
    *,
    seed: int,
    runs: int = RUNS,
) -> dict[str, Costed]:
    """Every task in the same runs. Raises InputError for an unknown input."""
    known = Known(reference.shelf())
    return {
        name: costed(
            profile,
            Order(seed, MONTHS, runs, name),
            known=known,
            quality=quality_of(task, comparisons, task=name),
        )
        for name, task in profile.tasks.items()
    }


def decided(
    profile: Profile,
    task: str,
    found: Costed,
    *,
    judgements: Sequence[Judgement],
    comparisons: Sequence[ComparisonRecord] = (),
) -> Decided:
    """The verdict on one task that was costed."""
    facts = facts_of(profile, task)
    quality = quality_of(profile.tasks[task], comparisons, task=task)
    costs = found.costing.costs
    verdict = decide(task, facts, judgements, quality=quality, costs=costs)
    found_turns = _turns(verdict, found)
    flips = (*verdict.flips, *_told(found_turns))
    total = found.costing.total
    scenarios = total.scenarios if total else ()
    return Decided(
        msgspec.structs.replace(verdict, flips=flips, ask=_asked(verdict, found, found_turns)),
        quality,
        found_turns,
        tuple(_under(verdict, facts, quality, costs=costs, priced=one) for one in scenarios),
        _escalation(verdict, found),
    )


def _turns(verdict: TaskVerdict, found: Costed) -> tuple[Turn, ...]:
    # What a constraint decides, no number turns: it names no other option.
    if found.runs is None or not verdict.option or not verdict.than:
        return ()
    return turns(found.runs, verdict.option, verdict.than, share=_share(verdict, found))


def _escalation(verdict: TaskVerdict, found: Costed) -> Turn | None:
    """From which share of escalations on an open option no longer pays."""
    open_one = verdict.option not in ("", "closed", "per_seat")
    if found.runs is None or not open_one or not verdict.than:
        return None
    pair = verdict.option, verdict.than
    return turn_of(found.runs, "escalation_share", *pair, share=_share(verdict, found))


def _share(verdict: TaskVerdict, found: Costed) -> float | None:
    total = found.costing.total
    lead = against(total.differences if total else (), verdict.option, verdict.than)
    return lead.cheaper_share if lead else None


def _told(found: Sequence[Turn]) -> tuple[str, ...]:
    """Those that turn something; that nothing does is said once."""
    told = tuple(str(turn) for turn in found if turn.at is not None)
    if told or not found:
        return told
    looked = ", ".join(turn.name for turn in found)
    return (f"no input alone turns it, whatever its value ({looked})",)


def _asked(verdict: TaskVerdict, found: Costed, turned: Sequence[Turn]) -> tuple[str, ...]:
    """Where money leaves it open: inputs that are missing, or move it most."""
    if "costs" not in verdict.ask:
        return verdict.ask
    asked = found.costing.ask or tuple(f"costs.{turn.name}" for turn in turned[:2]) or ("costs",)
    return (*(name for name in verdict.ask if name != "costs"), *asked)


def _under(
    verdict: TaskVerdict,
    facts: Mapping[str, Fact],
    quality: Quality | None,
    *,
    costs: Sequence[Cost],
    priced: Priced,
) -> UnderPrices:
    then = decide(
        verdict.task, facts, (), quality=quality, costs=[_at(cost, priced) for cost in costs]
    )
    before = verdict.outcome, verdict.pending, verdict.by_seats
    return UnderPrices(
        priced.scenario,
        priced.source,
        then.outcome,
        then.pending,
        (then.outcome, then.pending, then.by_seats) != before,
        then.money or then.decided_by,
    )


def _at(cost: Cost, priced: Priced) -> Cost:
    option = cost.option
    return msgspec.structs.replace(
        cost,
        against=tuple(d for d in priced.differences if option in (d.option, d.than)),
        whole_usd=priced.totals[option].median,
    )
