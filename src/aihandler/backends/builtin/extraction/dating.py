"""Which of a document's dates is the one that is asked for."""

from collections.abc import Iterable

from aihandler.backends.builtin.extraction.dates import Date
from aihandler.backends.builtin.extraction.labels import Label
from aihandler.backends.builtin.extraction.reading import Found, Reading, agreed

DATES = ("date", "due_date", "delivery_date", "order_date")

_NUMBERS = ("invoice_number", "invoice_title", "credit_number", "credit_title", "receipt_title")
_MAX_BETWEEN = 40
_FORM_WORDS = 5
_PREPOSITIONS = frozenset({"on", "vom", "le", "du"})
_LINKS = frozenset({"", "of", "dated", "vom", "from", "du", "on", "le", "date", "issued", "the"})


def choose_date(reading: Reading, concept: str) -> Found | None:
    """The date under the strongest label; without one, the only date that no label claims."""
    labelled = _labelled(reading, concept)
    for group in (
        [(label, day) for label, day in labelled if _plain(label)],
        [(label, day) for label, day in labelled if label.phrase not in _PREPOSITIONS],
        labelled,
    ):
        if group:
            return agreed(_found(day, 0.97) for _, day in group)
    if concept != "date":
        return None
    beside = agreed(_found(day, 0.95) for day in _beside_number(reading))
    if beside is not None:
        return beside
    return agreed(_found(day, 0.85) for day in _unclaimed(reading))


def generic_date(reading: Reading, concept: str) -> Found | None:
    """The date under a label of the schema's own."""
    return agreed(_found(day, 0.9) for _, day in _labelled(reading, concept))


def _plain(label: Label) -> bool:
    # `Invoice date` says more than `on`.
    return label.words > 1 or label.phrase.endswith(("datum", "am", "fallig", "echeance"))


def _labelled(reading: Reading, concept: str) -> list[tuple[Label, Date]]:
    found = []
    for label in reading.labelled(concept):
        day = _date_of(reading, label)
        if day is not None:
            found.append((label, day))
    return found


def _date_of(reading: Reading, label: Label) -> Date | None:
    region = reading.beside(label)
    if region is None:
        return None
    days = reading.dates_in(*region)
    # A date far behind the label belongs to other words.
    if not days or days[0].start - region[0] > _MAX_BETWEEN // 2:
        return None
    return days[0]


def _beside_number(reading: Reading) -> Iterable[Date]:
    """`Invoice RE-7 of 12.03.2024`: a date behind the number, in the same cell."""
    text = reading.page.text
    for label in reading.labelled(*_NUMBERS):
        number, column = reading.page.cell_at(label.start)
        cell = reading.page.lines[number].cells[column]
        days = reading.dates_in(label.end, cell.end)
        if len(days) != 1 or days[0].start - label.end > _MAX_BETWEEN:
            continue
        between = text[label.end : days[0].start].strip(" ,:-\u2013#").casefold().split()
        if len(between) <= 3 and (not between or between[-1].strip(",:") in _LINKS
                                  or len(between) == 1):  # fmt: skip
            yield days[0]


def _unclaimed(reading: Reading) -> list[Date]:
    claimed = set()
    for label in reading.labelled("due_date", "delivery_date", "order_date", "skip_date"):
        start, end = reading.row(label)
        claimed |= {day.start for day in reading.dates_in(start, end)}
        region = reading.beside(label)
        if region is not None:
            claimed |= {day.start for day in reading.dates_in(*region)}
    body = reading.page.body_start
    free = [d for d in reading.dates if d.start not in claimed and d.start >= body]
    return [] if any(_in_prose(reading, day) for day in free) else free


def _in_prose(reading: Reading, day: Date) -> bool:
    """True for a date inside a sentence, which may be any date."""
    number, column = reading.page.cell_at(day.start)
    cell = reading.page.lines[number].cells[column]
    around = reading.page.text[cell.start : day.start] + reading.page.text[day.end : cell.end]
    return len(_commas(around)) > _FORM_WORDS


def _commas(around: str) -> list[str]:
    """The words that share the list entry with a date; commas part entries."""
    return max((part.split() for part in around.split(",")), key=len, default=[])


def _found(day: Date, confidence: float) -> Found:
    # An empty value stands for a date whose day and month cannot be told apart.
    return Found(day.iso or "", day.start, day.end, confidence)
