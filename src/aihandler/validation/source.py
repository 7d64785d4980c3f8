"""A source text, prepared once, that can say whether a value stands in it."""

import datetime
import re
import unicodedata
from decimal import Decimal
from functools import cached_property

from aihandler.validation.dates import date_of, dates
from aihandler.validation.figures import amount, currency_signs, figures

_MARKS = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff")
    # A blank that does not break parts groups of digits, and nothing else.
    | {"\u00a0": "\u2009", "\u202f": "\u2009", "\u2007": "\u2009"}
)
_GROUPING = re.compile(r"(?<=\d)\u2009(?=\d{3})")
_QUOTED_LINE = re.compile(r"^(?:[ \t]{0,3}>)+[ \t]?", re.MULTILINE)
_SPACE = re.compile(r"\s+")
_COMMA_BLANK = re.compile(r"[,;|]+(?= )| (?=[,;|])")
_EDGES = " \t\n.,;:!?\"'"
_MAX_COMPACT_CHARS = 64


def normal(text: str) -> str:
    """Text in which only differences remain that matter: NFKC, no case, plain marks and blanks."""
    text = _GROUPING.sub("'", _QUOTED_LINE.sub("", text).translate(_MARKS))
    text = _bare(unicodedata.normalize("NFKC", text).casefold()).translate(_MARKS)
    return _COMMA_BLANK.sub("", _SPACE.sub(" ", text)).strip()


class Source:
    """Indexes are built when the first value of their kind is looked for."""

    def __init__(self, text: str) -> None:
        self._given = text

    def holds_number(self, value: int | float) -> bool:
        """True when the number stands in the text in any usual form."""
        number = Decimal(repr(value))
        if any(map(self._literal, _plain_forms(number))):
            return True
        return self._holds_figure(abs(number), negative=number < 0)

    def holds_text(self, value: str) -> bool:
        """True when the text stands there, as it is or as the same date, amount or currency."""
        wanted = normal(value)
        if not wanted or self._literal(wanted) or self._literal(wanted.strip(_EDGES)):
            return True
        return (
            self._same_date(wanted)
            or self._same_amount(wanted)
            or self._same_currency(wanted)
            or self._compact(wanted)
        )

    def holds_boolean(self, value: bool) -> bool:
        """True when the text says yes or no as the value does."""
        words = ("true", "yes", "ja", "oui", "si") if value else ("false", "no", "nein", "non")
        return any(self._literal(word) for word in words)

    @cached_property
    def _text(self) -> str:
        return normal(self._given)

    @cached_property
    def _dates(self) -> tuple[tuple[datetime.date, int, int], ...]:
        return tuple(dates(self._text))

    @cached_property
    def _days(self) -> frozenset[datetime.date]:
        return frozenset(day for day, _, _ in self._dates)

    @cached_property
    def _figures(self) -> frozenset[tuple[Decimal, bool]]:
        # The parts of a date are no numbers of their own, except for its year.
        parts, at = [], 0
        for begin, end in sorted({(begin, end) for _, begin, end in self._dates}):
            parts.append(self._text[at:begin])
            at = max(at, end)
        parts.append(self._text[at:])
        years = ((Decimal(day.year), False) for day in self._days)
        return frozenset((*figures(" | ".join(parts)), *years))

    def _holds_figure(self, number: Decimal, *, negative: bool) -> bool:
        # What is written as -5 may be given as a discount of 5, but 5 is never -5.
        if (number, True) in self._figures:
            return True
        return not negative and (number, False) in self._figures

    def _literal(self, wanted: str) -> bool:
        if not wanted:
            return False
        at = self._text.find(wanted)
        while at >= 0:
            if _stands_alone(self._text, at, at + len(wanted)):
                return True
            at = self._text.find(wanted, at + 1)
        return False

    def _same_date(self, wanted: str) -> bool:
        days, time = date_of(wanted)
        if not days & self._days:
            return False
        return time in {"", "00:00"} or any(map(self._literal, _clock_forms(time)))

    def _same_amount(self, wanted: str) -> bool:
        found = amount(wanted)
        if found is None:
            return False
        numbers, negative, currency = found
        if currency and not self._same_currency(currency):
            return False
        return any(self._holds_figure(number, negative=negative) for number in numbers)

    def _same_currency(self, wanted: str) -> bool:
        return any(self._sign(sign) for sign in currency_signs(wanted))

    def _sign(self, sign: str) -> bool:
        # `c$` is not a `$`; a code may stand right before its digits.
        before = r"(?<![a-z])" if sign.isalpha() or "$" in sign else ""
        after = r"(?![a-z])" if sign[-1].isalpha() else ""
        return re.search(before + re.escape(sign) + after, self._text) is not None

    def _compact(self, wanted: str) -> bool:
        # Telephone and account numbers are written with blanks here and without them there.
        marks = [mark for mark in wanted if mark.isalnum()]
        if len(marks) > _MAX_COMPACT_CHARS or sum(map(str.isdigit, marks)) < 6:
            return False
        if not re.fullmatch(r"[\w +()./-]+", wanted):
            return False
        pattern = re.compile(r"[ ()./-]{0,2}".join(map(re.escape, marks)))
        found = pattern.finditer(self._text)
        return any(_stands_alone(self._text, match.start(), match.end()) for match in found)


def _stands_alone(text: str, begin: int, end: int) -> bool:
    """True when no word, number or identifier goes on before `begin` or after `end`."""
    wanted = text[begin:end]
    holds_digit = any(map(str.isdigit, wanted))
    before, after = text[max(0, begin - 2) : begin][::-1], text[end : end + 2]
    return not (
        _goes_on(wanted[0], before, holds_digit=holds_digit)
        or _goes_on(wanted[-1], after, holds_digit=holds_digit)
    )


def _goes_on(edge: str, beyond: str, *, holds_digit: bool) -> bool:
    """True when `beyond`, read away from the edge, belongs to the same word."""
    if not beyond or not edge.isalnum():
        return False
    if beyond[0].isalnum() or beyond[0] == "_":
        return True
    if len(beyond) < 2:
        return False
    if holds_digit and beyond[0] in "-_/" and beyond[1].isalnum():
        return True
    return edge.isdigit() and beyond[0] in ".,'" and beyond[1].isdigit()


def _plain_forms(number: Decimal) -> tuple[str, ...]:
    """The usual ways to write a number of many digits: found at once, without the index.

    A number of few digits may be a part of a date, and needs the index.
    """
    if number < 1000:
        return ()
    forms = tuple(f"{number:{form}}" for form in ("f", ",f", ".2f", ",.2f"))
    return forms if number == round(number, 2) else forms[:2]


def _clock_forms(time: str) -> tuple[str, ...]:
    hour, minute = int(time[:2]), time[3:]
    return time, f"{hour}:{minute}", f"{hour % 12 or 12}:{minute}", f"{hour % 12 or 12:02}:{minute}"


def _bare(text: str) -> str:
    """Without accents, because half of all systems drop them."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))
