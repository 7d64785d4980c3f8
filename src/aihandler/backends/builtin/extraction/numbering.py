"""Invoice, order and customer numbers next to their labels."""

import re
from collections.abc import Sequence

from aihandler.backends.builtin.extraction.labels import Label, folded
from aihandler.backends.builtin.extraction.reading import Found, Reading, agreed

# Labels that may carry a number, the surest first; the first group that has one decides.
SOURCES: dict[str, tuple[tuple[str, ...], ...]] = {
    "invoice_number": (
        ("invoice_number",),
        ("invoice_title",),
        ("document_number",),
        ("receipt_number", "credit_number"),
        ("reference",),
    ),
    "document_number": (
        ("credit_number",),
        ("credit_title",),
        ("invoice_number",),
        ("invoice_title",),
        ("receipt_number", "receipt_title"),
        ("document_number",),
        ("reference",),
    ),
    "credit_number": (("credit_number",), ("credit_title",)),
    "receipt_number": (("receipt_number",), ("receipt_title",)),
    "reference": (("reference",), ("your_reference",)),
    "order_number": (("order_number",), ("po_number",)),
    "po_number": (("po_number",),),
    "customer_number": (("customer_number",),),
    "contract_number": (("contract_number",),),
    "delivery_number": (("delivery_number",),),
    "project_number": (("project_number",),),
    "your_reference": (("your_reference",),),
}

_TOKEN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[/_.\-\u2013](?=[A-Za-z0-9])){0,39}")
_PREFIX = re.compile(r"([A-Z]{1,6})[ \xa0]?[-/]?[ \xa0]?(?=\d)")
_SPACED = re.compile(r"[A-Z0-9]{1,10}(?: ?[/-] ?| )[A-Z0-9/\-]{1,20}(?:[ /-][A-Z0-9]{1,10}){0,3}")
_LEADS = re.compile(
    r"[\s:#.\-\u2013°№*]{0,6}(?:(?:(?:no|nr|number|num|id|numéro)\b|n[°º])[\s.:#°]{0,4})?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ACCOUNT = frozenset({"account", "acct"})
_BANK = ("sort code", "bank", "iban", "bsb", "routing", "swift", "bacs")
_TITLES = frozenset({"invoice_title", "credit_title", "receipt_title"})


def choose_number(reading: Reading, concept: str) -> Found | None:
    """The number under the surest label that has one; None when two such labels disagree."""
    for rank, sources in enumerate(SOURCES[concept]):
        found = [
            number
            for label in reading.labelled(*sources)
            if not _banks(reading, label)
            and (number := _number_of(reading, label, 0.97 - 0.02 * rank)) is not None
        ]
        if found:
            return agreed(found)
    return None


def generic_number(reading: Reading, concept: str) -> Found | None:
    """A code under a label of the schema's own."""
    found = [_number_of(reading, label, 0.9) for label in reading.labelled(concept)]
    return agreed(number for number in found if number is not None)


def _number_of(reading: Reading, label: Label, confidence: float) -> Found | None:
    title = label.concept in _TITLES
    region = _title_region(reading, label) if title else reading.beside(label)
    if region is None:
        return None
    span = _token(reading, region)
    if span is None:
        return None
    value = reading.page.text[span[0] : span[1]]
    if title and (len(value) < 3 or (_YEAR.fullmatch(value) and not label.colon)):
        return None
    return Found(value, *span, confidence)


def _banks(reading: Reading, label: Label) -> bool:
    """True for the account number of a bank, which stands beside a sort code or an IBAN."""
    if not _ACCOUNT.intersection(label.phrase.split()):
        return False
    number = reading.page.line_at(label.start)
    first, last = reading.page.lines[max(0, number - 1)], reading.page.lines[number]
    around = folded(reading.page.text[first.start : last.end])
    return any(word in around for word in _BANK)


def _title_region(reading: Reading, label: Label) -> tuple[int, int]:
    number, column = reading.page.cell_at(label.start)
    cells = reading.page.lines[number].cells
    rest = reading.trimmed(label.end, max(label.end, cells[column].end))
    if rest[0] < rest[1] or cells[column].start != label.start or column + 2 != len(cells):
        return label.end, max(label.end, cells[column].end)
    # `Invoice | RP-3318`: a row of a label and its value.
    value = cells[column + 1]
    whole = _TOKEN.fullmatch(reading.page.text, value.start, value.end)
    return (value.start, value.end) if whole else (label.end, label.end)


def _token(reading: Reading, region: tuple[int, int]) -> tuple[int, int] | None:
    text = reading.page.text
    lead = _LEADS.match(text, *region)
    start = lead.end() if lead else region[0]
    end = reading.trimmed(start, region[1])[1]
    whole = text[start:end]
    if _SPACED.fullmatch(whole) and _codelike(whole.split()) and _free(reading, start, end):
        return start, end
    prefix = _PREFIX.match(text, start, end)
    token = _TOKEN.match(text, prefix.end() if prefix else start, end)
    if (
        token is None
        or not any(map(str.isdigit, token[0]))
        or not _free(reading, start, token.end())
    ):
        return None
    return start, token.end()


def _codelike(parts: Sequence[str]) -> bool:
    """True when no part is a word: each has a digit or is a short prefix in capitals."""
    if not any(any(map(str.isdigit, part)) for part in parts):
        return False
    return all(any(map(str.isdigit, p)) or len(p) <= 4 for p in parts)


def _free(reading: Reading, start: int, end: int) -> bool:
    """True when the stretch is neither a date nor money."""
    if any(day.start < end for day in reading.dates_in(start, end)):
        return False
    return not any(
        a.currency is not None or (a.decimals == 2 and a.start <= start and a.end >= end)
        for a in reading.amounts_in(start, end)
    )
