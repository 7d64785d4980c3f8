import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.linear.features import Rows, Space, count, count_all

TEXTS = st.lists(st.text(max_size=80), max_size=8)


def row(rows: Rows, place: int) -> tuple[list[int], list[float]]:
    begin, end = rows.starts[place], rows.starts[place + 1]
    return rows.buckets[begin:end].tolist(), rows.counts[begin:end].tolist()


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_many_texts_are_counted_as_each_one_alone_is(texts: list[str]) -> None:
    space = Space(words=512, chars=512)
    rows = count_all(texts, space)
    assert rows.height == len(texts)
    for place, text in enumerate(texts):
        buckets, counts = count(text, space)
        assert row(rows, place) == (buckets.tolist(), counts.tolist())


def test_a_lone_surrogate_is_counted_like_any_other_character() -> None:
    buckets, _ = count("broken \ud800 text", Space())
    assert len(buckets) > 10


def test_words_and_runs_have_buckets_of_their_own() -> None:
    space = Space(words=64, chars=64)
    buckets, counts = count("one two one", space)
    # Three words, two pairs: "one" counts twice.
    assert counts[buckets < 64].sum() == 5
    assert buckets.max() < space.size
    assert (np.diff(buckets) > 0).all()


def test_letter_case_and_spacing_do_not_matter() -> None:
    first, _ = count("Where  is\nmy CARD", Space())
    second, _ = count("where is my card", Space())
    assert first.tolist() == second.tolist()


def test_the_end_of_a_huge_text_is_not_read() -> None:
    space = Space(text_chars=1_000)
    start = "word " * 200
    assert count(start + "other " * 1_000_000, space)[0].tolist() == count(start, space)[0].tolist()


def test_an_empty_text_has_no_counts() -> None:
    buckets, counts = count("", Space())
    assert len(buckets) == len(counts) == 0
