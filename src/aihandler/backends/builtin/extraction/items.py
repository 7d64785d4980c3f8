"""Line items under a table head: by column, by place, or by the order of the heads."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise

from aihandler.backends.builtin.extraction.labels import Phrases, phrase_table, words_of
from aihandler.backends.builtin.extraction.money import Amount
from aihandler.backends.builtin.extraction.page import CELL_BREAK, Cell, Line
from aihandler.backends.builtin.extraction.reading import Found, Reading
from aihandler.backends.builtin.extraction.words import COLUMNS

Item = Mapping[str, Found]

NUMERIC = frozenset({"quantity", "unit_price", "amount", "tax_rate", "position", "skip"})
_SUMS = frozenset({"net", "tax", "total", "due", "paid", "shipping", "discount", "skip_money"})
_MAX_ROWS = 500
_MAX_LINE = 400
_GAP_LINES = 3
_NOISE = re.compile(r"\([^)]{0,12}\)|\bin (?:EUR|USD|GBP|CHF)\b|[€$£%*.:]")
_CODES = frozenset({"eur", "usd", "gbp", "chf", "cad", "aud"})
TOLERANCE = Decimal("0.011")


@dataclass(frozen=True, slots=True)
class Table:
    """The items of one table and the lines that it takes up, head included."""

    items: tuple[Item, ...]
    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    columns: tuple[tuple[str, int, int], ...]
    # False when the heads stand in one cell, so that only their order is known.
    placed: bool


def read_table(reading: Reading) -> Table:
    """The first table whose head names item columns; empty when there is none."""
    for number, line in enumerate(reading.page.lines):
        head = _head(reading, number, line)
        if head is not None:
            table = _rows(reading, head)
            if table.items:
                return table
    return Table((), frozenset())


def line_sum(items: Sequence[Item]) -> Decimal | None:
    """What the items come to, when every one says it."""
    total = Decimal(0)
    for item in items:
        amount, price, quantity = (_number(item, k) for k in ("amount", "unit_price", "quantity"))
        if amount is not None:
            total += amount
        elif price is not None and quantity is not None:
            total += price * quantity
        else:
            return None
    return total if items else None


@cache
def _column_phrases() -> Phrases:
    return phrase_table(
        (phrase, concept) for concept, line in COLUMNS.items() for phrase in line.split("; ")
    )


def _head(reading: Reading, number: int, line: Line) -> _Head | None:
    text = reading.page.text
    if not 0 < line.end - line.start <= _MAX_LINE or any(
        a.like_money for a in reading.amounts_in(line.start, line.end)
    ):
        return None
    cells = [cell for cell in line.cells if cell.start < cell.end]
    if len(cells) > 1:
        columns = tuple(column for cell in line.cells for column in _named(text, cell))
        known = [concept for concept, _, _ in columns if concept]
        if len(known) * 2 <= len(cells) or not _is_head(known):
            return None
        columns = tuple((concept or "skip", start, end) for concept, start, end in columns)
        return _Head(number, _distinct(columns), placed=True)
    ordered = _ordered(words_of(text[line.start : line.end]))
    if ordered is None or len(ordered) < 3 or not _is_head(ordered):
        return None
    return _Head(number, _distinct(tuple((c, line.start, line.end) for c in ordered)), placed=False)


def _named(text: str, cell: Cell) -> list[tuple[str, int, int]]:
    """The columns that a head's cell names; `Pos. Bezeichnung` with one space names two."""
    content = text[cell.start : cell.end]
    column = _column(content)
    if column is not None:
        return [(column, cell.start, cell.end)]
    *first, last = _ordered(words_of(content)) or [""]
    start = cell.start + len(first)
    heads = [(c, cell.start + index, cell.start + index + 1) for index, c in enumerate(first)]
    return [*heads, (last, min(start, cell.end), cell.end)]


def _is_head(known: Sequence[str]) -> bool:
    kinds = set(known)
    return len(kinds) >= 2 and "description" in kinds and bool(kinds & {"amount", "unit_price"})


def _distinct(columns: tuple[tuple[str, int, int], ...]) -> tuple[tuple[str, int, int], ...]:
    """Each concept once: of two amounts the last is the row's, of others the first."""
    names = [concept for concept, _, _ in columns]
    kept = []
    for index, (concept, start, end) in enumerate(columns):
        later = concept == "amount" and concept in names[index + 1 :]
        earlier = concept != "amount" and concept in names[:index]
        kept.append(("skip" if later or earlier else concept, start, end))
    if "amount" in names and "unit_price" not in names and names.count("amount") > 1:
        first = names.index("amount")
        kept[first] = ("unit_price", *kept[first][1:])
    return tuple(kept)


