"""Every item of the published lists applies, does not, or asks for the fact that is missing."""

from decimal import Decimal

import pytest

from aihandler.advisor.company import Fact
from aihandler.advisor.frameworks.lists import JudgedItem, JudgedList, judge_list
from aihandler.advisor.frameworks.reading import fact_names, shipped

LISTS = {one.id: (one, file.source.id) for file in shipped() for one in file.lists}


def judged(checklist: str, **known: Fact | int | float) -> JudgedList:
    facts: dict[str, Fact] = dict.fromkeys(fact_names())
    for name, value in known.items():
        number = type(value) in {int, float}
        facts[name.replace("__", ".")] = Decimal(str(value)) if number else value
    found, source = LISTS[checklist]
    return judge_list(found, facts, source=source)


def item(checklist: str, name: str, **known: Fact | int | float) -> JudgedItem:
    return next(one for one in judged(checklist, **known).items if one.id == name)


BIG = {"api_usd_per_month": 10_001, "people": 20, "stage": "post_pmf", "ml_engineers": 1}
DAY = {"tokens_per_day": 5_000_001}


@pytest.mark.parametrize(
    ("checklist", "name", "applies", "does_not"),
    [
        ("options", "stay_closed", {"people": 19}, BIG),
        ("options", "hybrid", BIG, {**BIG, "api_usd_per_month": 10_000}),
        ("options", "open_now", {"data_may_leave": False}, {"data_may_leave": True}),
        ("resources", "engineers", {"ml_engineers": 1}, {"ml_engineers": 0, "can_hire": False}),
        (
            "resources",
            "engineers",
            {"ml_engineers": 0, "can_hire": True},
            {"ml_engineers": 0, "can_hire": False},
        ),
        ("resources", "gpu_money", {"gpu_budget_usd": 50_000}, {"gpu_budget_usd": 49_999}),
        (
            "resources",
            "setup_time",
            {"accepts_months_before_return": 3},
            {"accepts_months_before_return": 2},
        ),
        ("resources", "maintenance", {"free_engineer_share": 0.2}, {"free_engineer_share": 0.19}),
        ("resources", "reserved", {"steady": True}, {"steady": False}),
        ("phases", "hire", {"ml_engineers": 0}, {"ml_engineers": 1}),
        ("phases", "benchmark", {"compared": False}, {"compared": True}),
        ("phases", "pilot", {"pilot_passed": False}, {"pilot_passed": True}),
        ("phases", "observability", {"observability": False}, {"observability": True}),
        ("phases", "fallback", {"fallback_to_api": False}, {"fallback_to_api": True}),
        ("phases", "tune", {"customised": True}, {"customised": False}),
        (
            "build_or_buy_answers",
            "goods_low",
            {"api_share_of_cogs": 0.049},
            {"api_share_of_cogs": 0.05},
        ),
        (
            "build_or_buy_answers",
            "goods_middle",
            {"api_share_of_cogs": 0.05},
            {"api_share_of_cogs": 0.049},
        ),
        (
            "build_or_buy_answers",
            "goods_middle",
            {"api_share_of_cogs": 0.2},
            {"api_share_of_cogs": 0.201},
        ),
        (
            "build_or_buy_answers",
            "goods_high",
            {"api_share_of_cogs": 0.201},
            {"api_share_of_cogs": 0.2},
        ),
        ("build_or_buy_answers", "quality_no", {"differentiator": False}, {"differentiator": True}),
        (
            "build_or_buy_answers",
            "quality_yes",
            {"differentiator": True},
            {"differentiator": False},
        ),
        (
            "build_or_buy_answers",
            "growth_slow",
            {"api_growth_per_year": 0.19},
            {"api_growth_per_year": 0.2},
        ),
        (
            "build_or_buy_answers",
            "growth_gap",
            {"api_growth_per_year": 0.99},
            {"api_growth_per_year": 1},
        ),
        (
            "build_or_buy_answers",
            "growth_fast",
            {"api_growth_per_year": 1},
            {"api_growth_per_year": 0.99},
        ),
        ("build_or_buy_answers", "talent_no", {"ml_engineers": 0}, {"ml_engineers": 1}),
        ("build_or_buy_answers", "talent_yes", {"ml_engineers": 1}, {"ml_engineers": 0}),
        ("build_or_buy_answers", "lean", {"funding_months": 5}, {"funding_months": 6}),
        ("build_or_buy_answers", "funded", {"funding_months": 6}, {"funding_months": 5}),
        ("path", "start_closed", {"stage": "post_pmf"}, {"stage": "pre_pmf"}),
        ("path", "know_workloads", {"compared": True}, {"compared": False}),
        ("path", "capability", {"ml_engineers": 1}, {"ml_engineers": 0}),
        (
            "path",
            "hybrid",
            {"serves_open_models": True, "fallback_to_api": True},
            {"serves_open_models": False},
        ),
        ("path", "flexible", {"abstraction_layer": True}, {"abstraction_layer": False}),
        ("path", "two_providers", {"providers": 2}, {"providers": 1}),
        ("timing_costs", "too_early", {"stage": "pre_pmf"}, {"stage": "post_pmf"}),
        ("timing_costs", "too_late", {"api_usd_per_month": 50_000}, {"api_usd_per_month": 49_999}),
        ("hidden_costs", "setup", {"serves_open_models": False}, {"serves_open_models": True}),
        (
            "hidden_costs",
            "operations",
            {"steady": False},
            {"steady": True, "free_engineer_share": 0.2},
        ),
        (
            "hidden_costs",
            "operations",
            {"free_engineer_share": 0.19},
            {"steady": True, "free_engineer_share": 0.2},
        ),
        ("hidden_costs", "validation", {"complex_output": True}, {"complex_output": False}),
        ("fit", "summarisation", {"kind": "summarisation"}, {"kind": "agent"}),
        ("fit", "classification", {"kind": "classification"}, {"kind": "agent"}),
        ("fit", "embeddings", {"kind": "embeddings"}, {"kind": "agent"}),
        ("fit", "agents", {"kind": "agent"}, {"kind": "chat"}),
        (
            "fit",
            "same_prompt",
            {"repetitive": True, "requests_per_month": 1_000_000},
            {"repetitive": True, "requests_per_month": 999_999},
        ),
        ("facts_to_watch", "latency", {"measured_latency_s": 4.2}, {"measured_latency_s": 4.1}),
        ("facts_to_watch", "schema_keys", {"invalid_share": 0.08}, {"invalid_share": 0.07}),
        (
            "edge_cases",
            "alone_with_sensitive_data",
            {"people": 1, "data_may_leave": False},
            {"people": 2},
        ),
        ("edge_cases", "learning", {"serves_open_models": False}, {"serves_open_models": True}),
        ("edge_cases", "own_data", {"compared": False}, {"compared": True}),
        ("edge_cases", "llama_licence", {"open_licence": "llama"}, {"open_licence": "apache-2.0"}),
        ("edge_cases", "other_licence", {"open_licence": "other"}, {"open_licence": "apache-2.0"}),
        ("edge_cases", "indemnity", {"indemnity_needed": True}, {"indemnity_needed": False}),
        ("patterns", "closed_only", {"stage": "pre_pmf"}, {"stage": "post_pmf"}),
        (
            "patterns",
            "self_hosted",
            {"data_may_leave": False},
            {"data_may_leave": True, "sovereignty_regulated": False, "steady": False},
        ),
        (
            "patterns",
            "self_hosted",
            {**DAY, "steady": True},
            {"data_may_leave": True, "sovereignty_regulated": False, "tokens_per_day": 5_000_000},
        ),
        (
            "patterns",
            "managed",
            {"data_may_leave": True, "could_be_open": True, "ml_engineers": 0},
            {"ml_engineers": 1},
        ),
        (
            "patterns",
            "hybrid_routing",
            {**DAY, "mixed_difficulty": True},
            {"mixed_difficulty": False},
        ),
        (
            "failure_modes",
            "drowned_in_operations",
            {"ml_engineers": 0},
            {"ml_engineers": 1, "free_engineer_share": 0.2},
        ),
        ("failure_modes", "locked_in", {"abstraction_layer": False}, {"abstraction_layer": True}),
        ("failure_modes", "benchmark_worship", {"compared": False}, {"compared": True}),
    ],
)
def test_an_item_applies_just_where_its_facts_say_so(
    checklist: str, name: str, applies: dict[str, Fact | int], does_not: dict[str, Fact | int]
) -> None:
    assert item(checklist, name, **applies).state == "applies"
    assert item(checklist, name, **does_not).state == "does_not"
    unknown = item(checklist, name)
    assert unknown.state == "not_known"
    assert unknown.missing[0] in unknown.words


