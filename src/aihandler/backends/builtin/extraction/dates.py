"""Calendar dates as they are written in English, German and French documents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

_NUMERIC = re.compile(r"(?<![\w.,/-])(\d{1,4})([./-])(\d{1,2})\2(\d{4}|\d{1,2})(?![\d/-])(?!\.\d)")
_DAY_FIRST = re.compile(
    r"(?<![\w.,/])(\d{1,2})(?:st|nd|rd|th|er|\.)?[ \xa0/-]{0,2}(?:(?:of|de) )?"
    r"([^\W\d_]{3,9})\.?,?[ \xa0/-]{1,2}(\d{4}|(?<=-)\d\d)(?![\d/-])(?![.,]\d)",
)
_MONTH_FIRST = re.compile(
    r"(?<!\w)([^\W\d_]{3,9})\.?[ \xa0]{1,2}(\d{1,2})(?:st|nd|rd|th)?,?[ \xa0]{1,2}(\d{4})(?!\d)"
)
_MONTHS = (
    "january jan januar janvier janv jänner",
    "february feb februar février fevrier févr fev",
    "march mar märz maerz mrz mars",
    "april apr avril avr",
    "may mai",
    "june jun juni juin",
    "july jul juli juillet juil",
    "august aug août aout",
    "september sep sept septembre",
    "october oct oktober okt octobre",
    "november nov novembre",
    "december dec dezember dez décembre decembre déc",
)


@dataclass(frozen=True, slots=True)
class Date:
    """A date of the document; `iso` is None when day and month cannot be told apart."""

    start: int
    end: int
    iso: str | None


def find_dates(text: str, *, day_first: bool = False) -> tuple[Date, ...]:
    """All dates, in order. `day_first` says that the document's language settles `01/02/2024`."""
    raw = list(_NUMERIC.finditer(text))
    settled = "day" if day_first else _order(raw)
    found = [_numeric(match, settled) for match in raw]
    found += [_named(match, day=1, month=2) for match in _DAY_FIRST.finditer(text)]
    found += [_named(match, day=2, month=1) for match in _MONTH_FIRST.finditer(text)]
    kept = sorted((d for d in found if d is not None), key=lambda d: (d.start, -d.end))
    return tuple(_apart(kept))


def _order(matches: Sequence[re.Match[str]]) -> str:
    """Which part comes first in this document's numeric dates, if all that can tell agree."""
    shown = set()
    for match in matches:
        first, second = int(match[1]), int(match[3])
        if match[2] == "." or len(match[1]) == 4 or max(first, second) > 31:
            continue
        if first > 12 >= second:
            shown.add("day")
        elif second > 12 >= first:
            shown.add("month")
    return shown.pop() if len(shown) == 1 else ""


def _numeric(match: re.Match[str], settled: str) -> Date | None:
    first, mark, second, third = match.groups()
    if len(first) == 4:
        return _dated(match, int(first), int(second), int(third)) if len(third) < 3 else None
    if len(first) > 2 or (len(third) == 2 and mark == "-") or len(third) == 1:
        return None
    year = int(third) if len(third) == 4 else 2000 + int(third)
    a, b = int(first), int(second)
    if mark == "." or a > 12 or a == b or (settled == "day" and b <= 12):
        return _dated(match, year, b, a)
    if b > 12 or settled == "month":
        return _dated(match, year, a, b)
    return Date(match.start(), match.end(), None) if a >= 1 and b >= 1 else None


def _named(match: re.Match[str], *, day: int, month: int) -> Date | None:
    number = _month(match[month])
    if number is None:
        return None
    year = match[3].lstrip("'")
    return _dated(match, int(year) if len(year) == 4 else 2000 + int(year), number, int(match[day]))


def _month(word: str) -> int | None:
    lowered = word.casefold()
    for number, names in enumerate(_MONTHS, start=1):
        if lowered in names.split():
            return number
    return None


def _dated(match: re.Match[str], year: int, month: int, day: int) -> Date | None:
    if not 1900 <= year <= 2199:
        return None
    try:
        return Date(match.start(), match.end(), date(year, month, day).isoformat())
    except ValueError:
        return None


def _apart(found: Sequence[Date]) -> list[Date]:
    kept: list[Date] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept
