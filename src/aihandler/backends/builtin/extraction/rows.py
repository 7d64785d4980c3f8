"""Line items without a table head, taken only when arithmetic bears them out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from aihandler.backends.builtin.extraction.items import TOLERANCE, Item, checked, text_value
from aihandler.backends.builtin.extraction.labels import Label, words_of
from aihandler.backends.builtin.extraction.money import Amount
from aihandler.backends.builtin.extraction.page import Line
from aihandler.backends.builtin.extraction.reading import Found, Reading
from aihandler.backends.builtin.extraction.totals import MONEY, names_amount

_SUMS = frozenset({*MONEY, "skip_money"} - {"shipping"})
_MAX_LINE = 200
_MAX_ROWS = 500
_TIMES = re.compile(r"\s?(?:[x\u00d7*]|pcs|Stk\.?|hrs?|h)\s", re.IGNORECASE)
_BETWEEN = re.compile(
    r"[\s|x\u00d7@=*à:]{0,12}(?:(?:each|je|à|std|stk|st|hrs?|hours?|h|pcs|kg|l|m2|days?|tage?)\b\.?)?"
    r"[\s|x\u00d7@=*à]{0,12}",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[\s@(]{1,12}(?:each|je|at|à)?[\s@(]{0,6}$", re.IGNORECASE)
_AFTER = re.compile(r"[\s|]{0,6}(?:[A-Z*]{1,2})?[\s|]{0,6}")


@dataclass(frozen=True, slots=True)
class _Row:
    description: Found
    quantity: Amount | None
    price: Amount | None
    amount: Amount | None
    # One number that may be the price of one or of all.
    single: Amount | None
    # The quantity is a bare number at the line's start, so that it may be a position.
    counted: bool = False


def read_rows(reading: Reading, sums: set[Decimal]) -> tuple[Item, ...]:
    """Items such as `3 x Licence 76.67`, when they come to one of the document's sums."""
    if not sums:
        return ()
    lines = reading.page.lines
    pairs = zip((None, *lines), lines, strict=False)
    rows = [row for above, line in pairs if (row := _row(reading, line, above)) is not None]
    rows = _without_positions(rows[:_MAX_ROWS])
    for group in ([row for row in rows if not _names_shipping(reading, row)], rows):
        items = _settled(group, sums)
        if items:
            return items
    return ()


def _without_positions(rows: list[_Row]) -> list[_Row]:
    """Leading numbers that run 1, 2, 3 count the lines and not the goods."""
    leads = [row.quantity.value for row in rows if row.quantity is not None and row.counted]
    if len(rows) < 2 or leads != list(range(1, len(rows) + 1)):
        return rows
    return [replace(row, quantity=None, counted=False) for row in rows]


def _settled(rows: Sequence[_Row], sums: set[Decimal]) -> tuple[Item, ...]:
    if not rows:
        return ()
    for as_price in (True, False):
        total = sum((_worth(row, as_price=as_price) for row in rows), Decimal(0))
        # One amount that is also the total proves nothing.
        proven = len(rows) > 1 or rows[0].amount is not None or rows[0].quantity is not None
        if proven and any(abs(total - each) < TOLERANCE for each in sums):
            return tuple(_item(row, as_price=as_price) for row in rows)
    return ()


def _worth(row: _Row, *, as_price: bool) -> Decimal:
    if row.amount is not None:
        return row.amount.value
    assert row.single is not None
    if as_price and row.quantity is not None:
        return row.quantity.value * row.single.value
    return row.single.value


def _item(row: _Row, *, as_price: bool) -> Item:
    item = {"description": row.description}
    if row.quantity is not None:
        item["quantity"] = _found(row.quantity)
    if row.price is not None:
        item["unit_price"] = _found(row.price)
    if row.amount is not None:
        item["amount"] = _found(row.amount)
    if row.single is not None:
        priced = as_price and row.quantity is not None and row.quantity.value != 1
        item["unit_price" if priced else "amount"] = _found(row.single)
    return checked(item)


