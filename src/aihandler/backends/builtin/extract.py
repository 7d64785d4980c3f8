"""Fills a JSON Schema from a document by labels, forms and arithmetic; it never invents."""

from collections.abc import Mapping

import msgspec

from aihandler.backends.builtin.extraction.fill import Answers, filled_items, json_value
from aihandler.backends.builtin.extraction.page import Page, read_page
from aihandler.backends.builtin.extraction.reading import Found
from aihandler.backends.builtin.extraction.wishes import Wish, read_wishes
from aihandler.domain.task import Json

# Part of the model's identity: raise it when the same document may be answered differently.
VERSION = "extract-1"

# A required value that is missing makes the answer invalid, however sure the rest is.
_MISSING = 0.2


class Extraction(msgspec.Struct, frozen=True):
    """What was found: `value` follows the schema, with every value that was not found left out.

    `confidence` is that of the least sure value (None: nothing found); `found` maps the JSON
    pointer of each value to its span in the text.
    """

    value: dict[str, Json]
    confidence: float | None
    found: Mapping[str, tuple[int, int]] = {}


def extract(text: str, schema: Mapping[str, Json]) -> Extraction:
    """Reads the first 200,000 characters of text or HTML. Raises nothing, whatever it is given."""
    wishes = read_wishes(schema)
    if not wishes or not text.strip():
        return Extraction({}, None)
    page = read_page(text)
    answers = Answers(page, wishes)
    value: dict[str, Json] = {}
    places: dict[str, Found] = {}
    for wish in wishes:
        filled, where = _filled(answers, wish)
        if filled is not None:
            _put(value, wish.path, filled)
            places |= where
    return Extraction(value, _confidence(schema, value, places), _spans(page, places))


def _filled(answers: Answers, wish: Wish) -> tuple[Json, dict[str, Found]]:
    if wish.concept == "lines":
        rows, places = filled_items(answers.items, wish)
        return rows or None, places
    found = answers.leaf(wish)
    if found is None:
        return None, {}
    return json_value(found, wish), {wish.pointer: found}


def _put(value: dict[str, Json], path: tuple[str, ...], filled: Json) -> None:
    for key in path[:-1]:
        value = value.setdefault(key, {})
    value[path[-1]] = filled


def _confidence(
    schema: Mapping[str, Json], value: Mapping[str, Json], places: Mapping[str, Found]
) -> float | None:
    if not places:
        return None
    least = min(found.confidence for found in places.values())
    required = schema.get("required")
    missing = isinstance(required, list) and any(
        isinstance(key, str) and key not in value for key in required
    )
    return round(least * _MISSING if missing else least, 4)


def _spans(page: Page, places: Mapping[str, Found]) -> dict[str, tuple[int, int]]:
    return {key: page.source_span(found.start, found.end) for key, found in places.items()}
