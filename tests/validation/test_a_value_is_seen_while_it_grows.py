"""Half a JSON value shows what is there, and never what is not."""

import json

from hypothesis import given
from hypothesis import strategies as st

from aihandler.validation import PartialJson

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
).filter(lambda value: isinstance(value, dict | list))


def looks(text):
    return PartialJson().feed(text)


def test_what_is_cut_is_closed_where_it_stands():
    assert looks('{"name": "An') == {"name": "An"}
    assert looks('{"a": [1, 2, {"b": "c\\') == {"a": [1, 2, {"b": "c"}]}
    assert looks('[{"a": 1}, ') == [{"a": 1}]


def test_a_key_without_its_value_and_half_a_word_are_left_out():
    assert looks('{"a": 1, "b') == {"a": 1}
    assert looks('{"a": 1, "b": tr') == {"a": 1}
    assert looks('{"a": 1, "b\\"c": ') == {"a": 1}


def test_words_around_the_value_are_no_part_of_it():
    assert looks('Here it is:\n```json\n{"a": 1') == {"a": 1}
    assert looks('{"a": 1}\n``` and so on {"b": 2}') == {"a": 1}
    assert looks("No JSON at all") is None


def test_what_looks_the_same_is_not_told_twice():
    growing = PartialJson()
    assert growing.feed('{"a": 1') == {"a": 1}
    assert growing.feed(" ") is None
    assert growing.feed("}") is None


def test_a_long_value_is_not_read_anew_for_every_piece():
    growing = PartialJson()
    growing.feed("[")
    told = sum(growing.feed("12345,") is not None for _ in range(20_000))
    assert told < 1_000


@given(value=values, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_every_beginning_of_a_value_can_be_seen(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    for end in range(1, len(text)):
        seen = looks(text[:end])
        assert seen is not None
        assert isinstance(seen, type(value))
    assert looks(text) == value
