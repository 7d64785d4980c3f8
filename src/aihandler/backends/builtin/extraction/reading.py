"""A document once read: its page, labels, dates and amounts, and where values may stand."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from aihandler.backends.builtin.extraction.dates import Date, find_dates
from aihandler.backends.builtin.extraction.labels import (
    Label,
    Phrases,
    find_labels,
    next_anchored,
)
from aihandler.backends.builtin.extraction.lists import word_set
from aihandler.backends.builtin.extraction.money import Amount, find_amounts
from aihandler.backends.builtin.extraction.page import CELL_BREAK, Cell, Line, Page

_EDGES = " \t\xa0:#=*.,;|-\u2013\u2014" + CELL_BREAK
# Labels that only German and French documents carry; those never write the month first.
_DAY_FIRST_WORDS = word_set(
    "rechnung rechnungsnummer rechnungsdatum datum facture montant mwst gesamtbetrag tva "
    "echeance fournisseur netto summe gutschrift avoir"
)
_LINES_BELOW = 3


class _Placed(Protocol):
    @property
    def start(self) -> int: ...


_Place = TypeVar("_Place", bound=_Placed)


@dataclass(frozen=True, slots=True)
class Found:
    """A value, where it stands on the page, and how probably it is the right one."""

    value: str | Decimal | bool
    start: int
    end: int
    confidence: float


class Reading:
    """What was found on a page, before anything is decided."""

    def __init__(self, page: Page, extra: Phrases) -> None:
        self.page = page
        self.labels = find_labels(page, extra)
        self.dates = find_dates(page.text, day_first=_foreign(self.labels))
        self.amounts = find_amounts(page.text, [(d.start, d.end) for d in self.dates])
        # Lines of an item table: its head and rows name amounts that are no totals.
        self.item_lines: frozenset[int] = frozenset()

    def labelled(self, *concepts: str) -> list[Label]:
        """The labels of these concepts in the body, outside the item table."""
        return [
            label
            for label in self.labels
            if label.concept in concepts
            and label.start >= self.page.body_start
            and self.page.line_at(label.start) not in self.item_lines
        ]

    def labels_in(self, start: int, end: int) -> list[Label]:
        """The labels that begin in this stretch."""
        return _within(self.labels, start, end)

    def dates_in(self, start: int, end: int) -> list[Date]:
        """The dates that begin in this stretch."""
        return _within(self.dates, start, end)

    def amounts_in(self, start: int, end: int) -> list[Amount]:
        """The numbers that begin in this stretch."""
        return _within(self.amounts, start, end)

    def row(self, label: Label) -> tuple[int, int]:
        """From the label to the end of its line, or to the next label."""
        line = self.page.lines[self.page.line_at(label.start)]
        return label.end, next_anchored(self.labels, label.end, line.end)

    def beside(self, label: Label) -> tuple[int, int] | None:
        """The stretch that the label names: behind it, in the next cell, or below it."""
        number, column = self.page.cell_at(label.start)
        cells = self.page.lines[number].cells
        inside = self.trimmed(
            label.end, next_anchored(self.labels, label.end, max(label.end, cells[column].end))
        )
        if inside[0] < inside[1]:
            return inside
        for cell in cells[column + 1 :]:
            if cell.start == cell.end:
                continue
            if not self._starts_label(cell):
                return cell.start, next_anchored(self.labels, cell.start, cell.end)
            break
        return self.below(label)

    def below(self, label: Label) -> tuple[int, int] | None:
        """The cell under the label, when the label fills its own cell."""
        number, column = self.page.cell_at(label.start)
        own = self.page.lines[number].cells
        if own[column].start != label.start:
            return None
        for line in self.page.lines[number + 1 : number + 1 + _LINES_BELOW]:
            if line.blank:
                continue
            offset = label.start - self.page.lines[number].start
            cell = _under(own, column, line, offset=offset)
            if cell is None or self._starts_label(cell):
                return None
            return cell.start, cell.end
        return None

    def trimmed(self, start: int, end: int) -> tuple[int, int]:
        """The stretch without the punctuation around it."""
        text = self.page.text
        while start < end and text[start] in _EDGES:
            start += 1
        while end > start and text[end - 1] in _EDGES:
            end -= 1
        return start, end

    def _starts_label(self, cell: Cell) -> bool:
        index = bisect_left(self.labels, cell.start, key=lambda label: label.start)
        return (
            index < len(self.labels)
            and self.labels[index].start == cell.start
            and self.labels[index].anchored
        )


def agreed(candidates: Iterable[Found]) -> Found | None:
    """The one value that all candidates name, at its surest place; None when they differ."""
    ranked = sorted(candidates, key=lambda found: -found.confidence)
    if not ranked or len({found.value for found in ranked}) > 1:
        return None
    return ranked[0]


def _within(places: Sequence[_Place], start: int, end: int) -> list[_Place]:
    first = bisect_left(places, start, key=lambda place: place.start)
    last = bisect_left(places, end, key=lambda place: place.start)
    return list(places[first:last])


def _foreign(labels: Sequence[Label]) -> bool:
    hits = {w for label in labels for w in label.phrase.split() if w in _DAY_FIRST_WORDS}
    return len(hits) >= 2


def _under(own: Sequence[Cell], column: int, line: Line, *, offset: int) -> Cell | None:
    """The cell of the next line in the same column, by number or by place."""
    cells = line.cells
    if len(own) == len(cells):
        cell = cells[column]
        return cell if cell.start < cell.end else None
    if len(own) == 1:
        return cells[0] if len(cells) == 1 else None
    nearest = min(cells, key=lambda cell: abs(cell.start - line.start - offset))
    return nearest if abs(nearest.start - line.start - offset) <= 3 else None