def _column(content: str) -> str | None:
    words = tuple(w for w in words_of(_NOISE.sub(" ", content)) if w not in _CODES) or words_of(
        content
    )
    if not words:
        return "position" if content.strip() == "#" else None
    for phrase, concept in _column_phrases().get(words[0], ()):
        if phrase == words:
            return concept
    # `Description / Details`, `Qty/Hrs`: the first words may say enough.
    ordered = _ordered(words)
    return ordered[0] if ordered and len(set(ordered)) == 1 else None


def _ordered(words: tuple[str, ...]) -> list[str] | None:
    """The columns that these words name one after the other; None when a word names none."""
    found, index = [], 0
    while index < len(words):
        for phrase, concept in _column_phrases().get(words[index], ()):
            if words[index : index + len(phrase)] == phrase:
                found.append(concept)
                index += len(phrase)
                break
        else:
            if words[index] not in _CODES:
                return None
            index += 1
    return found


def _rows(reading: Reading, head: _Head) -> Table:
    items: list[Item] = []
    taken, empty = {head.number}, 0
    lines = reading.page.lines
    for number in range(head.number + 1, min(len(lines), head.number + 1 + _MAX_ROWS)):
        line = lines[number]
        if _ends_table(reading, line):
            break
        item = _row(reading, head, line)
        if item is None:
            empty += 1
            # Descriptions may run over a few lines; more of them is other text.
            if empty > _GAP_LINES:
                break
            continue
        empty = 0
        items.append(item)
        taken.add(number)
    return Table(tuple(items), frozenset(taken))


def _ends_table(reading: Reading, line: Line) -> bool:
    """True at a line whose first words are a sum's label with an amount behind it."""
    first = next((cell for cell in line.cells if cell.start < cell.end), None)
    if first is None:
        return False
    for label in reading.labels:
        if label.start > first.start:
            return False
        if label.start == first.start and label.concept in _SUMS:
            rest = reading.page.text[label.end : first.end].strip(" :.(%)0123456789,'€$£")
            plain = all(word in _CODES or len(word) < 3 for word in words_of(rest))
            nearly_empty = sum(cell.start < cell.end for cell in line.cells) <= 3
            return plain and nearly_empty
    return False


def _row(reading: Reading, head: _Head, line: Line) -> Item | None:
    if line.end - line.start > _MAX_LINE or line.blank:
        return None
    by_place = _placed(reading, head, line) if head.placed else None
    item = by_place or _sequence(reading, head, line)
    if item is None or "description" not in item or not ({"amount", "unit_price"} & item.keys()):
        return None
    return checked(item)


def checked(item: dict[str, Found]) -> Item:
    """The item, surer when quantity times price is the amount and less sure when it is not."""
    amount, price, quantity = (_number(item, k) for k in ("amount", "unit_price", "quantity"))
    if amount is None or price is None or quantity is None:
        return item
    fits = abs(quantity * price - amount) < TOLERANCE
    confidence = 0.98 if fits else 0.6
    return {k: Found(f.value, f.start, f.end, confidence) for k, f in item.items()}


def _placed(reading: Reading, head: _Head, line: Line) -> dict[str, Found] | None:
    if len(line.cells) == len(head.columns):
        pairs = list(zip((c for c, _, _ in head.columns), line.cells, strict=True))
    else:
        matched = _aligned(reading, head, line)
        if matched is None:
            return None
        pairs = matched
    item: dict[str, Found] = {}
    for concept, cell in pairs:
        if concept == "skip" or cell.start == cell.end:
            continue
        if concept == "description" and len(pairs) < len(head.columns):
            found = _cell_value(reading, concept, _unburdened(reading, cell))
        else:
            found = _cell_value(reading, concept, cell)
        if found is not None:
            item[concept] = found
        elif concept in {"amount", "unit_price", "quantity"}:
            return None
    return item


def _unburdened(reading: Reading, cell: Cell) -> Cell:
    """A description that has run into the number of the next column, without it."""
    inside = reading.amounts_in(cell.start, cell.end)
    if not inside or inside[-1].end != cell.end or inside[-1].start == cell.start:
        return cell
    return Cell(cell.start, reading.trimmed(cell.start, inside[-1].start)[1])


