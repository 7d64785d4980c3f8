"""Every rule of the shipped frameworks, just below and just above its threshold."""

from decimal import Decimal

import pytest

from aihandler.advisor.company import Fact
from aihandler.advisor.frameworks.judging import Judgement, judge
from aihandler.advisor.frameworks.reading import fact_names, shipped

BY_ID = {f.id: (f, file.source) for file in shipped() for f in file.frameworks}


def said(framework: str, **known: Fact | int) -> Judgement:
    facts: dict[str, Fact] = dict.fromkeys(fact_names())
    for name, value in known.items():
        facts[name] = Decimal(value) if type(value) is int else value
    found, source = BY_ID[framework]
    return judge(found, facts, source=source)


TREE = {
    "tokens_per_month": 700_000,
    "customised": False,
    "data_may_leave": True,
    "latency_critical": False,
    "cost_sensitive": False,
    "customer_facing": False,
    "safety_critical": False,
    "frontier_needed": False,
    "people": 45,
}
YES = {
    "people": 20,
    "stage": "post_pmf",
    "ml_engineers": 1,
    "api_usd_per_month": 10_001,
    "api_growth_per_quarter": 1,
    "repetitive": True,
    "accepts_months_before_return": 4,
}
READY = {
    "security_engineers": 1,
    "customer_facing": False,
    "safety_critical": False,
    "risk_tolerance": "medium",
    "safety_layers": True,
    "incident_response": True,
    "sovereignty_regulated": False,
    "can_invest_in_safety": True,
    "internal_without_security": False,
    "observability": True,
}
PLACED = {"customer_facing": False, "safety_critical": False, "vendor_sla_needed": False}
TIMED = {"stage": "post_pmf", "months_at_this_spend": 3}
HYBRID = {
    "people": 50,
    "stage": "post_pmf",
    "ai_is": "product",
    "ml_native": False,
    "ml_engineers": 0,
    "can_hire": True,
    "sovereignty_regulated": False,
    "funding_months": 12,
    "api_usd_per_year": 100_001,
    "api_growth_per_quarter": Decimal("0.4"),
    "mixed_workloads": True,
}
BUILD = {
    "api_share_of_cogs": Decimal("0.21"),
    "differentiator": False,
    "api_growth_per_year": 1,
    "ml_engineers": 1,
    "funding_months": 5,
}
FIVE = {
    "data_may_leave": True,
    "tokens_per_month": 500_000_001,
    "ml_engineers": 1,
    "complex_output": False,
    "free_engineer_share": Decimal("0.2"),
    "prompt_iteration": "high",
}
GATES = {
    "data_may_leave": True,
    "frontier_needed": False,
    "tokens_per_day": 5_000_001,
    "steady": True,
    "speed_to_market_first": False,
}


def spend(usd_per_month: int) -> dict[str, Fact]:
    return {
        "api_usd_per_month": Decimal(usd_per_month),
        "api_usd_per_year": Decimal(usd_per_month * 12),
    }


