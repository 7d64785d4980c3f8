"""Scorers: between 0 and 1, of one answer, and of nothing else."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.domain.task import JsonOutput, LabelOutput, Task, TextOutput
from aihandler.errors import InputError
from aihandler.evaluation.observations import Item
from aihandler.evaluation.scorers import NAMES, Case, Scorer, default_scorer, scorers_of
from aihandler.evaluation.scorers.fields import field_f1
from aihandler.validation import Validator

SCHEMA = {
    "type": "object",
    "properties": {"net": {"type": "number"}, "tax": {"type": "number"}, "vendor": {}},
    "required": ["net"],
}
JSON = Task("t", "1", output=JsonOutput(SCHEMA, arithmetic=("net + tax == 12",)))


def scorer(name: str, task: Task = JSON, root: Path = Path()) -> Scorer:
    (made,) = scorers_of([name], task, judges=Validator, root=str(root))
    return made


def score(name: str, answer: Any, expected: Any = None, **settings: Any) -> float:
    item = Item("1", {"text": settings.pop("text", "")}, expected, tags=settings.pop("tags", ()))
    outcome = settings.pop("outcome", "answered")
    return scorer(name)(Case(item, outcome, answer, **settings))


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("bug", "bug", True),
        ("Bug", "bug", False),
        ({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0}, True),
        (1, True, False),
        ({"a": [0]}, {"a": [False]}, False),
        ([1, 2], [2, 1], False),
    ],
)
def test_exact_is_equal_json(answer: Any, expected: Any, right: bool) -> None:
    assert score("exact", answer, expected) == right


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("  The CAT, sat.", "the cat sat", True),
        ("ﬁne\u00a0day", "fine day", True),
        ("Straße", "STRASSE", True),
        ("cafe\u0301", "café", True),
        ("a cat", "a dog", False),
    ],
)
def test_normalised_overlooks_what_seldom_matters(answer: str, expected: str, right: bool) -> None:
    assert score("normalised", answer, expected) == right


@pytest.mark.parametrize(
    ("name", "answer", "expected", "right"),
    [
        ("numeric", "1,234.50 EUR", 1234.5, True),
        ("numeric", "1.234,50", "1234.50", True),
        ("numeric", "1'234.5", 1234.5, True),
        ("numeric", "\u22123", -3, True),
        ("numeric", "between 3 and 4", 3, False),
        ("numeric", "none", 0, False),
        ("numeric", True, 1, False),
        ("numeric:0.01", 101, 100, True),
        ("numeric:0.01", 101.1, 100, False),
        ("numeric", 100.0001, 100, False),
    ],
)
def test_numbers_are_compared_up_to_a_share(
    name: str, answer: Any, expected: Any, right: bool
) -> None:
    assert score(name, answer, expected) == right


@pytest.mark.parametrize(
    ("answer", "expected", "f1"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, 1.0),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, 0.5),
        ({"a": 1}, {"a": 1, "b": 2}, 2 / 3),
        ({"a": 1, "b": None}, {"a": 1}, 1.0),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [2, 1]}}, 0.0),
        ({"name": "ACME  Ltd"}, {"name": "acme ltd"}, 1.0),
        ({"n": 12.0}, {"n": 12}, 1.0),
        ({"n": "12"}, {"n": 12}, 0.0),
        ({"n": True}, {"n": 1}, 0.0),
        ({}, {}, 1.0),
        ({}, {"a": 1}, 0.0),
    ],
)
def test_fields_count_by_place(answer: Any, expected: Any, f1: float) -> None:
    assert score("json-f1", answer, expected) == pytest.approx(f1)


def test_lists_as_sets_pair_what_is_alike() -> None:
    said = {"lines": [{"item": "tea", "n": 2}, {"item": "cake", "n": 1}]}
    right = {"lines": [{"item": "cake", "n": 1}, {"item": "tea", "n": 3}]}
    assert score("json-f1", said, right) == 0.0
    assert score("json-f1-sets", said, right) == pytest.approx(0.75)
    assert score("json-f1-sets", {"lines": said["lines"] + [{"item": "ink"}]}, right) < 0.75
    assert score("json-f1-sets", [3, 1, 2], [1, 2, 3]) == 1.0
    assert score("json-f1-sets", [1], [1, 2, 3]) == pytest.approx(0.5)


def test_a_pattern_may_stand_anywhere() -> None:
    assert score("regex:INV-[0-9]+", "see INV-77") == 1.0
    assert score("regex:^INV", {"n": "INV"}) == 0.0


def test_validity_grounding_and_sums_are_judged_as_by_the_engine() -> None:
    fine = {"net": 10, "tax": 2, "vendor": "Acme"}
    assert score("valid", fine) == 1.0
    assert score("valid", {"tax": 2}) == 0.0
    assert score("arithmetic", fine) == 1.0
    assert score("arithmetic", {"net": 10, "tax": 3}) == 0.0
    assert score("grounded", fine, text="Acme: 10 net, 2 tax") == 1.0
    assert score("grounded", fine, text="Acne: 10 net, 2 tax") == 0.0


def test_a_refusal_is_right_where_it_is_wanted() -> None:
    assert score("refusal", "Paris") == 1.0
    assert score("refusal", "I'm sorry, but I can\u2019t help with that.") == 0.0
    assert score("refusal", None, outcome="refused") == 0.0
    assert score("refusal", None, outcome="refused", tags=("refuse",)) == 1.0
    assert score("refusal", "Here is how", tags=("refuse",)) == 0.0


def test_time_and_money_count_within_their_bound_and_fall_off_beyond() -> None:
    assert score("latency:2", "x", latency_ms=1999.0) == 1.0
    assert score("latency:2", "x", latency_ms=4000.0) == 0.5
    assert score("latency:2", "x") == 0.0
    assert score("cost:0.001", "x", cost_nano=1_000_000) == 1.0
    assert score("cost:0.001", "x", cost_nano=4_000_000) == 0.25
    assert score("cost:0.001", "x") == 0.0


@pytest.mark.parametrize("outcome", ["invalid", "abstained", "failed"])
@pytest.mark.parametrize("name", ["exact", "normalised", "json-f1", "valid", "latency:9"])
def test_work_that_is_not_done_is_not_right(name: str, outcome: str) -> None:
    assert score(name, None, None, outcome=outcome, latency_ms=1.0) == 0.0


def test_a_function_of_ones_own_scores(tmp_path: Path) -> None:
    (tmp_path / "marks.py").write_text(
        "def close(answer, expected, item):\n    return len(answer) / len(expected)\n"
        "def far(answer, expected, item):\n    raise KeyError(answer)\n"
    )
    made = scorer("marks:close", root=tmp_path)
    assert made(Case(Item("1", {}, "four"), "answered", "on")) == 0.5
    # Whatever it returns, a score is between 0 and 1.
    assert made(Case(Item("1", {}, "o"), "answered", "long")) == 1.0
    with pytest.raises(InputError, match=r"'marks:far' raised KeyError at item '1'"):
        scorer("marks:far", root=tmp_path)(Case(Item("1", {}, "x"), "answered", "x"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("exakt", "there is no scorer 'exakt'"),
        ("latency", "needs a number"),
        ("cost:much", "needs a number"),
        ("numeric:nan", "needs a number"),
        ("numeric:-1", "needs a number"),
        ("exact:1", "takes nothing"),
        ("regex:(", "no regular expression"),
        ("nowhere:function", "no module 'nowhere'"),
    ],
)
def test_a_scorer_that_cannot_be_had_is_told(name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        scorer(name)


def test_sums_and_grounds_need_an_output_that_has_them() -> None:
    with pytest.raises(InputError, match="no `arithmetic`"):
        scorer("arithmetic", Task("t", "1", output=JsonOutput(SCHEMA)))
    with pytest.raises(InputError, match="looks at JSON"):
        scorer("grounded", Task("t", "1", output=LabelOutput(("a", "b"))))


def test_the_usual_scorer_follows_the_output() -> None:
    assert default_scorer(Task("t", "1", output=LabelOutput(("a", "b")))) == "exact"
    assert default_scorer(JSON) == "json-f1"
    assert default_scorer(Task("t", "1", output=TextOutput())) == "normalised"


def test_the_first_scorer_counts_and_the_others_are_told_too() -> None:
    made = scorers_of(["valid", "exact", "valid"], JSON, judges=Validator, root=".")
    assert [s.name for s in made] == ["valid", "exact"]
    assert set(NAMES) >= {"exact", "json-f1", "refusal", "cost"}


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(JSONS, JSONS)
def test_f1_is_fair_to_both_sides_and_whole_for_equals(one: Any, other: Any) -> None:
    assert field_f1(one, one) == 1.0
    assert field_f1(one, other) == field_f1(other, one)
    by_place = score("json-f1", one, other)
    assert 0.0 <= by_place <= 1.0
    assert score("json-f1-sets", one, one) == 1.0
