"""Profiles, contradictions and verdicts."""

from decimal import Decimal

import pytest

from aihandler.advisor.company import Fact, demo_profile, facts_of, parse_profile
from aihandler.advisor.frameworks.judging import judge_all
from aihandler.advisor.frameworks.reading import parse_frameworks, shipped
from aihandler.advisor.verdicts import Cost, Quality, TaskVerdict, decide
from aihandler.errors import ConfigError

FILES = shipped()
EQUAL = Quality(Decimal(-1), Decimal(1), Decimal(2), "a test")
CLOSED = Cost("stay_closed", Decimal(5000), Decimal(6000), "a test")


def demo(task: str = "documents", **changes: Fact) -> dict[str, Fact]:
    return {**facts_of(demo_profile(), task), **changes}


def verdict(facts: dict[str, Fact], quality: Quality | None = EQUAL, *costs: Cost) -> TaskVerdict:
    return decide("documents", facts, judge_all(facts, FILES), quality=quality, costs=costs)


def test_a_profile_shows_all_mistakes_with_lines_and_suggestions() -> None:
    text = "company:\n  peeple: 3\n  stage: x\ntasks:\n  mail: {steady: 4}\n"
    with pytest.raises(ConfigError) as caught:
        parse_profile(text)
    assert [m.line for m in caught.value.mistakes] == [2, 3, 5]
    assert "people" in caught.value.mistakes[0].hint


def test_what_a_profile_leaves_out_is_missing_and_not_assumed() -> None:
    facts = facts_of(parse_profile("company: {}\ntasks: {mail: {}}\n"), "mail")
    assert {name for name, value in facts.items() if value is not None} == {"does"}


def test_a_framework_of_ones_own_with_an_unknown_fact_is_refused() -> None:
    text = (
        "source: {id: own, title: own, version: '1'}\n"
        "frameworks:\n  - id: mine\n    title: mine\n    rules:\n"
        "      - {verdict: open, because: why, when: {fact: peopel, above: 3}}\n"
    )
    with pytest.raises(ConfigError, match="no fact or signal 'peopel'"):
        parse_frameworks(text, file="own.yaml")
    assert parse_frameworks(text.replace("peopel", "people"), file="own.yaml").source.id == "own"
    with pytest.raises(ConfigError, match="'steady' cannot be compared so"):
        parse_frameworks(text.replace("peopel", "steady"), file="own.yaml")


def test_the_company_of_the_source_gets_yes_from_one_text_and_both_from_the_other() -> None:
    found = {j.framework: j.verdict for j in judge_all(demo(), FILES)}
    assert (found["hybrid_yes_no"], found["closed_hybrid_open"]) == ("hybrid", "mixed")


def test_data_that_may_not_leave_decides_before_cost_and_score() -> None:
    cheap = Cost("managed_open", Decimal(1), Decimal(2), "a test")
    found = verdict(demo(data_may_leave=False), EQUAL, CLOSED, cheap)
    assert (found.outcome, found.decided_by) == ("self_host", "data may not leave")


@pytest.mark.parametrize("changes", [{"open_licence_allowed": False}, {"frontier_needed": True}])
def test_a_licence_or_the_frontier_keeps_a_task_closed(changes: dict[str, Fact]) -> None:
    assert verdict(demo(**changes)).outcome == "stay_closed"
    both = verdict(demo(data_may_leave=False, **changes))
    assert both.outcome == "no_admissible_option"


def test_an_unknown_constraint_is_asked_for_first() -> None:
    found = verdict(demo(data_may_leave=None))
    assert (found.outcome, found.ask) == ("not_enough_evidence", ("data_may_leave",))


def test_without_a_comparison_the_command_that_makes_one_is_named() -> None:
    found = verdict(demo(), None)
    assert found.outcome == "not_enough_evidence"
    assert found.command.startswith("aihandler compare documents ")


def test_an_interval_wider_than_the_margin_is_no_evidence() -> None:
    wide = Quality(Decimal(-5), Decimal(5), Decimal(2), "a test")
    assert verdict(demo(), wide).outcome == "not_enough_evidence"
    worse = Quality(Decimal(-9), Decimal(-5), Decimal(2), "a test")
    assert verdict(demo(), worse).outcome == "stay_closed"


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (1000, 2000, "hybrid_route"),
        (7000, 9000, "stay_closed"),
        (4000, 7000, "not_enough_evidence"),
    ],
)
def test_cost_decides_only_where_the_intervals_part(low: int, high: int, outcome: str) -> None:
    shares = {"self_host": Decimal("0.8"), "stay_closed": Decimal("0.2")}
    route = Cost("hybrid_route", Decimal(low), Decimal(high), "a test", shares)
    found = verdict(demo(), EQUAL, CLOSED, route)
    assert found.outcome == outcome
    assert found.shares == (shares if outcome == "hybrid_route" else {})


def test_frameworks_that_disagree_with_the_verdict_are_named() -> None:
    found = verdict(demo(frontier_needed=True))
    assert any(text.startswith("cost_rule (004) says open") for text in found.disagree)
