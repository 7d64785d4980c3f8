"""Amounts and currencies as they are written in English, German and French documents."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from aihandler.backends.builtin.extraction.lists import word_set

SIGNS = {
    "€": "EUR", "£": "GBP", "$": "USD", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD",
    "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "R$": "BRL", "₹": "INR", "₽": "RUB",
    "₺": "TRY", "₪": "ILS", "₩": "KRW", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "Fr.": "CHF",
    "SFr.": "CHF", "euro": "EUR", "euros": "EUR", "Euro": "EUR", "dollars": "USD", "GB£": "GBP",
}  # fmt: skip
CODES = word_set(
    "EUR USD GBP CHF JPY CNY CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY INR BRL MXN ZAR "
    "SGD HKD KRW ILS AED SAR THB IDR MYR PHP RUB UAH ISK"
)

_CURRENCY = "|".join([*sorted(map(re.escape, SIGNS), key=len, reverse=True), *sorted(CODES)])
_BEFORE = re.compile(rf"(?<![A-Za-z])({_CURRENCY})[ \xa0]?([-\u2212]?)$")
_AFTER = re.compile(rf"[ \xa0\u202f]?({_CURRENCY})(?![A-Za-z])")
_ANY_CURRENCY = re.compile(rf"(?<![A-Za-z])(?:{_CURRENCY})(?![A-Za-z])")
_GROUP = r"[.,'\u2019\u00a0\u202f]"
_NUMBER = re.compile(
    r"(?<!\d)(?<!\d[.,'\u2019])(?:"
    rf"\d{{1,3}}(?:{_GROUP}\d{{3}}){{1,4}}(?:[.,]\d{{1,2}})?"
    r"|\d{1,3}(?: \d{3}){1,3},\d{2}"
    r"|\d{1,12}(?:[.,]\d{1,4})?"
    r")(?!\d)(?![.,'\u2019]\d)"
)
_SPACED = re.compile(r"\d{1,3}(?: \d{3}){1,3},\d{2}")
_OPENERS = frozenset(" \t\n\r\xa0\u202f|:=@([*¦·•-\u2212+~\"'>")
_CLOSERS = frozenset(" \t\n\r\xa0\u202f|:=)]*¦·•;,.!?%\"'<+")
_WINDOW = 8


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of the document. `clean`: stands on its own, not inside a longer code."""

    start: int
    end: int
    value: Decimal
    decimals: int
    currency: str | None = None
    percent: bool = False
    clean: bool = True

    @property
    def like_money(self) -> bool:
        """True when it is written as money: two decimals or a currency."""
        return self.clean and not self.percent and (self.decimals == 2 or self.currency is not None)


def find_amounts(text: str, taken: Sequence[tuple[int, int]]) -> tuple[Amount, ...]:
    """All numbers outside the stretches in `taken` (dates), in order."""
    matches = _outside(list(_NUMBER.finditer(text)), taken)
    mark = _decimal_mark([match[0] for match in matches])
    dotted_groups = any(re.search(r"\d\.\d{3}", match[0]) for match in matches)
    found = []
    for match in matches:
        start, end = match.span()
        if dotted_groups and _SPACED.fullmatch(match[0]):
            # The document groups with points, so this space parts two numbers.
            start = match.end() - len(match[0].rsplit(" ", 1)[1])
        value = _value(text[start:end], mark)
        if value is not None:
            found.append(_amount(text, start, end, value))
    return tuple(found)


def currencies(text: str) -> frozenset[str]:
    """The ISO codes of all currencies that are named in the text."""
    named = {SIGNS.get(match[0], match[0]) for match in _ANY_CURRENCY.finditer(text)}
    return frozenset(_settled(named))


def _settled(named: set[str]) -> set[str]:
    # `$` beside `AUD` is an Australian dollar.
    dollars = named & {"CAD", "AUD", "NZD", "HKD", "SGD"}
    return named - {"USD"} if len(dollars) == 1 and "USD" in named else named


def _outside(matches: list[re.Match[str]], taken: Sequence[tuple[int, int]]) -> list[re.Match[str]]:
    kept, index = [], 0
    for match in matches:
        while index < len(taken) and taken[index][1] <= match.start():
            index += 1
        if index == len(taken) or match.end() <= taken[index][0]:
            kept.append(match)
    return kept


def _decimal_mark(numbers: Sequence[str]) -> str:
    """The character before the cents; empty when the document does not show it."""
    votes = Counter(number[-3] for number in numbers if len(number) > 3 and number[-3] in ".,")
    if not votes or votes["."] == votes[","]:
        return ""
    return votes.most_common(1)[0][0]


def _value(number: str, mark: str) -> Decimal | None:
    digits = re.sub(r"[ '\u2019\u00a0\u202f]", "", number)
    separators = [character for character in digits if character in ".,"]
    if not separators:
        return Decimal(digits)
    last = separators[-1]
    tail = len(digits) - digits.rfind(last) - 1
    grouped = tail == 3 and (len(separators) > 1 or last != mark)
    if grouped and len(set(separators)) == 1:
        return Decimal(digits.replace(last, ""))
    if separators.count(last) > 1 or (tail == 3 and len(separators) > 1):
        return None
    whole, _, fraction = digits.rpartition(last)
    return Decimal(f"{re.sub('[.,]', '', whole)}.{fraction}")


def _amount(text: str, start: int, end: int, value: Decimal) -> Amount:
    before = _BEFORE.search(text[max(0, start - _WINDOW) : start])
    after = _AFTER.match(text[end : end + _WINDOW])
    first = start - len(before[0]) if before else start
    last = end + after.end() if after else end
    percent = text[end : end + 2].lstrip(" \xa0").startswith("%")
    sign_at = _sign_start(text, first, last, inner=before[2] if before else "")
    currency = (before[1] if before else None) or (after[1] if after else None)
    exponent = value.as_tuple().exponent
    return Amount(
        first if sign_at is None else min(first, sign_at),
        last,
        value if sign_at is None else -value,
        -exponent if isinstance(exponent, int) else 0,
        SIGNS.get(currency, currency) if currency else None,
        percent,
        _alone(text, first, last),
    )


def _sign_start(text: str, first: int, last: int, *, inner: str) -> int | None:
    """Where a negative amount begins: `-5`, `€-5`, `5-`, `(5)`; None for a positive one."""
    if inner:
        return first
    previous = text[first - 1 : first]
    if previous in ("-", "\u2212") and previous:
        earlier = text[first - 2 : first - 1] if first > 1 else ""
        return first - 1 if not earlier or earlier in " \t\n|:(¦\xa0" else None
    following = text[last : last + 2]
    if previous == "(" and following[:1] == ")":
        return first - 1
    if following[:1] == "-" and following[1:].strip() == "":
        return first
    return None


def _alone(text: str, first: int, last: int) -> bool:
    previous, following = text[first - 1 : first], text[last : last + 1]
    if previous and previous not in _OPENERS:
        return False
    if previous in ("-", "\u2212") and first > 1 and text[first - 2].isalnum():
        return False
    if following == "-":
        return text[last + 1 : last + 2].strip() == ""
    return not following or following in _CLOSERS