def _aligned(reading: Reading, head: _Head, line: Line) -> list[tuple[str, Cell]] | None:
    """Cells to the heads that stand nearest; None when two cells want the same head."""
    base = reading.page.lines[head.number].start
    pairs, used = [], set()
    for cell in line.cells:
        start, end = cell.start - line.start, cell.end - line.start
        best = min(
            range(len(head.columns)),
            key=lambda i: _distance(
                start, end, head.columns[i][1] - base, head.columns[i][2] - base
            ),
        )
        if best in used:
            return None
        used.add(best)
        pairs.append((head.columns[best][0], cell))
    return pairs if len(pairs) > 1 else None


def _distance(start: int, end: int, head_start: int, head_end: int) -> int:
    if start < head_end and head_start < end:
        return 0
    return min(abs(start - head_start), abs(end - head_end))


def _cell_value(reading: Reading, concept: str, cell: Cell) -> Found | None:
    if concept in NUMERIC:
        inside = [a for a in reading.amounts_in(cell.start, cell.end) if a.clean]
        if not inside or (concept != "quantity" and len(inside) > 1):
            return None
        amount = inside[0]
        if amount.start > cell.start + 1 and concept != "tax_rate":
            return None
        return Found(amount.value, amount.start, amount.end, 0.9)
    cut = reading.page.text.find(CELL_BREAK, cell.start, cell.end)
    end = cut if cut > cell.start else cell.end
    content = reading.page.text[cell.start : end].rstrip()
    # A point at the end of a cell belongs to what it says, as in `T.B.`.
    return Found(content, cell.start, cell.start + len(content), 0.9) if content else None


def text_value(reading: Reading, start: int, end: int) -> Found | None:
    """The words of a stretch, up to a break inside the cell."""
    cut = reading.page.text.find(CELL_BREAK, start, end)
    start, end = reading.trimmed(start, cut if cut > start else end)
    if start >= end:
        return None
    return Found(reading.page.text[start:end], start, end, 0.9)


def _sequence(reading: Reading, head: _Head, line: Line) -> dict[str, Found] | None:
    """Numbers from both ends by the order of the heads; what is left is the description."""
    names = [concept for concept, _, _ in head.columns]
    if "description" not in names:
        return None
    middle = names.index("description")
    numbers = [a for a in reading.amounts_in(line.start, line.end) if a.clean]
    before = [c for c in names[:middle] if c in NUMERIC]
    after = [c for c in names[middle + 1 :] if c in NUMERIC]
    if len(numbers) < len(before) + len(after) or len(after) + len(before) == 0:
        return None
    if set(names[:middle]) - NUMERIC or set(names[middle + 1 :]) - NUMERIC:
        return None
    heads, tails = numbers[: len(before)], numbers[len(numbers) - len(after) :]
    if not _packed(reading, line, heads, tails):
        return None
    start = heads[-1].end if heads else line.start
    description = text_value(reading, start, tails[0].start if tails else line.end)
    if description is None or not re.search(r"[^\W\d_]{2}", str(description.value)):
        return None
    item = {"description": description}
    for concept, amount in zip([*before, *after], [*heads, *tails], strict=True):
        if concept != "skip":
            item[concept] = Found(amount.value, amount.start, amount.end, 0.9)
    return item


def _packed(reading: Reading, line: Line, heads: Sequence[Amount], tails: Sequence[Amount]) -> bool:
    """True when the numbers touch the line's ends with nothing between them but marks."""
    text = reading.page.text
    places = [line.start, *(p for a in heads for p in (a.start, a.end))]
    places += [p for a in tails for p in (a.start, a.end)] if not heads else []
    front = zip(places[::2], places[1::2], strict=False) if heads else ()
    back = [(a.end, b.start) for a, b in pairwise(tails)]
    if tails:
        back.append((tails[-1].end, line.end))
    gaps = [text[a:b] for a, b in [*front, *back]]
    return all(
        len(gap.strip(" \t|x\u00d7@=*%.")) <= 4 and not any(map(str.isdigit, gap)) for gap in gaps
    )


def _number(item: Item, key: str) -> Decimal | None:
    found = item.get(key)
    return found.value if found is not None and isinstance(found.value, Decimal) else None