def _row(reading: Reading, line: Line, above: Line | None) -> _Row | None:
    if not 4 < line.end - line.start <= _MAX_LINE or line.start < reading.page.body_start:
        return None
    numbers = [a for a in reading.amounts_in(line.start, line.end) if a.clean and not a.percent]
    if not numbers or not numbers[-1].like_money or _labelled(reading, line):
        return None
    text = reading.page.text
    if not _AFTER.fullmatch(text, numbers[-1].end, line.end):
        return None
    tail = _tail(text, numbers)
    start = reading.trimmed(line.start, line.end)[0]
    lead = numbers[0] if numbers[0].start <= start and numbers[0] not in tail else None
    if lead is not None and lead.like_money:
        return None
    if len(tail) == 3 and reading.trimmed(line.start, tail[0].start)[0] >= tail[0].start:
        return _under_name(reading, above, tail)
    return _shape(reading, line, lead, tail)


def _under_name(reading: Reading, above: Line | None, tail: list[Amount]) -> _Row | None:
    """`2 x 3.00  6.00` under the line that names the goods, as on receipts."""
    quantity, price, amount = tail
    if above is None or not _multiplies(quantity, price, amount):
        return None
    if any(a.like_money for a in reading.amounts_in(above.start, above.end)):
        return None
    name = text_value(reading, above.start, above.end)
    return None if name is None else _Row(name, quantity, price, amount, None)


def _tail(text: str, numbers: Sequence[Amount]) -> list[Amount]:
    """The numbers at the line's end with nothing but marks between them."""
    tail = [numbers[-1]]
    for number in reversed(numbers[:-1]):
        if not _BETWEEN.fullmatch(text, number.end, tail[0].start):
            break
        tail.insert(0, number)
    return tail[-3:]


def _shape(reading: Reading, line: Line, lead: Amount | None, tail: list[Amount]) -> _Row | None:
    text = reading.page.text
    start = line.start
    if lead is not None:
        times = _TIMES.match(text, lead.end)
        start = times.end() if times else lead.end
    trail = _TRAILING.search(text, max(start, tail[0].start - 20), tail[0].start)
    description = text_value(reading, start, trail.start() if trail else tail[0].start)
    if description is None or not re.search(r"[^\W\d_]{2}", str(description.value)):
        return None
    match tail:
        case [quantity, price, amount] if _multiplies(quantity, price, amount):
            return _Row(description, quantity, price, amount, None)
        case [price, amount] if lead is not None and _multiplies(lead, price, amount):
            return _Row(description, lead, price, amount, None)
        case [quantity, single] if lead is None and _timed(text, quantity, single):
            return _Row(description, quantity, None, None, single)
        case [*_, single]:
            if len(tail) > 1:
                description = text_value(reading, start, single.start) or description
            return _Row(description, lead, None, None, single, counted=_bare(text, lead))
    return None


def _timed(text: str, quantity: Amount, single: Amount) -> bool:
    between = text[quantity.end : single.start]
    return not quantity.like_money and any(mark in between for mark in "x\u00d7@*")


def _bare(text: str, lead: Amount | None) -> bool:
    return lead is not None and _TIMES.match(text, lead.end) is None


def _multiplies(quantity: Amount, price: Amount, amount: Amount) -> bool:
    return abs(quantity.value * price.value - amount.value) < TOLERANCE


def _labelled(reading: Reading, line: Line) -> bool:
    """True when the line begins with a label, other than those that are also goods."""
    first = next((cell for cell in line.cells if cell.start < cell.end), None)
    if first is None:
        return True
    begin = reading.trimmed(line.start, line.end)[0]
    inside = reading.labels_in(line.start, line.end)
    return any(
        (label.concept in _SUMS and (_sum_here(reading, label, begin) or label.concept == "tax"))
        or (label.colon and label.start == begin)
        for label in inside
        if label.anchored
    )


def _sum_here(reading: Reading, label: Label, begin: int) -> bool:
    """True for `Visa 38.90` and `Visa ending 4410`, not for the goods `Visa support letter`."""
    if label.start != begin:
        return False
    number, column = reading.page.cell_at(label.start)
    rest = reading.page.text[label.end : reading.page.lines[number].cells[column].end]
    return len(words_of(rest)) < 2 or names_amount(rest)


def _names_shipping(reading: Reading, row: _Row) -> bool:
    return row.quantity is None and any(
        label.start == row.description.start and label.concept == "shipping"
        for label in reading.labels
    )


def _found(amount: Amount) -> Found:
    return Found(amount.value, amount.start, amount.end, 0.95)
