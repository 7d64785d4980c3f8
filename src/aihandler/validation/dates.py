"""Dates as people write them, and the days that each may mean."""

import datetime
import re
from collections.abc import Iterator

# English, German, French, Spanish, Italian, Dutch; accents are taken away before the look-up.
_MONTH_NAMES = (
    "january januar janvier enero gennaio januari",
    "february februar fevrier febrero febbraio februari",
    "march marz mars marzo maart maerz",
    "april avril abril aprile",
    "may mai mayo maggio mei",
    "june juni juin junio giugno",
    "july juli juillet julio luglio",
    "august aout agosto augustus",
    "september septembre septiembre settembre sept",
    "october oktober octobre octubre ottobre",
    "november novembre noviembre",
    "december dezember decembre diciembre dicembre",
)
_SHORT = {"jan": 1, "feb": 2, "fev": 2, "mar": 3, "mrz": 3, "apr": 4, "avr": 4, "jun": 6, "jul": 7,
          "aug": 8, "ago": 8, "sep": 9, "set": 9, "oct": 10, "okt": 10, "ott": 10, "nov": 11,
          "dec": 12, "dez": 12, "dic": 12, "ene": 1, "gen": 1, "mag": 5, "giu": 6, "lug": 7,
          "janv": 1, "fevr": 2, "juil": 7}  # fmt: skip
_MONTHS = _SHORT | {
    name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()
}
_MONTH = "(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(\d{4}|'?\d{2})"
_BEGIN, _END = r"(?<![\d.,/-])(?<!\w)", r"(?!\d|[-/.]\d)"

_YEAR_FIRST = re.compile(rf"{_BEGIN}(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}})(?!\d|[-/]\d)")
_COMPACT = re.compile(r"(?<![\w.,/-])((?:19|20)\d\d)(\d\d)(\d\d)(?![\w.,/-]*\d)")
_CHINESE = re.compile(r"(\d{4}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?日")
_YEAR_LAST = re.compile(rf"{_BEGIN}(\d{{1,2}})([-/.]) ?(\d{{1,2}})\2 ?(\d{{4}}|\d{{2}}){_END}")
_DAY_NAMED = re.compile(
    rf"{_BEGIN}(\d{{1,2}})(?:st|nd|rd|th|er|\.)?[ -/]{{0,2}}(?:of |de )?"
    rf"{_MONTH}[ ,/-]{{0,2}}(?:de )?{_YEAR}{_END}"
)
_NAMED_DAY = re.compile(rf"(?<!\w){_MONTH}[ -]?(\d{{1,2}})(?:st|nd|rd|th)?,?[ -]{_YEAR}{_END}")
_TIME = re.compile(r"[t ](\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?(?: ?(?:z|[+-]\d{2}:?\d{2}))?\Z")


def dates(text: str) -> Iterator[tuple[datetime.date, int, int]]:
    """Each day that a normalised text may name, with where it begins and ends."""
    for found in _YEAR_FIRST.finditer(text):
        yield from _days(found, (1, 3, 4))
    for pattern in (_COMPACT, _CHINESE):
        for found in pattern.finditer(text):
            yield from _days(found, (1, 2, 3))
    for found in _YEAR_LAST.finditer(text):
        yield from _days(found, (4, 3, 1))
        # Only a dot says that the day comes first.
        if found[2] != ".":
            yield from _days(found, (4, 1, 3))
    for found in _DAY_NAMED.finditer(text):
        yield from _days(found, (3, 2, 1))
    for found in _NAMED_DAY.finditer(text):
        yield from _days(found, (3, 1, 2))


def date_of(text: str) -> tuple[frozenset[datetime.date], str]:
    """The days that a normalised text may mean when it is one date, and its time as `hh:mm`."""
    time = _TIME.search(text)
    day = text[: time.start()] if time else text
    days = frozenset(d for d, begin, end in dates(day) if begin == 0 and end == len(day))
    return days, f"{time[1]}:{time[2]}" if time else ""


def _days(
    found: re.Match[str], groups: tuple[int, int, int]
) -> Iterator[tuple[datetime.date, int, int]]:
    year, month, day = (found[group] for group in groups)
    try:
        yield datetime.date(_year(year), _month(month), int(day)), found.start(), found.end()
    except ValueError:
        return


def _year(text: str) -> int:
    number = int(text.lstrip("'"))
    if number >= 100:
        return number
    return number + (2000 if number < 70 else 1900)


def _month(text: str) -> int:
    return _MONTHS[text] if text in _MONTHS else int(text)