@pytest.mark.parametrize(
    ("framework", "base", "change", "verdict"),
    [
        ("hybrid_tree", TREE, {}, "undefined"),
        ("hybrid_tree", TREE, {"tokens_per_month": 1_000_000}, "undefined"),
        ("hybrid_tree", TREE, {"tokens_per_month": 1_000_001}, "open"),
        ("hybrid_tree", TREE, {"tokens_per_month": 500_000}, "undefined"),
        ("hybrid_tree", TREE, {"tokens_per_month": 499_999}, "closed"),
        ("hybrid_tree", TREE, {"customised": True}, "open"),
        ("hybrid_tree", TREE, {"data_may_leave": False}, "open"),
        ("hybrid_tree", TREE, {"latency_critical": True}, "open"),
        ("hybrid_tree", TREE, {"cost_sensitive": True}, "open"),
        ("hybrid_tree", TREE, {"customer_facing": True}, "closed"),
        ("hybrid_tree", TREE, {"safety_critical": True}, "closed"),
        ("hybrid_tree", TREE, {"frontier_needed": True}, "closed"),
        ("hybrid_tree", TREE, {"people": 19}, "closed"),
        ("hybrid_tree", TREE, {"people": 19, "customised": True}, "mixed"),
        ("money_rule", {"could_be_open": True}, {"could_be_open_usd_per_month": 10_000}, "closed"),
        (
            "money_rule",
            {"could_be_open": True},
            {"could_be_open_usd_per_month": 10_001},
            "evaluate",
        ),
        ("money_rule", {"could_be_open": True}, {"could_be_open_usd_per_month": 15_000}, "open"),
        (
            "money_rule",
            {"could_be_open": False},
            {"could_be_open_usd_per_month": 15_000},
            "undefined",
        ),
        ("hybrid_yes_no", YES, {}, "hybrid"),
        ("hybrid_yes_no", YES, {"people": 19}, "closed"),
        ("hybrid_yes_no", YES, {"stage": "pre_pmf"}, "closed"),
        ("hybrid_yes_no", YES, {"ml_engineers": 0}, "closed"),
        ("hybrid_yes_no", YES, {"api_usd_per_month": 10_000}, "undefined"),
        ("hybrid_yes_no", YES, {"api_growth_per_quarter": 0}, "undefined"),
        ("hybrid_yes_no", YES, {"repetitive": False}, "undefined"),
        ("hybrid_yes_no", YES, {"accepts_months_before_return": 3}, "undefined"),
        ("placement", PLACED, {"customer_facing": True}, "closed"),
        ("placement", PLACED, {"safety_critical": True}, "closed"),
        ("placement", PLACED, {"vendor_sla_needed": True}, "closed"),
        ("placement", PLACED, {}, "open"),
        ("security", READY, {}, "open"),
        ("security", READY, {"security_engineers": 0}, "closed"),
        ("security", READY, {"customer_facing": True}, "closed"),
        ("security", READY, {"safety_critical": True}, "closed"),
        ("security", READY, {"risk_tolerance": "low"}, "closed"),
        ("security", READY, {"safety_layers": False}, "closed"),
        ("security", READY, {"incident_response": False}, "closed"),
        ("security", READY, {"internal_without_security": True}, "closed"),
        ("security", READY, {"observability": False}, "closed"),
        ("security", READY, {"can_invest_in_safety": False}, "undefined"),
        ("feature_or_product", {}, {"ai_is": "feature"}, "closed"),
        ("feature_or_product", {}, {"ai_is": "product"}, "open"),
        ("build_or_buy", BUILD, {}, "open"),
        ("build_or_buy", BUILD, {"api_share_of_cogs": Decimal("0.2")}, "evaluate"),
        ("build_or_buy", BUILD, {"api_share_of_cogs": Decimal("0.05")}, "evaluate"),
        ("build_or_buy", BUILD, {"api_share_of_cogs": Decimal("0.049")}, "closed"),
        ("build_or_buy", BUILD, {"ml_engineers": 0}, "closed"),
        ("build_or_buy", BUILD, {"api_growth_per_year": Decimal("0.99")}, "closed"),
        ("closed_hybrid_open", HYBRID, {}, "hybrid"),
        ("closed_hybrid_open", HYBRID, {"people": 49}, "mixed"),
        ("closed_hybrid_open", HYBRID, {"ai_is": "feature"}, "mixed"),
        ("closed_hybrid_open", HYBRID, {"stage": "pre_pmf"}, "closed"),
        ("closed_hybrid_open", HYBRID, {"api_usd_per_year": 49_999}, "closed"),
        ("closed_hybrid_open", HYBRID, {"api_usd_per_year": 75_000}, "undefined"),
        ("closed_hybrid_open", HYBRID, {"api_usd_per_year": 100_000}, "undefined"),
        ("closed_hybrid_open", HYBRID, {"can_hire": False}, "undefined"),
        ("closed_hybrid_open", HYBRID, {"mixed_workloads": False}, "undefined"),
        (
            "closed_hybrid_open",
            HYBRID,
            {"sovereignty_regulated": True, "ml_native": True, "funding_months": 6},
            "open",
        ),
        ("timing", TIMED, spend(9_999), "closed"),
        ("timing", TIMED, spend(10_000), "evaluate"),
        ("timing", TIMED, spend(20_000), "evaluate"),
        ("timing", TIMED, {**spend(10_000), "months_at_this_spend": 2}, "closed"),
        ("timing", TIMED, {**spend(49_999), "stage": "pre_pmf"}, "closed"),
        ("timing", TIMED, spend(49_999), "evaluate"),
        ("timing", TIMED, spend(50_000), "open"),
        ("timing", TIMED, spend(83_334), "open"),
        ("five_questions", FIVE, {}, "open"),
        ("five_questions", FIVE, {"data_may_leave": False}, "open"),
        ("five_questions", FIVE, {"tokens_per_month": 500_000_000}, "closed"),
        ("five_questions", FIVE, {"prompt_iteration": "stable", "ml_engineers": 0}, "open"),
        (
            "five_questions",
            FIVE,
            {"tokens_per_month": 49_999_999, "complex_output": True},
            "closed",
        ),
        ("five_questions", FIVE, {"free_engineer_share": Decimal("0.19")}, "closed"),
        ("lock_in", {}, {"could_lock_in_18_months": True}, "closed"),
        ("lock_in", {}, {"could_lock_in_18_months": False}, "open"),
        ("four_gates", GATES, {}, "open"),
        ("four_gates", GATES, {"data_may_leave": False, "frontier_needed": True}, "open"),
        ("four_gates", GATES, {"frontier_needed": True}, "closed"),
        ("four_gates", GATES, {"tokens_per_day": 5_000_000}, "closed"),
        ("four_gates", GATES, {"steady": False}, "closed"),
        ("cost_rule", GATES, {"tokens_per_day": 1_999_999}, "closed"),
        ("cost_rule", GATES, {"tokens_per_day": 5_000_000}, "undefined"),
        ("cost_rule", GATES, {}, "open"),
        ("cost_rule", GATES, {"steady": False}, "managed_open"),
    ],
)
def test_a_rule_turns_at_its_threshold(
    framework: str, base: dict[str, Fact], change: dict[str, Fact], verdict: str
) -> None:
    assert said(framework, **{**base, **change}).verdict == verdict


@pytest.mark.parametrize("framework", BY_ID)
def test_without_facts_no_framework_has_a_verdict_and_each_asks(framework: str) -> None:
    judgement = said(framework)
    assert judgement.verdict is None
    assert judgement.missing


def test_a_missing_fact_that_cannot_change_the_count_does_not_hold_the_verdict_up() -> None:
    judgement = said("five_questions", **{**FIVE, "prompt_iteration": None})
    assert (judgement.verdict, judgement.missing) == ("open", ("prompt_iteration",))
    judgement = said("five_questions", **{**FIVE, "complex_output": None})
    assert (judgement.verdict, judgement.missing) == (None, ("complex_output",))


def test_a_number_says_how_far_it_is_from_the_threshold() -> None:
    judgement = said("cost_rule", **{**GATES, "tokens_per_day": 142_857})
    assert str(judgement.distances[0]) == "14 x below 2,000,000 (tokens_per_day)"


def test_data_that_may_not_leave_is_a_hard_reason_before_any_score() -> None:
    for framework in ("hybrid_tree", "five_questions", "four_gates"):
        assert said(framework, data_may_leave=False).hard