@pytest.mark.parametrize(
    ("checklist", "count"),
    [
        ("security_checklist", 15),
        ("options", 3),
        ("patterns", 4),
        ("hidden_costs", 4),
        ("failure_modes", 3),
    ],
)
def test_a_list_has_as_many_items_as_its_source(checklist: str, count: int) -> None:
    assert len(LISTS[checklist][0].items) == count


def test_each_line_of_the_security_checklist_is_a_fact_of_the_profile() -> None:
    for line in LISTS["security_checklist"][0].items:
        there = item("security_checklist", line.id, **{f"security__{line.id}": True})
        lacking = item("security_checklist", line.id, **{f"security__{line.id}": False})
        assert (there.words, lacking.words) == ("in place", "missing")


def test_a_number_in_a_list_says_how_far_it_is_from_its_threshold() -> None:
    found = item("resources", "gpu_money", gpu_budget_usd=5_000)
    assert [str(one) for one in found.distances] == ["10 x below 50,000 (gpu_budget_usd)"]


def test_a_list_names_its_source_and_all_that_it_lacks() -> None:
    found = judged("path", stage="post_pmf")
    assert found.source == "001"
    assert "providers" in found.missing
    assert "stage" not in found.missing


def test_an_item_without_a_condition_applies_to_everyone() -> None:
    assert item("hidden_costs", "upgrades").state == "applies"
