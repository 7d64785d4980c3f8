"""Answers wishes from a reading, and writes each value as the JSON that was asked for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from aihandler.backends.builtin.extraction.contacts import CONTACTS, choose_contact
from aihandler.backends.builtin.extraction.dating import DATES, choose_date, generic_date
from aihandler.backends.builtin.extraction.items import Item, line_sum, read_table
from aihandler.backends.builtin.extraction.labels import Label, folded, phrase_table
from aihandler.backends.builtin.extraction.numbering import SOURCES, choose_number
from aihandler.backends.builtin.extraction.page import Page
from aihandler.backends.builtin.extraction.parties import PARTIES, choose_party
from aihandler.backends.builtin.extraction.reading import Found, Reading, agreed
from aihandler.backends.builtin.extraction.rows import read_rows
from aihandler.backends.builtin.extraction.totals import (
    MONEY,
    Sums,
    choose_sum,
    line_sums,
    read_sums,
    sum_currency,
    sum_rate,
)
from aihandler.backends.builtin.extraction.wishes import Wish, pointer_of
from aihandler.domain.task import Json

_MAX_TEXT = 120
_YES = frozenset(["yes", "y", "true", "ja", "oui", "wahr", "vrai", "x"])
_NO = frozenset(["no", "n", "false", "nein", "non", "falsch", "faux"])


class Answers:
    """What the document says to each wish."""

    def __init__(self, page: Page, wishes: Sequence[Wish]) -> None:
        own = [(name, f"@{w.pointer}") for w in wishes if not _known(w) for name in w.names]
        self._reading = Reading(page, phrase_table(own))
        table = read_table(self._reading)
        self._reading.item_lines = table.lines
        self.items: tuple[Item, ...] = table.items
        self._sums = self._read_sums()

    def leaf(self, wish: Wish) -> Found | None:
        """The value for one wish that is no list."""
        options = wish.schema.get("enum")
        if isinstance(options, list) and wish.concept != "currency":
            return self._option(wish, [o for o in options if isinstance(o, str)])
        if not _known(wish):
            return self._generic(wish)
        return self._concept(wish.concept)

    def _concept(self, concept: str) -> Found | None:
        if concept in MONEY:
            return choose_sum(self._sums, concept)
        if concept in DATES:
            return choose_date(self._reading, concept)
        if concept in SOURCES:
            return choose_number(self._reading, concept)
        if concept in PARTIES:
            return choose_party(self._reading, concept)
        if concept in CONTACTS:
            return choose_contact(self._reading, concept)
        if concept == "currency":
            return sum_currency(self._reading, self._sums)
        return sum_rate(self._reading) if concept == "tax_rate" else None

    def _read_sums(self) -> Sums:
        sums = read_sums(self._reading, line_sum(self.items))
        if not self.items:
            self.items = read_rows(self._reading, line_sums(sums))
            sums = Sums(sums.by_concept, line_sum(self.items))
        return sums

    def _option(self, wish: Wish, options: Sequence[str]) -> Found | None:
        """The only option whose words stand in the text; beside its label, where it has one."""
        text = self._reading.page.text
        for label in self._reading.labelled(f"@{wish.pointer}"):
            region = self._reading.beside(label)
            beside = agreed(_options_in(text[: region[1]], options, region[0])) if region else None
            if beside is not None:
                return Found(beside.value, beside.start, beside.end, 0.95)
        return agreed(_options_in(text, options, self._reading.page.body_start))

    def _generic(self, wish: Wish) -> Found | None:
        concept = f"@{wish.pointer}"
        if wish.schema.get("format") == "date":
            return generic_date(self._reading, concept)
        found = [self._beside(wish.kind, label) for label in self._reading.labelled(concept)]
        return agreed(each for each in found if each is not None)

    def _beside(self, kind: str, label: Label) -> Found | None:
        reading = self._reading
        region = reading.beside(label)
        if region is None or not (label.colon or self._same_line(label, region)):
            return None
        if kind in {"number", "integer"}:
            amounts = [a for a in reading.amounts_in(*region) if a.clean]
            if len(amounts) != 1 or amounts[0].start > region[0] + 1:
                return None
            return Found(amounts[0].value, amounts[0].start, amounts[0].end, 0.9)
        content = reading.page.text[region[0] : region[1]]
        if kind == "boolean":
            return _truth(content, region)
        return Found(content, *region, 0.85) if 0 < len(content) <= _MAX_TEXT else None

    def _same_line(self, label: Label, region: tuple[int, int]) -> bool:
        line, column = self._reading.page.cell_at(label.start)
        return self._reading.page.cell_at(region[0]) == (line, column + 1)


def json_value(found: Found, wish: Wish) -> Json:
    """The value as the wish's type, exactly; None when it cannot be or the schema forbids it."""
    match found.value:
        case bool():
            value: Json = found.value if wish.kind == "boolean" else None
        case Decimal():
            value = _number(_unsigned(found.value, wish), wish.kind)
        case _:
            value = _text(found.value, wish)
    return value if value is not None and _admitted(value, wish.schema) else None


