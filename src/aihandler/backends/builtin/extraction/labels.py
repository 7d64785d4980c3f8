"""Finds labels (`Invoice no.`, `Gesamtbetrag`, `N° client`) and where their values may stand."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from aihandler.backends.builtin.extraction.page import CELL_BREAK, Page
from aihandler.backends.builtin.extraction.words import LABELS, WEAK

_WORD = re.compile(r"[^\W\d_]+|#|№")
_ACCENTS = str.maketrans("àâäáãçéèêëîïíñôöóùûüúÿœ", "aaaaaceeeeiiinooouuuuyo")
_RATE = re.compile(
    r"(?:[A-Z]\s{1,4})?(?:zzgl|zuzüglich|inkl|incl|plus|including|davon|enthält|dont|add)?"
    r"[.: ]{0,3}"
    r"\d{0,2}(?:[.,]\d{1,2})?\s?%?[: ]{0,3}",
    re.IGNORECASE,
)
_MAX_GAP = 4
_GAP = frozenset(" \t.-_/'\u2019:&()°\xa0")
_STARTERS = frozenset("|\n\r\t,;*•·\u2013#" + CELL_BREAK)


@dataclass(frozen=True, slots=True)
class Label:
    """A label on the page. `anchored`: it begins a line, cell or entry, or a colon follows."""

    concept: str
    phrase: str
    start: int
    end: int
    anchored: bool
    colon: bool

    @property
    def words(self) -> int:
        """How many words it has; more say more."""
        return self.phrase.count(" ") + 1


def folded(text: str) -> str:
    """Lower case without accents, for comparing words."""
    return text.casefold().translate(_ACCENTS)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a phrase, folded; digits and punctuation are dropped."""
    return tuple(_plain(match[0]) for match in _WORD.finditer(text))


Phrases = Mapping[str, Sequence[tuple[tuple[str, ...], str]]]


def phrase_table(entries: Iterable[tuple[str, str]]) -> Phrases:
    """(phrase, concept) pairs by their first word, the longest phrases first."""
    table: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for phrase, concept in entries:
        words = words_of(phrase)
        if words and all(words != known for known, _ in table.get(words[0], ())):
            table.setdefault(words[0], []).append((words, concept))
    for rows in table.values():
        rows.sort(key=lambda row: -len(row[0]))
    return table


@cache
def known_phrases() -> Phrases:
    """The phrases of `words.LABELS`."""
    return phrase_table(
        (phrase, concept) for concept, line in LABELS.items() for phrase in line.split("; ")
    )


@cache
def _weak_phrases() -> frozenset[str]:
    return frozenset(" ".join(words_of(phrase)) for phrase in WEAK)


def find_labels(page: Page, extra: Phrases) -> tuple[Label, ...]:
    """All labels of the page in order, none inside another. `extra` are a schema's own names."""
    text = page.text
    words = [(m.start(), m.end(), _plain(m[0])) for m in _WORD.finditer(text)]
    found, index = [], 0
    known = known_phrases()
    quoted = _quoted(page)
    while index < len(words):
        first = words[index][2]
        match = _longest(text, words, index, known.get(first, ()), extra.get(first, ()))
        if match is None:
            index += 1
            continue
        concept, phrase = match
        label = _label(page, words, index, concept=concept, phrase=phrase)
        if label is None:
            index += 1
            continue
        found.append(label)
        index += len(phrase)
    return tuple(each for each in found if page.line_at(each.start) not in quoted)


def next_anchored(labels: Sequence[Label], position: int, limit: int) -> int:
    """Where the next anchored label after `position` begins, at most `limit`."""
    index = bisect_left(labels, position, key=lambda label: label.start)
    while index < len(labels) and labels[index].start < limit:
        if labels[index].anchored:
            return labels[index].start
        index += 1
    return limit


