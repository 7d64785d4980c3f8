"""How a document states its class: under several names, in several places; the highest counts."""

import re
from collections.abc import Iterable

from aihandler.domain.labels import DataClass
from aihandler.workflow.readers.reading import parse_class

_NAME = re.compile(r"(?:x[-_ ])?(?:data[-_ ]?)?class", re.IGNORECASE)
_FIRST_LINE = re.compile(
    r"\s*(?P<marks>[*_#> ]*)(?:x-)?(?:data[-_ ]?)?class(?P<more>[*_ \t]*):[*_ \t]*"
    r"(?P<word>\w+)(?P<rest>[^\r\n]*)(?:\r\n|\r|\n|\Z)",
    re.IGNORECASE,
)


def is_class_name(name: str) -> bool:
    """True for `class`, `data-class`, `Data_Class`, `X-Data-Class` and the like."""
    return _NAME.fullmatch(name.strip()) is not None


def highest_class(words: Iterable[str | None]) -> DataClass | None:
    """The highest of all classes that are stated, each of which must be one."""
    return max((c for c in map(parse_class, words) if c is not None), default=None)


def raised(own: DataClass | None, others: Iterable[DataClass | None]) -> DataClass | None:
    """`own`, unless a part of the document states a higher class: a part never lowers the whole."""
    highest = max((c for c in others if c is not None), default=None)
    if highest is None or highest <= (own or DataClass.INTERNAL):
        return own
    return highest


def split_class_line(text: str) -> tuple[DataClass | None, str]:
    """Takes a first line `Class: confidential` off a text.

    A line that says more than that stays where it is: it may raise the class and never lowers it.
    """
    match = _FIRST_LINE.match(text)
    if match is None:
        return None, text
    if match["marks"].strip() or match["more"].strip() or match["rest"].strip():
        return raised(None, [_known(match["word"])]), text
    return parse_class(match["word"]), text[match.end() :]


def class_in_passing(text: str) -> DataClass | None:
    """The class that a first line states in a text that need not state one."""
    match = _FIRST_LINE.match(text)
    return None if match is None else _known(match["word"])


def _known(word: str) -> DataClass | None:
    known = {c.value: c for c in DataClass}
    return known.get(word.lower())
