"""F1 over the fields of JSON values: how much of what is right was found, how much is invented."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping

from aihandler.domain.task import Json
from aihandler.evaluation.scorers.case import Case

_Leaf = tuple[tuple[str | int, ...], str, object]
# Beyond this the items of a list are paired by position: every pairing would be looked at.
_MOST_PAIRED = 64


def by_position(case: Case) -> float:
    """F1 of the leaves: a field counts as found at its own place, in lists at its own position."""
    return field_f1(case.answer, case.item.expected)


def as_sets(case: Case) -> float:
    """The same with lists in any order: each item is held against the one most like it."""
    return field_f1(aligned(case.answer, case.item.expected), case.item.expected)


def field_f1(answer: Json, expected: Json) -> float:
    """F1 of two values' leaves; 1 when both have none. Null counts as a field that is left out.

    Text is compared in Unicode form NFKC without regard to case or runs of space.
    """
    said, right = Counter(_leaves(answer)), Counter(_leaves(expected))
    if not said and not right:
        return 1.0
    return 2 * (said & right).total() / (said.total() + right.total())


def aligned(answer: Json, expected: Json) -> Json:
    """`answer` with the items of its lists in the order of those of `expected` most like them.

    Pairs the likest first, which is the best pairing but for ties.
    """
    if isinstance(answer, Mapping) and isinstance(expected, Mapping):
        return {key: aligned(value, expected.get(key)) for key, value in answer.items()}
    if not (isinstance(answer, list) and isinstance(expected, list)):
        return answer
    if max(len(answer), len(expected)) > _MOST_PAIRED:
        return answer
    pairs = [
        (field_f1(aligned(said, right), right), place, at)
        for place, right in enumerate(expected)
        for at, said in enumerate(answer)
    ]
    placed: dict[int, Json] = {}
    used: set[int] = set()
    for likeness, place, at in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if likeness and place not in placed and at not in used:
            placed[place] = aligned(answer[at], expected[place])
            used.add(at)
    rest = [item for at, item in enumerate(answer) if at not in used]
    # What is like nothing stands behind, where nothing is expected; a gap is a null, which is none.
    return [placed.get(place) for place in range(len(expected))] + rest


def _leaves(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[_Leaf]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _leaves(item, (*path, at))
    elif value is not None:
        yield path, *_comparable(value)


def _comparable(value: Json) -> tuple[str, object]:
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, str):
        return "text", " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    # 12 and 12.0 are one number, also where floats went another way to it.
    return "number", float(f"{value:.12g}")