def _quoted(page: Page) -> frozenset[int]:
    """Lines of an earlier mail, which is another document."""
    return frozenset(
        number
        for number, line in enumerate(page.lines)
        if page.text.startswith(">", line.start) and line.start < line.end
    )


def _plain(word: str) -> str:
    lowered = folded(word)
    # `Nº`, `N°` and `№` all write the same label.
    return {"nº": "n", "№": "n", "ß": "ss"}.get(lowered, lowered)


def _longest(
    text: str,
    words: Sequence[tuple[int, int, str]],
    index: int,
    *tables: Sequence[tuple[tuple[str, ...], str]],
) -> tuple[str, tuple[str, ...]] | None:
    best: tuple[str, tuple[str, ...]] | None = None
    for rows in tables:
        for phrase, concept in rows:
            if best is not None and len(phrase) < len(best[1]):
                break
            if _stands(text, words, index, phrase):
                best = (concept, phrase)
                break
    return best


def _stands(
    text: str, words: Sequence[tuple[int, int, str]], index: int, phrase: tuple[str, ...]
) -> bool:
    if index + len(phrase) > len(words):
        return False
    for offset, word in enumerate(phrase):
        if words[index + offset][2] != word:
            return False
        if offset:
            gap = text[words[index + offset - 1][1] : words[index + offset][0]]
            if len(gap) > _MAX_GAP or "  " in gap or not _GAP.issuperset(gap):
                return False
    return True


def _label(
    page: Page,
    words: Sequence[tuple[int, int, str]],
    index: int,
    *,
    concept: str,
    phrase: tuple[str, ...],
) -> Label | None:
    text = page.text
    start, end = words[index][0], words[index + len(phrase) - 1][1]
    joined = " ".join(phrase)
    # A letter or digit that touches the label makes it part of something longer.
    if start and (text[start - 1].isalnum() or text[start - 1] in "@_"):
        return None
    if text[end : end + 1] in ("@", "_") and text[end : end + 1]:
        return None
    end, colon = _after_marks(text, end)
    begins = _begins(page, start) or (concept == "tax" and _follows_rate(page, start))
    weak = joined in _weak_phrases() or len(joined) < 3
    # `Folio no: 7` is the number of a folio; only a bare `No: 7` is the document's.
    if weak and not (begins or (colon and concept != "document_number")):
        return None
    return Label(concept, joined, start, end, begins or colon, colon)


def _after_marks(text: str, end: int) -> tuple[int, bool]:
    """Passes `.`, `°`, `(EUR)` and the colon behind a label."""
    position = end
    while text[position : position + 1] in (".", "°", "*") and text[position : position + 1]:
        position += 1
    look = position
    while text[look : look + 1] in (" ", "\xa0") and text[look : look + 1]:
        look += 1
    if text[look : look + 1] == "(":
        close = text.find(")", look, look + 30)
        if (
            close > 0
            and "\n" not in text[look:close]
            and not any(map(str.isdigit, text[look:close]))
        ):
            look = close + 1
            while text[look : look + 1] in (" ", "\xa0") and text[look : look + 1]:
                look += 1
    if text[look : look + 1] in (":", "=") and text[look : look + 1]:
        return look + 1, True
    return position, False


def _follows_rate(page: Page, start: int) -> bool:
    """True for the tax in `zzgl. 19 % MwSt.`, whose cell begins with the rate."""
    number, column = page.cell_at(start)
    cell = page.lines[number].cells[column]
    return bool(_RATE.fullmatch(page.text, cell.start, start)) and start - cell.start < 40


def _begins(page: Page, start: int) -> bool:
    text, position = page.text, start
    steps = 0
    while position and text[position - 1] in " \xa0" and steps < 3:
        position, steps = position - 1, steps + 1
    if not position or text[position - 1] in _STARTERS:
        return True
    parted = text[position - 2 : position - 1] in ("", " ", "\n")
    if steps and parted and text[position - 1] in "-/":
        return True
    number, column = page.cell_at(start)
    return page.lines[number].cells[column].start == start
