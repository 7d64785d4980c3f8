import json
from collections import Counter

import pytest
from damage import DAMAGES, objects, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import judged, same

OBJECTS = objects()
NEVER_READ = {"cut in the middle", "two objects"}


@pytest.mark.parametrize("kind", DAMAGES)
def test_no_value_is_silently_wrong_with_a_strict_schema(kind):
    states = _states(kind, schema_of)

    assert states["wrong"] == 0


@pytest.mark.parametrize("kind", DAMAGES)
def test_no_value_is_silently_wrong_with_a_schema_that_admits_anything(kind):
    states = _states(kind, lambda _: {"type": "object"})

    assert states["wrong"] == 0


@pytest.mark.parametrize("kind", sorted(set(DAMAGES) - NEVER_READ - {"last brace missing"}))
def test_most_of_what_is_safe_to_read_is_read(kind):
    states = _states(kind, schema_of)

    assert states["right"] >= 0.95 * len(OBJECTS)


def test_a_missing_last_brace_is_added_where_nothing_can_be_missing_with_it():
    states = _states("last brace missing", schema_of)

    # What ends in a digit may have lost more digits: refused.
    assert states["right"] >= 0.6 * len(OBJECTS)


def test_a_cut_at_any_place_gives_no_value():
    for value in OBJECTS[:12]:
        text = json.dumps(value)
        # The last cut takes the last brace alone, which may be put back.
        for end in range(1, len(text) - 1):
            verdict = judged(text[:end], {"type": "object"})
            assert not verdict.ok, text[:end]


def test_text_that_ended_at_a_limit_is_truncated_however_whole_it_looks():
    assert judged('{"a": 1}', {"type": "object"}, finish="length").state == "truncated"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_whatever_json_says_is_taken_exactly(value):
    verdict = judged(json.dumps(value), {})

    assert verdict.state == "exact"
    assert same(verdict.value, value)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), JSON, min_size=1, max_size=3),
       st.sampled_from(sorted(set(DAMAGES) - {"two objects"})))  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_random_damage_gives_the_same_value_or_none(value, kind):
    verdict = judged(DAMAGES[kind](value), {"type": "object"})

    assert not verdict.ok or same(verdict.value, value)


@given(st.text(st.sampled_from("{}[]\"'`:,/\\#*tfnu1.-e \n<>think") | st.characters(), max_size=80))
@settings(max_examples=400, deadline=None)
def test_no_text_makes_it_raise(text):
    judged(text, {"type": ["object", "array"]})


def _states(kind, schema):
    states = Counter()
    for value in OBJECTS:
        verdict = judged(DAMAGES[kind](value), schema(value))
        if not verdict.ok:
            states["refused"] += 1
        else:
            states["right" if same(verdict.value, value) else "wrong"] += 1
    return states