def filled_items(items: Sequence[Item], wish: Wish) -> tuple[list[Json], dict[str, Found]]:
    """Line items as JSON objects, and the place of every value by pointer."""
    rows: list[Json] = []
    places: dict[str, Found] = {}
    for item in items:
        row: dict[str, Json] = {}
        for inner in wish.items:
            found = item.get(inner.concept)
            value = None if found is None else json_value(found, inner)
            if found is not None and value is not None:
                row[inner.path[0]] = value
                places[pointer_of((*wish.path, str(len(rows)), inner.path[0]))] = found
        if row:
            rows.append(row)
    return rows, places


def _known(wish: Wish) -> bool:
    concept = wish.concept
    known = (*MONEY, *DATES, *SOURCES, *PARTIES, *CONTACTS, "currency", "tax_rate", "lines")
    # A yes or no is never one of those, whatever its name.
    return concept in known and wish.kind != "boolean"


def _options_in(text: str, options: Sequence[str], begin: int) -> Iterator[Found]:
    lowered = folded(text)
    # Folding keeps the length of almost every text; where it does not, places are unknown.
    if len(lowered) != len(text):
        return
    for option in options[:200]:
        words = folded(option.strip()).replace("_", " ").replace("-", " ").split()
        if not words or len("".join(words)) < 3:
            continue
        pattern = r"[ _-]".join(map(re.escape, words))
        match = re.compile(rf"(?<!\w){pattern}(?!\w)").search(lowered, begin)
        if match:
            yield Found(option, match.start(), match.end(), 0.75)


def _truth(content: str, region: tuple[int, int]) -> Found | None:
    word = folded(content.strip(" .!"))
    if word not in _YES | _NO:
        return None
    return Found(word in _YES, *region, 0.95)


def _unsigned(value: Decimal, wish: Wish) -> Decimal:
    """A discount without its minus, where the schema wants none."""
    least = wish.schema.get("minimum")
    positive = isinstance(least, int | float) and least >= 0
    return abs(value) if positive and wish.concept == "discount" else value


def _number(value: Decimal, kind: str) -> Json:
    if kind == "string":
        return format(value, "f")
    if value == value.to_integral_value() and (kind == "integer" or value.as_tuple().exponent == 0):
        return int(value)
    if kind != "number":
        return None
    number = float(value)
    # More digits than a float holds would be another number.
    return number if Decimal(repr(number)) == value else None


def _text(value: str, wish: Wish) -> Json:
    if not value:
        return None
    options = wish.schema.get("enum")
    if isinstance(options, list):
        return next((o for o in options if isinstance(o, str) and folded(o) == folded(value)), None)
    if wish.kind == "integer":
        # A leading zero is part of a number that is a name.
        whole = value.isascii() and value.isdigit() and not value.startswith("0")
        return int(value) if whole and len(value) <= 15 else None
    return value if wish.kind == "string" else None


def _admitted(value: Json, schema: Mapping[str, Json]) -> bool:
    """False when a simple keyword forbids the value; `pattern` is left to validation."""
    if "const" in schema and schema["const"] != value:
        return False
    if isinstance(value, str):
        least, most = schema.get("minLength"), schema.get("maxLength")
        size = len(value)
    elif isinstance(value, bool):
        return True
    else:
        least, most = schema.get("minimum"), schema.get("maximum")
        size = value
    above = not isinstance(least, int | float) or size >= least
    return above and (not isinstance(most, int | float) or size <= most)
