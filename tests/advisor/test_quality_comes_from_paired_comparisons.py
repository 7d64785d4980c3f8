from decimal import Decimal

import pytest

from advisor.paired import compared, pair
from aihandler.advisor.company import TaskFacts, parse_profile
from aihandler.advisor.quality import quality_of
from aihandler.advisor.verdicts import Quality
from aihandler.ledger.comparisons import ComparisonRecord

TASK = parse_profile("company: {}\ntasks: {mail: {closed: gpt, open: llama, margin: 3}}\n")


def quality(*records: ComparisonRecord, facts: TaskFacts = TASK.tasks["mail"]) -> Quality:
    found = quality_of(facts, records, task="mail")
    assert found is not None
    return found


def test_the_paired_interval_is_taken_with_its_comparison_and_day() -> None:
    found = quality(compared(pair(-0.01, 0.005)))
    assert (found.low, found.high, found.margin) == (Decimal("-1.0"), Decimal("0.5"), 3)
    assert (found.comparison, found.on) == ("c1", "2026-09-21")
    assert found.source == "comparison c1 of 2026-09-21 by exact, paired, 400 examples"
    assert found.says() == "good_enough"


@pytest.mark.parametrize("scorer", ["latency:2", "cost:0.01", "refusal", "valid"])
def test_time_money_and_refusals_are_no_quality(scorer: str) -> None:
    newest = compared(pair(0.2, 0.3), at=1_795_000_000.0, scorer=scorer, id="c2")
    assert quality(newest, compared(pair(-0.01, 0.005))).comparison == "c1"
    assert quality_of(TASK.tasks["mail"], [newest], task="mail") is None


def test_the_newest_comparison_counts() -> None:
    newest = compared(pair(-0.2, -0.1), at=1_795_000_000.0, id="c2")
    assert quality(compared(pair(-0.01, 0.005)), newest).says() == "worse"


def test_a_comparison_with_the_open_model_first_is_turned_round() -> None:
    turned = pair(-0.005, 0.01, deployment="gpt", baseline="llama", higher=40, lower=20)
    found = quality(compared(turned))
    assert (found.low, found.high) == (Decimal("-1.0"), Decimal("0.5"))
    assert found.good_enough is not None
    assert found.good_enough.share == 0.9


def test_the_verdict_of_the_comparison_counts_where_its_margin_is_that_of_the_task() -> None:
    # Of many deployments compared, one looks good by chance: the comparison knows, an interval
    # does not.
    assert quality(compared(pair(-0.01, 0.01, margin=0.03))).says() == "open"
    shown = pair(-0.01, 0.01, margin=0.03, verdict="not worse")
    assert quality(compared(shown)).says() == "good_enough"


def test_a_task_without_a_margin_takes_that_of_the_comparison() -> None:
    facts = TaskFacts(closed="gpt", open="llama")
    assert quality(compared(pair(-0.01, 0.005)), facts=facts).margin == Decimal("2.0")


def test_the_share_on_which_open_was_no_lower_has_an_interval() -> None:
    part = quality(compared(pair(-0.2, -0.1))).good_enough
    assert part is not None
    assert (part.share, part.items) == (0.9, 400)
    assert part.low < 0.9 < part.high


def test_two_that_were_only_held_against_a_third_are_told_apart_by_their_intervals() -> None:
    found = quality(compared())
    assert "not paired" in found.source
    assert (found.low, found.high) == (Decimal("-4.0"), Decimal("4.0"))
    assert found.says() == "open"
