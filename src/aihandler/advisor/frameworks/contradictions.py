"""Where the published frameworks contradict each other or themselves, shown and not hidden."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from aihandler.advisor.company import Fact
from aihandler.advisor.frameworks.judging import Judgement


class Contradiction(msgspec.Struct, frozen=True):
    """`between` names frameworks; `id` is stable."""

    id: str
    between: tuple[str, ...]
    says: str


def contradictions(
    facts: Mapping[str, Fact], judgements: Sequence[Judgement]
) -> tuple[Contradiction, ...]:
    """Those that these facts touch; a missing fact touches nothing."""
    checks = (_volume, _money, _team, _safety, _latency, _skipped, _payback)
    found = [check(facts) for check in checks]
    found.append(_order(facts, judgements))
    return tuple(contradiction for contradiction in found if contradiction is not None)


def _volume(facts: Mapping[str, Fact]) -> Contradiction | None:
    tokens = facts["tokens_per_month"]
    # Between the lowest limit for open and the highest for closed the sources part.
    if not isinstance(tokens, Decimal) or not 500_000 <= tokens <= 500_000_000:
        return None
    says = (
        f"{tokens:,} tokens a month: open above 1,000,000 (000), closed below 50,000,000 and "
        "open above 500,000,000 (002), a few million a day (004); 500 x apart"
    )
    return Contradiction("volume", ("hybrid_tree", "five_questions", "cost_rule"), says)


def _money(facts: Mapping[str, Fact]) -> Contradiction | None:
    spend = facts["api_usd_per_year"]
    if not isinstance(spend, Decimal) or not 50_000 <= spend <= 240_000:
        return None
    says = (
        f"${spend:,.0f} a year: investigate above $120,000 (000), evaluate at $120,000 to "
        "$240,000 (001), hybrid above $100,000 (001, same page); $50,000 to $100,000 has no rule"
    )
    return Contradiction("money", ("money_rule", "timing", "closed_hybrid_open"), says)


def _team(facts: Mapping[str, Fact]) -> Contradiction | None:
    people = facts["people"]
    if not isinstance(people, Decimal) or not 20 <= people < 50:
        return None
    says = f"{people} people: hybrid is open from 20 (000), closed is told below 50 (001)"
    return Contradiction("team", ("hybrid_yes_no", "closed_hybrid_open"), says)


def _safety(facts: Mapping[str, Fact]) -> Contradiction | None:
    if facts["safety_critical"] is not True and facts["sovereignty_regulated"] is not True:
        return None
    says = (
        "compliance goes to closed with an SLA and rules on data often force own machines "
        "(both 000); a contract analysis that moved to open is praised (001)"
    )
    return Contradiction("safety", ("placement", "hybrid_tree", "closed_hybrid_open"), says)


def _latency(facts: Mapping[str, Fact]) -> Contradiction | None:
    if facts["latency_critical"] is not True:
        return None
    says = "self-hosted is faster (000); latency is a burden of self-hosting (002): measure it"
    return Contradiction("latency", ("hybrid_tree", "five_questions"), says)


def _skipped(facts: Mapping[str, Fact]) -> Contradiction | None:
    if facts["data_may_leave"] is not False:
        return None
    says = "data may not leave: questions 2 to 4 are skipped, so no side can reach 3 of 5"
    return Contradiction("skipped_score", ("five_questions",), says)


def _order(facts: Mapping[str, Fact], judgements: Sequence[Judgement]) -> Contradiction | None:
    # The rules may be a user's own: then the guide's may be absent.
    passes = any(j.framework == "cost_rule" and j.verdict == "open" for j in judgements)
    if facts["frontier_needed"] is not True or not passes:
        return None
    says = (
        "the gate of the frontier stands before that of volume, which this task would pass; "
        "the same guide calls hybrid routing the cheapest, so gates are read per task"
    )
    return Contradiction("gate_order", ("four_gates", "cost_rule"), says)


def _payback(facts: Mapping[str, Fact]) -> Contradiction | None:
    months = facts["accepts_months_before_return"]
    if not isinstance(months, Decimal) or not 4 <= months < 11:
        return None
    says = (
        f"{months} months are accepted: enough for 4 to 6 (000), too few for month 11 (000, same "
        "page); staff is 20 % (000), 20 to 30 % (002) or 1 to 2 engineers (000)"
    )
    return Contradiction("payback", ("hybrid_yes_no", "five_questions"), says)
