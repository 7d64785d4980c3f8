"""`--gate`: what can be written, and when it passes."""

from fractions import Fraction

import pytest
from comparisons import comparison, counted, once

from aihandler.errors import InputError
from aihandler.evaluation.findings import findings
from aihandler.evaluation.gates import check, exit_code, parse_gate


def _verdict(gate: str, *, both: int, only_a: int = 0, only_b: int = 0, neither: int = 0) -> str:
    return check(parse_gate(gate), findings(counted(both, only_a, only_b, neither))).verdict


def test_a_gate_is_read() -> None:
    gate = parse_gate("  b not worse than   a by 2 points ")
    assert (gate.deployment, gate.claim, gate.other) == ("b", "not worse", "a")
    assert gate.bound == Fraction(1, 50)
    assert parse_gate("b is not worse than a by 1.5 pp").bound == Fraction(3, 200)
    assert parse_gate("b better than a").bound == 0
    assert parse_gate("llama-3.3:70b better than a by 1 point").deployment == "llama-3.3:70b"
    assert parse_gate("b accuracy at least 0.9").claim == "score"
    assert parse_gate("b score >= 90%").bound == Fraction(9, 10)
    assert parse_gate("b cost at most $0.001").bound == 1_000_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("b is fine", "cannot be read"),
        ("", "cannot be read"),
        ("b not worse than a", "names no margin"),
        ("b not worse than a by 2", "2 of what"),
        ("b not worse than a by 0 points", "above 0"),
        ("b not worse than a by 100 points", "below 100"),
        ("b better than b", "with itself"),
        ("b accuracy at most 0.9", "has no use"),
        ("b cost at least 1", "has no use"),
        ("b cost at most 5%", "in dollars"),
        ("b valid at least 98", "above all"),
    ],
)
def test_a_gate_that_cannot_be_meant_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_gate(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "gate", ["x not worse than a by 2 points", "b better than x", "x valid at least 1"]
)
def test_a_gate_on_a_deployment_that_was_not_compared_is_refused(gate: str) -> None:
    with pytest.raises(InputError, match="'x', which was not compared") as caught:
        check(parse_gate(gate), findings(counted(5, 1, 1)))
    assert caught.value.hint == "compared were 'a', 'b'"


def test_a_gate_between_two_that_were_not_compared_with_each_other_is_refused() -> None:
    found = findings(comparison({name: once(1.0, 0.0) for name in "abc"}))
    with pytest.raises(InputError, match="all are compared with 'a'") as caught:
        check(parse_gate("c better than b"), found)
    assert "'b' first" in caught.value.hint


def test_not_worse_passes_fails_or_lacks_evidence() -> None:
    gate = "b not worse than a by 2 points"
    assert _verdict(gate, both=1_900, only_a=20, only_b=20) == "pass"
    assert _verdict(gate, both=800, only_a=120, only_b=10) == "fail"
    assert _verdict(gate, both=100, only_a=3, only_b=3) == "not enough evidence"


def test_not_enough_evidence_says_how_many_examples_are_needed() -> None:
    result = check(parse_gate("b not worse than a by 2 points"), findings(counted(108, 6, 6)))
    assert "about 1,789 examples are needed" in result.reason
    near = check(parse_gate("b not worse than a by 2 points"), findings(counted(3_000, 90, 40)))
    assert "near the margin" in near.reason


def test_a_gate_may_name_the_first_deployment_first() -> None:
    assert _verdict("a better than b", both=80, only_a=30, only_b=2) == "pass"
    assert _verdict("a not worse than b by 2 points", both=800, only_a=10, only_b=120) == "fail"


def test_better_by_points_must_be_shown_by_points() -> None:
    seen = {"both": 80, "only_a": 2, "only_b": 30}
    assert _verdict("b better than a by 10 points", **seen) == "pass"
    assert _verdict("b better than a by 25 points", **seen) == "not enough evidence"
    assert _verdict("b better than a by 60 points", **seen) == "fail"


def test_a_score_must_be_shown_not_only_seen() -> None:
    assert _verdict("a accuracy at least 0.9", both=99, neither=1) == "pass"
    assert _verdict("a accuracy at least 0.9", both=92, neither=8) == "not enough evidence"
    assert _verdict("a accuracy at least 0.9", both=70, neither=30) == "fail"


def test_validity_must_be_shown() -> None:
    assert _verdict("a valid at least 0.98", both=300) == "pass"
    assert _verdict("a valid at least 0.98", both=50) == "not enough evidence"


def test_cost_is_as_measured_and_unknown_prices_pass_nothing() -> None:
    costs = {"a": 900_000, "b": None}
    found = findings(comparison({"a": once(1.0, 1.0), "b": once(1.0, 1.0)}, costs=costs))
    assert check(parse_gate("a cost at most 0.001"), found).verdict == "pass"
    assert check(parse_gate("a cost at most 0.0008"), found).verdict == "fail"
    assert check(parse_gate("b cost at most 1"), found).verdict == "not enough evidence"


def test_an_unanswered_deployment_passes_no_gate() -> None:
    found = findings(comparison({"a": once(1.0), "b": [None]}))
    for gate in ("b accuracy at least 0", "b valid at least 0", "b cost at most 9"):
        assert check(parse_gate(gate), found).verdict == "not enough evidence"


def test_the_exit_code_is_0_only_when_all_pass() -> None:
    found = findings(counted(300, 0, 0))
    good = check(parse_gate("a valid at least 0.98"), found)
    open_ = check(parse_gate("b better than a"), found)
    assert (exit_code([good]), exit_code([good, open_]), exit_code([])) == (0, 1, 0)
