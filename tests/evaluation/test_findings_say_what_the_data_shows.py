"""What a reader is told: verdicts, what the data can show, cost, steadiness, disagreements."""

import msgspec
import pytest
from comparisons import comparison, counted, once

from aihandler.evaluation.findings import Findings, findings
from aihandler.evaluation.observations import Observation
from aihandler.evaluation.pairs import adjusted_over_tasks


def test_a_better_deployment_is_called_better() -> None:
    pair = findings(counted(both=80, only_a=2, only_b=30)).pairs[0]
    assert (pair.verdict, pair.higher, pair.lower) == ("better", 30, 2)
    assert pair.mcnemar
    assert pair.mcnemar.exact < 0.001


def test_a_worse_one_is_called_worse() -> None:
    assert findings(counted(both=80, only_a=30, only_b=2)).pairs[0].verdict == "worse"


def test_an_equal_one_is_not_worse_when_there_are_examples_enough() -> None:
    found = findings(counted(both=1_900, only_a=25, only_b=25))
    assert found.pairs[0].verdict == "not worse"
    assert found.pairs[0].at_worst > -0.02


def test_a_loss_within_the_margin_is_forgiven() -> None:
    # Surely worse, but surely by less than five points.
    pair = findings(counted(both=960, only_a=30, only_b=10), margin=0.05).pairs[0]
    assert pair.p_difference_adjusted < 0.05
    assert pair.verdict == "not worse"


def test_few_examples_are_not_enough_and_it_is_said_how_many_would_be() -> None:
    pair = findings(counted(both=108, only_a=6, only_b=6)).pairs[0]
    assert pair.verdict == "not enough evidence"
    assert pair.reach == "120 examples can show a margin of 7.7 points; 2 points need 1,789"


def test_more_deployments_make_each_claim_harder() -> None:
    a, b = [1.0] * 100 + [0.0] * 20, [1.0] * 88 + [0.0] * 12 + [1.0] * 2 + [0.0] * 18
    alone = findings(comparison({"a": once(*a), "b": once(*b)})).pair("b")
    same = {name: once(*a) for name in ("c", "d", "e", "f", "g")}
    among = findings(comparison({"a": once(*a), "b": once(*b), **same})).pair("b")
    assert alone
    assert among
    assert alone.p_difference_adjusted == alone.p_difference == among.p_difference
    assert among.p_difference_adjusted == pytest.approx(6 * among.p_difference)


def test_over_tasks_the_claims_are_adjusted_together() -> None:
    tasks = [findings(counted(80, 2, 14)).pairs, findings(counted(80, 9, 9)).pairs]
    both = adjusted_over_tasks(tasks)
    assert [len(pairs) for pairs in both] == [1, 1]
    assert both[0][0].p_difference_adjusted == pytest.approx(2 * tasks[0][0].p_difference)


def test_what_a_deployment_hands_on_is_answered_by_the_first_in_a_cascade() -> None:
    # `b` is wrong on 20 of 100; of these it gave no answer of its own to 15.
    found = comparison({"a": once(*[1.0] * 100), "b": once(*[1.0] * 80, *[0.0] * 20)})
    seen = tuple(
        msgspec.structs.replace(one, outcome="abstained", scores={})
        if one.deployment == "b" and int(one.item[2:]) >= 85
        else one
        for one in found.observations
    )
    pair = findings(msgspec.structs.replace(found, observations=seen)).pairs[0]
    assert pair.cascade is not None
    assert pair.cascade.share == pytest.approx(0.85)
    assert pair.difference.value == pytest.approx(-0.2)
    assert pair.cascade.difference.low < -0.05 < pair.cascade.difference.high
    assert pair.cascade.difference.low > -0.15
    # Who answers all of it hands nothing on.
    assert findings(found).pairs[0].cascade is None


def test_items_of_a_cluster_count_less() -> None:
    a, b = [1.0] * 120, [1.0] * 100 + [0.0] * 20
    alone = findings(comparison({"a": once(*a), "b": once(*b)}))
    clusters = [f"customer {i // 20}" for i in range(120)]
    together = findings(comparison({"a": once(*a), "b": once(*b)}, clusters=clusters))
    assert alone.pairs[0].verdict == "worse"
    assert together.pairs[0].verdict == "not enough evidence"
    assert (alone.clusters, together.clusters) == (120, 6)


def test_only_items_that_both_answered_are_compared() -> None:
    rows = once(*[1.0] * 10)
    found = findings(comparison({"a": rows, "b": [*once(*[1.0] * 6), None, None, None, None]}))
    assert (found.items, found.whole, found.pairs[0].items) == (10, 6, 6)
    assert [d.items for d in found.deployments] == [10, 6]


