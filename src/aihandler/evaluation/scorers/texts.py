"""Scorers that compare an answer with the right one as text or as a number."""

import math
import re
import unicodedata

import msgspec

from aihandler.domain.task import Json
from aihandler.errors import InputError
from aihandler.evaluation.scorers.case import Case, Score

# With what separates thousands: points, commas, apostrophes and narrow spaces.
_NUMBER = re.compile("[-+\u2212]?\\d[\\d.,'\u2019\u00a0\u202f]*(?:[eE][-+]?\\d+)?")
_SPACES = re.compile(r"\s+")
_MOST_PATTERN_CHARS = 1000


def exact(case: Case) -> float:
    """1 when the answer is the expected one, value for value."""
    return float(_same(case.answer, case.item.expected))


def normalised(case: Case) -> float:
    """1 when both say the same but for Unicode form, case, space and punctuation."""
    return float(plain(case.answer) == plain(case.item.expected))


def numeric(tolerance: float) -> Score:
    """1 when both hold the same number, up to `tolerance` as a share of the expected one."""

    def score(case: Case) -> float:
        said, right = number_in(case.answer), number_in(case.item.expected)
        if said is None or right is None:
            return 0.0
        return float(math.isclose(said, right, rel_tol=0.0, abs_tol=abs(right) * tolerance + 1e-12))

    return score


def matching(pattern: str) -> Score:
    """1 when the answer has a match of `pattern`. Raises InputError for a pattern that is none."""
    if len(pattern) > _MOST_PATTERN_CHARS:
        raise InputError(f"the pattern has more than {_MOST_PATTERN_CHARS} characters")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"{pattern!r} is no regular expression: {error}", hint="write it as Python's `re` does"
        ) from error
    return lambda case: float(compiled.search(written(case.answer)) is not None)


def written(value: Json) -> str:
    """A value as text: itself, or its JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def plain(value: Json) -> str:
    """Text without what seldom matters: NFKC, case folded, punctuation and spaces as one space."""
    text = unicodedata.normalize("NFKC", written(value)).casefold()
    kept = "".join(" " if unicodedata.category(c)[0] in "PZC" else c for c in text)
    return _SPACES.sub(" ", kept).strip()


def number_in(value: Json) -> float | None:
    """The one number of a value; None when there is none or more than one."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    found = _NUMBER.findall(written(value))
    return _read(found[0]) if len(found) == 1 else None


def _read(text: str) -> float | None:
    bare = re.sub("['\u2019\\s]", "", text.replace("\u2212", "-")).rstrip(".,")
    point = max(bare.rfind("."), bare.rfind(","))
    both = "." in bare and "," in bare
    once = point >= 0 and bare.count(bare[point]) == 1
    # `1.234` and `1,234` may be either: a point is taken for decimals, a comma for thousands.
    decimal = once and (both or bare[point] == "." or len(bare) - point - 1 != 3)
    if decimal:
        bare = re.sub(r"[.,]", "", bare[:point]) + "." + bare[point + 1 :]
    else:
        bare = re.sub(r"[.,]", "", bare)
    try:
        return float(bare)
    except ValueError:
        return None


def _same(one: Json, other: Json) -> bool:
    # In Python 1 == True; in JSON they differ. 1 and 1.0 are the same number.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
