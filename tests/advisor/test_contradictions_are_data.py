"""The eight contradictions between the texts: shown where facts touch them, with their ranges."""

from decimal import Decimal
from fractions import Fraction

import pytest

from aihandler.advisor.company import Fact, demo_profile, facts_of
from aihandler.advisor.economics import arithmetic as sums
from aihandler.advisor.frameworks.contradictions import Contradiction, contradictions
from aihandler.advisor.frameworks.judging import judge_all
from aihandler.advisor.frameworks.reading import parse_frameworks, shipped
from aihandler.advisor.frameworks.rules import Condition, parts_of, thresholds_of

FILES = shipped()
PARTINGS = {parting.id: parting for file in FILES for parting in file.contradictions}
FRAMEWORKS = {f.id: (f, file.source.id) for file in FILES for f in file.frameworks}
# Thresholds that a rule states by another fact of the same thing.
MONTHS = {"api_usd_per_month": 12, "tokens_per_day": 30}


def touched(**changes: Fact) -> dict[str, Contradiction]:
    facts = {**facts_of(demo_profile(), "documents"), **changes}
    found = contradictions(facts, judge_all(facts, FILES))
    return {one.id: one for one in found}


def amount(**values: str | int) -> dict[str, Fact]:
    return {name: Decimal(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("volume", amount(tokens_per_month=500_000), amount(tokens_per_month=499_999)),
        ("volume", amount(tokens_per_month=500_000_000), amount(tokens_per_month=500_000_001)),
        ("money", amount(api_usd_per_year=50_000), amount(api_usd_per_year=49_999)),
        ("money", amount(api_usd_per_year=240_000), amount(api_usd_per_year=240_001)),
        ("team", amount(people=20), amount(people=19)),
        ("team", amount(people=49), amount(people=50)),
        ("safety", {"safety_critical": True}, {"safety_critical": False}),
        ("safety", {"sovereignty_regulated": True}, {"sovereignty_regulated": False}),
        ("latency", {"latency_critical": True}, {"latency_critical": False}),
        ("skipped_score", {"data_may_leave": False}, {"data_may_leave": True}),
        ("gate_order", {"frontier_needed": True}, {"frontier_needed": False}),
        (
            "gate_order",
            {"frontier_needed": True, **amount(tokens_per_day=5_000_001)},
            {"frontier_needed": True, **amount(tokens_per_day=5_000_000)},
        ),
        (
            "payback",
            amount(accepts_months_before_return=4, free_engineer_share=2),
            amount(accepts_months_before_return=3, free_engineer_share=2),
        ),
        (
            "payback",
            amount(accepts_months_before_return=10, free_engineer_share=2),
            amount(accepts_months_before_return=11, free_engineer_share=2),
        ),
        (
            "payback",
            amount(accepts_months_before_return=11, free_engineer_share="0.2"),
            amount(accepts_months_before_return=11, free_engineer_share="0.19"),
        ),
    ],
)
def test_a_contradiction_is_shown_where_the_facts_touch_it(
    name: str, inside: dict[str, Fact], outside: dict[str, Fact]
) -> None:
    assert name in touched(**inside)
    assert name not in touched(**outside)


def test_there_are_eight_and_each_names_its_sources() -> None:
    assert list(PARTINGS) == [
        "volume", "money", "team", "safety", "latency", "skipped_score", "gate_order", "payback",
    ]  # fmt: skip
    found = touched(**amount(tokens_per_month=1_000_000))
    assert found["volume"].sources == ("000", "002", "004")


@pytest.mark.parametrize(
    ("name", "fact", "value", "gaps"),
    [
        ("volume", "tokens_per_month", 700_000, ["000"]),
        ("volume", "tokens_per_month", 100_000_000, ["002", "004"]),
        ("volume", "tokens_per_month", 2_000_000, []),
        ("money", "api_usd_per_year", 75_000, ["001"]),
        ("money", "api_usd_per_year", 180_000, []),
    ],
)
def test_a_range_without_a_rule_is_named(name: str, fact: str, value: int, gaps: list[str]) -> None:
    found = touched(**amount(**{fact: value}))[name]
    assert [gap.source for gap in found.in_gaps] == gaps


def test_a_million_tokens_cost_4_38_and_10_thousand_dollars_buy_2300_times_as_many() -> None:
    price = sums.blended(Fraction("2.50"), Fraction(10), 3)
    assert round(float(price), 3) == 4.375
    assert "$4.38" in PARTINGS["volume"].note
    bought = sums.tokens_bought(Fraction(10_000), price)
    assert round(bought / 1_000_000, -2) == PARTINGS["money"].apart[0].times == 2300


def test_the_ratios_are_those_of_the_thresholds() -> None:
    opens = [side.above for side in PARTINGS["volume"].sides if side.above is not None]
    assert max(opens) / min(opens) == PARTINGS["volume"].apart[0].times == 500
    low, high = (side.below for side in PARTINGS["team"].sides)
    assert high / low == PARTINGS["team"].apart[0].times


def thresholds(condition: Condition) -> set[tuple[str, Decimal]]:
    found = {(condition.fact, bound) for bound in thresholds_of(condition) if condition.fact}
    for part in parts_of(condition):
        found |= thresholds(part)
    return {(name, bound) for name, bound in found}


@pytest.mark.parametrize("name", ["volume", "money", "team"])
def test_every_threshold_of_a_side_stands_in_the_rules_of_its_source(name: str) -> None:
    for side in PARTINGS[name].sides:
        framework, source = FRAMEWORKS[side.framework]
        assert source == side.source
        conditions = [*framework.signals.values(), *(rule.when for rule in framework.rules)]
        known = {bound * MONTHS.get(fact, 1) for c in conditions for fact, bound in thresholds(c)}
        named = {b for b in (side.above, side.below, side.at_least) if b is not None}
        # 20K a month is the end of a band that the rule leaves open above.
        assert named <= known, side


def test_thresholds_of_a_contradiction_can_be_ones_own() -> None:
    text = (
        "source: {id: own, title: own, version: '1'}\n"
        "contradictions:\n"
        "  - id: team\n    title: mine\n    when: {fact: people, at_least: 90}\n"
        "    sides: [{source: own, framework: hybrid_yes_no, says: no, fact: people, below: 99}]\n"
    )
    facts = {**facts_of(demo_profile(), "documents"), **amount(people=95)}
    own = parse_frameworks(text, file="own.yaml").contradictions
    (found,) = contradictions(facts, judge_all(facts, FILES), own)
    assert found.says == "no below 99 (own)"
    assert contradictions(facts, [], own) == ()