def test_a_deployment_that_was_never_asked_has_no_score() -> None:
    found = findings(comparison({"a": once(1.0, 0.0), "b": [None, None]}))
    second = found.deployments[1]
    assert (second.score, second.valid.share, second.cost_per_item_nano_usd) == (None, None, None)
    assert found.pairs[0].verdict == "not enough evidence"


def test_no_items_one_item_all_right_and_all_wrong() -> None:
    for scores in ([], [1.0], [0.0], [1.0] * 40, [0.0] * 40):
        found = findings(comparison({"a": once(*scores), "b": once(*scores)}))
        assert found.pairs[0].verdict == "not enough evidence"
        assert found.disagreements == () or scores[0] == 0
        assert found.deployments[0].interval.low <= (found.deployments[0].score or 0.0)


def test_one_deployment_alone_has_a_score_and_no_pair() -> None:
    found = findings(comparison({"a": once(1.0, 1.0, 0.0)}))
    assert found.pairs == ()
    assert found.deployments[0].score == pytest.approx(2 / 3)


def test_cost_is_over_answers_of_known_price() -> None:
    seen = comparison({"a": once(1.0, 1.0), "b": once(1.0, 1.0)}, costs={"a": 3_000, "b": None})
    first, second = findings(seen).deployments
    assert (first.cost_per_item_nano_usd, first.cost_nano_usd, first.unpriced) == (3_000, 6_000, 0)
    assert (second.cost_per_item_nano_usd, second.unpriced) == (None, 2)


def test_latency_is_by_nearest_rank() -> None:
    found = findings(comparison({"a": once(*[1.0] * 20)})).deployments[0]
    assert (found.latency_p50_ms, found.latency_p95_ms) == (109.0, 118.0)


def test_scores_by_tag_with_the_distance_from_the_first() -> None:
    tags = [("email",)] * 30 + [("chat", "long")] * 30
    b = [1.0] * 30 + [0.0] * 30
    found = findings(comparison({"a": once(*[1.0] * 60), "b": once(*b)}, tags=tags))
    by_tag = {row.tag: row for row in found.deployments[1].by_tag}
    assert {tag: row.items for tag, row in by_tag.items()} == {"chat": 30, "email": 30, "long": 30}
    assert (by_tag["email"].difference, by_tag["chat"].difference) == (0.0, -1.0)
    assert by_tag["chat"].difference_interval
    assert by_tag["chat"].difference_interval.high < 0


def test_repeats_show_how_steady_a_deployment_is() -> None:
    found = findings(comparison({"a": [(1, 1, 1), (1, 0, 1), (0, 0, 0)]})).deployments[0]
    steady = found.consistency
    assert steady
    assert (steady.items, steady.flips) == (3, pytest.approx(1 / 3))
    assert steady.agreement == pytest.approx((1 + 1 / 3 + 1) / 3)
    assert steady.always_valid == 1.0
    assert (found.items, found.answers) == (3, 9)


def test_without_repeats_nothing_is_said_of_steadiness() -> None:
    assert findings(counted(10, 1, 1)).deployments[0].consistency is None


def test_an_invalid_answer_scores_nothing_and_lowers_the_valid_rate() -> None:
    seen = comparison({"a": once(1.0, 1.0, 1.0, 1.0)})
    broken = Observation("t-0000", "a", 0, "invalid", {}, None, error="not JSON")
    changed = msgspec.structs.replace(seen, observations=(broken, *seen.observations[1:]))
    found = findings(changed).deployments[0]
    assert (found.score, found.valid.count, found.valid.of) == (0.75, 3, 4)
    assert found.outcomes == {"invalid": 1, "answered": 3}


def test_disagreements_are_items_answered_or_scored_differently() -> None:
    found = findings(counted(both=3, only_a=1, only_b=1, neither=1))
    # Both wrong, but in two ways: that too is worth a look.
    assert [d.item for d in found.disagreements] == ["t-0003", "t-0004", "t-0005"]
    assert found.disagreements[0].scores == {"a": 1.0, "b": 0.0}


def test_findings_hold_no_content_and_survive_json() -> None:
    found = findings(comparison({"a": once(1.0, 0.0)}, text="secret {}"))
    stored = msgspec.json.encode(found)
    assert b"secret" not in stored
    assert msgspec.json.decode(stored, type=Findings) == found


def test_the_same_seed_gives_the_same_findings() -> None:
    seen = counted(50, 5, 4)
    assert findings(seen, seed=3) == findings(seen, seed=3)


@pytest.mark.parametrize("margin", [0, 1, -0.02])
def test_a_margin_that_means_nothing_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        findings(counted(1, 0, 0), margin=margin)
