"""A document as lines and cells, whether it came as text, as columns, with pipes or as HTML."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from aihandler.backends.builtin.extraction.markup import looks_like_html, plain_from_html

# What stands behind this is not read: no invoice is longer, and time stays bounded.
MAX_CHARS = 200_000
# Marks a line break inside a table cell, where a real one would end the row.
CELL_BREAK = "¦"

_COLUMNS = re.compile(r"\t+| {2,}| [·•] ")
_LINE_END = re.compile(r"\r\n|\n|\r|\x0b|\x0c|\u2028|\u2029")
_HEADER = re.compile(
    r"(?:from|to|cc|bcc|subject|date|sent|reply-to|message-id|von|an|gesendet|betreff|datum|de|à|"
    r"objet|envoyé|received|return-path|mime-version|content-[a-z-]{1,30}|x-[a-z-]{1,30})\s?:\s",
    re.IGNORECASE,
)
_MAX_HEADER_LINES = 40


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of one line between column separators; empty cells of a table row are kept."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line, `start` to `end` in the page's text, and its cells."""

    start: int
    end: int
    cells: tuple[Cell, ...]

    @property
    def blank(self) -> bool:
        """True when no cell holds anything."""
        return all(cell.start == cell.end for cell in self.cells)


class Page:
    """The text that is read, its lines, and the way back to places in the source."""

    def __init__(self, text: str, offsets: Sequence[int] | None) -> None:
        self.text = text
        self.lines = _lines(text)
        self.body_start = _body_start(text, self.lines)
        self._offsets = offsets
        self._starts = [line.start for line in self.lines]

    def line_at(self, position: int) -> int:
        """The number of the line that holds `position`."""
        return max(0, bisect_right(self._starts, position) - 1)

    def cell_at(self, position: int) -> tuple[int, int]:
        """The numbers of the line and of its cell that hold `position`."""
        number = self.line_at(position)
        cells = self.lines[number].cells
        column = bisect_right(cells, position, key=lambda cell: cell.start) - 1
        return number, max(0, column)

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Where `start` to `end` stands in the text that was handed in."""
        if self._offsets is None:
            return start, end
        return self._offsets[start], self._offsets[max(start, end - 1)] + 1


def read_page(text: str) -> Page:
    """Reads the first `MAX_CHARS` characters of text or HTML."""
    head = text[:MAX_CHARS]
    if looks_like_html(head):
        plain, offsets = plain_from_html(head, CELL_BREAK)
        return Page(plain, offsets)
    return Page(head, None)


def _lines(text: str) -> tuple[Line, ...]:
    found, start = [], 0
    for match in _LINE_END.finditer(text):
        found.append(_line(text, start, match.start()))
        start = match.end()
    found.append(_line(text, start, len(text)))
    return tuple(found)


def _line(text: str, start: int, end: int) -> Line:
    piped = text.find("|", start, end) >= 0
    cells = _piped(text, start, end) if piped else _columned(text, start, end)
    return Line(start, end, tuple(cells))


def _piped(text: str, start: int, end: int) -> list[Cell]:
    cells, begin = [], start
    while (bar := text.find("|", begin, end)) >= 0:
        cells.append(_trimmed(text, begin, bar))
        begin = bar + 1
    cells.append(_trimmed(text, begin, end))
    # A Markdown row begins and ends with a bar; what lies outside is no cell.
    if len(cells) > 1 and text[start:end].lstrip().startswith("|"):
        cells = cells[1:]
    if len(cells) > 1 and cells[-1].start == cells[-1].end:
        cells = cells[:-1]
    return cells


def _columned(text: str, start: int, end: int) -> list[Cell]:
    cells, begin = [], start
    for match in _COLUMNS.finditer(text, start, end):
        cells.append(_trimmed(text, begin, match.start()))
        begin = match.end()
    cells.append(_trimmed(text, begin, end))
    kept = [cell for cell in cells if cell.start < cell.end]
    return kept or [Cell(start, start)]


def _trimmed(text: str, start: int, end: int) -> Cell:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Cell(start, end)


def _body_start(text: str, lines: Sequence[Line]) -> int:
    """Where an e-mail's body begins; 0 for any other document."""
    mail = False
    for headers, line in enumerate(lines[:_MAX_HEADER_LINES]):
        content = text[line.start : line.end]
        if not _HEADER.match(content):
            return line.start if headers >= 2 and mail and line.blank else 0
        lowered = content[:12].casefold()
        mail = mail or "@" in content or lowered.startswith(("subject", "betreff", "objet"))
    return 0
