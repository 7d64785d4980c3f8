"""`order`: what is tried, and what first."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routes import cleared, deployment, deployments_named, expecting, task

from aihandler.domain.attempt import Evidence, Snapshot
from aihandler.domain.clearance import Exclusion
from aihandler.domain.deployment import Limits
from aihandler.domain.task import TaskLimits
from aihandler.routing import order

A, B, C = (deployment(name) for name in "abc")
ALL = {"a": A, "b": B, "c": C}


def names(ordering):
    return [candidate.deployment for candidate in ordering.candidates]


def gates(ordering):
    return [(e.deployment, e.gate) for e in ordering.exclusions]


def ordered(asked, *, clear=(A, B, C), snapshot=Snapshot(), **more):  # noqa: B008 - frozen
    more.setdefault("expected", expecting())
    return order(asked, cleared(*clear), ALL, snapshot=snapshot, **more)


def measured(**rates):
    quality = {("triage", name): Evidence(rate, n) for name, (rate, n) in rates.items()}
    return Snapshot(quality=quality)


def test_named_candidates_keep_their_order():
    ordering = ordered(task("c", "a", "b"), expected=expecting(a=1, b=2, c=3))
    assert names(ordering) == ["c", "a", "b"]
    assert ordering.candidates[0].reason == "1. of the task's candidates"
    assert ordering.candidates[0].expected_nano == 3


def test_a_candidate_that_is_named_twice_is_tried_once():
    assert names(ordered(task("c", "a", "c"))) == ["c", "a"]


def test_what_is_not_cleared_is_not_tried():
    assert names(ordered(task("a", "b", "c"), clear=(A, C))) == ["a", "c"]


def test_what_the_clearance_has_told_is_not_told_again():
    clearance = cleared(A, exclusions=(Exclusion("b", "class restricted", "hosting is vendor"),))
    ordering = order(task("a", "b"), clearance, ALL, snapshot=Snapshot(), expected=expecting())
    assert gates(ordering) == []


def test_a_swapped_deployment_is_told():
    swapped = msgspec.structs.replace(A, urls=("http://elsewhere:1",))
    ordering = order(
        task("a"), cleared(A), {"a": swapped}, snapshot=Snapshot(), expected=expecting()
    )
    assert names(ordering) == []
    assert gates(ordering) == [("a", "clearance")]


def test_a_name_that_is_not_configured_is_told():
    assert gates(ordered(task("a", "nobody"))) == [("nobody", "candidates")]


def test_what_is_unavailable_is_left_out_with_its_reason():
    ordering = ordered(task("a", "b"), snapshot=Snapshot(unavailable={"a": "no key in A_KEY"}))
    assert names(ordering) == ["b"]
    assert ordering.exclusions == (Exclusion("a", "available", "no key in A_KEY"),)


def test_what_is_set_aside_is_left_out_while_another_is_there():
    assert names(ordered(task("a", "b"), snapshot=Snapshot(set_aside={"a": "fails"}))) == ["b"]


def test_when_all_are_set_aside_all_that_are_cleared_are_tried():
    snapshot = Snapshot(set_aside={"a": "fails", "b": "fails"})
    assert names(ordered(task("a", "b", "c"), clear=(A, B), snapshot=snapshot)) == ["a", "b"]


def test_at_most_half_are_left_out_and_the_other_failing_ones_come_last():
    snapshot = Snapshot(set_aside={"a": "fails", "b": "fails"})
    ordering = ordered(task("a", "b", "c"), snapshot=snapshot)
    assert names(ordering) == ["c", "b"]
    assert ordering.candidates[0].reason == "3. of the task's candidates"
    assert ordering.candidates[1].reason == "2. of the task's candidates, a last resort: fails"
    assert [e.deployment for e in ordering.exclusions] == ["a"]


def test_the_share_that_is_left_out_can_be_none():
    snapshot = Snapshot(set_aside={"a": "fails"}, max_ejection_percent=0)
    assert names(ordered(task("a", "b"), snapshot=snapshot)) == ["b", "a"]


def test_what_would_cost_more_than_the_task_allows_is_left_out():
    asked = task("a", "b", "c", limits=TaskLimits(cost_usd=0.01))
    ordering = ordered(asked, expected=expecting(a=10_000_000, b=10_000_001))
    # `c` has no known cost, which is not the same as too much.
    assert names(ordering) == ["a", "c"]
    assert ordering.exclusions[0].reason == (
        "expected to cost $0.010000001, the task's limit is $0.01"
    )


def test_what_cannot_hold_the_request_is_left_out():
    small = msgspec.structs.replace(A, limits=Limits(context_tokens=100))
    deployments = {"a": small, "b": B}
    for tokens, left in ((100, ["a", "b"]), (101, ["b"]), (None, ["a", "b"])):
        ordering = order(
            task("a", "b"),
            cleared(small, B),
            deployments,
            snapshot=Snapshot(),
            expected=expecting(),
            tokens=tokens,
        )
        assert names(ordering) == left


def test_auto_takes_the_cheapest_of_those_with_evidence():
    snapshot = measured(a=(0.9, 50), b=(0.8, 500), c=(1.0, 49))
    ordering = ordered(task(auto=True), snapshot=snapshot, expected=expecting(a=2, b=1, c=0))
    assert names(ordering) == ["b", "a"]
    assert gates(ordering) == [("c", "quality")]
    assert "49 of 50 answers, none declared" in ordering.exclusions[0].reason


def test_auto_leaves_out_what_misses_the_target():
    snapshot = measured(a=(0.9, 50), b=(0.89, 500))
    ordering = ordered(task(auto=True, quality_target=0.9), snapshot=snapshot)
    assert names(ordering) == ["a"]
    assert ("b", "quality") in gates(ordering)


def test_measured_quality_counts_before_declared_and_declared_before_too_few():
    declared = msgspec.structs.replace(A, quality={"triage": 0.95})
    for n, tried in ((50, []), (49, ["a"])):
        ordering = order(
            task(auto=True, quality_target=0.9),
            cleared(declared),
            {"a": declared},
            snapshot=measured(a=(0.5, n)),
            expected=expecting(),
        )
        assert names(ordering) == tried


def test_auto_leaves_out_what_is_too_slow_and_keeps_what_is_not_known():
    slow = Snapshot(
        quality=measured(a=(1, 50), b=(1, 50), c=(1, 50)).quality,
        latency_p95_s={("triage", "a"): 2.5, ("triage", "b"): 2.0},
    )
    asked = task(auto=True, limits=TaskLimits(latency_s=2))
    ordering = ordered(asked, snapshot=slow)
    assert names(ordering) == ["b", "c"]
    assert (
        ordering.exclusions[0].reason == "95 of 100 answers take up to 2.5 s, the task asks for 2 s"
    )


def test_named_candidates_are_not_judged_by_quality_or_latency():
    asked = task("a", quality_target=0.9, limits=TaskLimits(latency_s=1))
    slow = Snapshot(latency_p95_s={("triage", "a"): 9.0})
    assert names(ordered(asked, snapshot=slow)) == ["a"]


def test_auto_puts_an_unknown_cost_last_and_breaks_ties_by_quality_then_name():
    snapshot = measured(a=(0.9, 50), b=(0.95, 50), c=(0.99, 50))
    assert names(ordered(task(auto=True), snapshot=snapshot, expected=expecting(a=5, b=5))) == [
        "b",
        "a",
        "c",
    ]
    even = measured(a=(0.9, 50), b=(0.9, 50), c=(0.9, 50))
    same = expecting(a=5, b=5, c=5)
    assert names(ordered(task(auto=True), snapshot=even, expected=same)) == ["a", "b", "c"]


def test_what_answers_have_cost_stands_in_for_a_cost_that_cannot_be_foreseen():
    quality = measured(a=(0.9, 50), b=(0.9, 50)).quality
    snapshot = Snapshot(quality=quality, cost_nano={("triage", "b"): 1})
    ordering = ordered(task(auto=True), snapshot=snapshot, expected=expecting(a=2))
    assert names(ordering) == ["b", "a"]


def test_auto_without_anyone_says_why_for_each():
    ordering = ordered(task(auto=True))
    assert ordering.candidates == ()
    assert {e.deployment for e in ordering.exclusions} == {"a", "b", "c"}
    assert all("no evidence of quality" in e.reason for e in ordering.exclusions)


@pytest.mark.parametrize("auto", [True, False])
def test_the_order_is_said_in_words(auto):
    asked = task("a", auto=auto, quality_target=0.9)
    assert ("at least 0.9" in ordered(asked).order) is auto


def test_expected_cost_may_be_a_function_or_a_table():
    table = ordered(task("a"), expected={"a": 7})
    assert table == ordered(task("a"), expected=lambda d: 7)


rates = st.builds(Evidence, rate=st.floats(0, 1), n=st.integers(0, 100))
named = st.sampled_from("abcd")
keyed = st.tuples(st.just("triage"), named)
snapshots = st.builds(
    Snapshot,
    quality=st.dictionaries(keyed, rates),
    latency_p95_s=st.dictionaries(keyed, st.floats(0, 10)),
    cost_nano=st.dictionaries(keyed, st.integers(0, 10**10)),
    unavailable=st.dictionaries(named, st.just("down")),
    set_aside=st.dictionaries(named, st.just("failing")),
)


@settings(max_examples=100, deadline=None)
@given(
    candidates=st.none() | st.lists(st.sampled_from("abcdz"), max_size=6).map(tuple),
    clear=st.sets(named),
    snapshot=snapshots,
    costs=st.dictionaries(named, st.none() | st.integers(0, 10**10)),
    target=st.none() | st.floats(0, 1),
    limit_usd=st.none() | st.floats(0, 10),
)
def test_order_is_pure_and_never_leaves_the_clearance(
    candidates, clear, snapshot, costs, target, limit_usd
):
    deployments = deployments_named("abcd")
    clearance = cleared(*(deployments[name] for name in sorted(clear)))
    asked = task(
        *(candidates or ()),
        auto=candidates is None,
        quality_target=target,
        limits=TaskLimits(cost_usd=limit_usd, latency_s=2),
    )
    inputs = (asked, clearance, deployments, snapshot, costs)
    before = repr(inputs)
    first = order(asked, clearance, deployments, snapshot=snapshot, expected=costs)
    again = order(
        asked,
        clearance,
        dict(deployments),
        snapshot=snapshot,
        expected=lambda d: costs.get(d.name),
    )
    assert first == again
    assert repr(inputs) == before
    tried = names(first)
    assert len(tried) == len(set(tried))
    assert all(clearance.permits(deployments[name]) for name in tried)
    assert not set(tried) & set(snapshot.unavailable)
    if candidates is not None:
        named = [n for n in dict.fromkeys(candidates) if n in tried]
        # What keeps failing is the last resort.
        assert tried == sorted(named, key=lambda n: n in snapshot.set_aside)
    left_out = {e.deployment for e in first.exclusions}
    assert not left_out & set(tried)
    pool = deployments if candidates is None else candidates
    assert left_out | set(tried) == set(pool)


@settings(max_examples=100, deadline=None)
@given(st.permutations("abcd"), snapshots, st.dictionaries(named, st.integers(0, 3)))
def test_auto_does_not_depend_on_the_order_of_the_file(file_order, snapshot, costs):
    deployments = deployments_named("abcd")
    shuffled = {name: deployments[name] for name in file_order}
    clearance = cleared(*deployments.values())
    one = order(task(auto=True), clearance, deployments, snapshot=snapshot, expected=costs)
    two = order(task(auto=True), clearance, shuffled, snapshot=snapshot, expected=costs)
    assert one.candidates == two.candidates
