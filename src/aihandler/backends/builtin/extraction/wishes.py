"""Reads a JSON Schema as a list of wishes: which value, of which type, to be put where."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from aihandler.backends.builtin.extraction.labels import folded, words_of
from aihandler.backends.builtin.extraction.words import LABELS, PROPERTIES, SCOPED
from aihandler.domain.task import Json

# A schema deeper or wider than this is not a document's; what lies beyond is left out.
_MAX_DEPTH = 6
_MAX_WISHES = 300
# References multiply, also those that lead to no wish at all.
_MAX_LOOKED_AT = 5_000
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ITEM_CONCEPTS = (
    "quantity", "description", "unit_price", "amount", "unit", "sku", "tax_rate", "position",
)  # fmt: skip
_SPECIFIC = ("total", "due", "net", "tax", "shipping", "discount", "paid")


@dataclass(frozen=True, slots=True)
class Wish:
    """A value that the schema asks for.

    `concept` is a word of `words.PROPERTIES`, or empty when only the property's own name is
    known (`names`, as phrases). `items` are the wishes of one line item.
    """

    path: tuple[str, ...]
    concept: str
    kind: str
    schema: Mapping[str, Json]
    names: tuple[str, ...] = ()
    items: tuple["Wish", ...] = ()

    @property
    def pointer(self) -> str:
        """Where the value goes, as a JSON pointer."""
        return pointer_of(self.path)


def pointer_of(path: tuple[str, ...]) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def read_wishes(schema: Mapping[str, Json]) -> tuple[Wish, ...]:
    """All leaves and item lists of an object schema; nothing for any other schema."""
    reader = _Reader(schema)
    wishes = []
    for wish in reader.wishes(schema, (), "", 0):
        wishes.append(wish)
        if len(wishes) == _MAX_WISHES:
            break
    return tuple(wishes)


class _Reader:
    """Walks a schema; `root` is where its references lead."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._looked_at = 0

    def wishes(self, schema: Json, path: tuple[str, ...], scope: str, depth: int) -> Iterator[Wish]:
        properties = self._resolved(schema).get("properties")
        if not isinstance(properties, Mapping) or depth > _MAX_DEPTH:
            return
        for name, raw in properties.items():
            self._looked_at += 1
            if self._looked_at > _MAX_LOOKED_AT:
                return
            if isinstance(name, str):
                yield from self._wish(self._resolved(raw), (*path, name), scope, depth)

    def _wish(
        self, schema: Mapping[str, Json], path: tuple[str, ...], scope: str, depth: int
    ) -> Iterator[Wish]:
        kind = _kind(schema)
        concept = _concept(path[-1], schema, scope)
        if kind == "object":
            inner = concept or _scope_of(path[-1])
            yield from self.wishes(schema, path, inner, depth + 1)
        elif kind == "array":
            items = self._items(schema)
            if concept == "lines" or len({w.concept for w in items if w.concept}) >= 2:
                yield Wish(path, "lines", kind, schema, items=items)
        elif concept != "lines":
            yield Wish(path, concept, kind, schema, names=_names(path[-1], schema))

    def _items(self, schema: Mapping[str, Json]) -> tuple[Wish, ...]:
        properties = self._resolved(schema.get("items")).get("properties")
        if not isinstance(properties, Mapping):
            return ()
        found = []
        for name, raw in list(properties.items())[:_MAX_WISHES]:
            if isinstance(name, str):
                inner = self._resolved(raw)
                concept = _item_concept(name, inner)
                found.append(Wish((name,), concept, _kind(inner), inner))
        return tuple(found)

    def _resolved(self, schema: Json, steps: int = 0) -> Mapping[str, Json]:
        """The schema behind references and `null` alternatives."""
        if not isinstance(schema, Mapping) or steps > _MAX_DEPTH:
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            return self._resolved(self._at(reference), steps + 1)
        for word in ("anyOf", "oneOf", "allOf"):
            options = schema.get(word)
            if isinstance(options, list) and "properties" not in schema and "type" not in schema:
                kept = [o for o in options if isinstance(o, Mapping) and o.get("type") != "null"]
                if kept:
                    return {**self._resolved(kept[0], steps + 1), **_notes(schema)}
        return schema

    def _at(self, reference: str) -> Json:
        place = self._root
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            place = place.get(key) if isinstance(place, Mapping) else None
        return place


def _notes(schema: Mapping[str, Json]) -> dict[str, Json]:
    return {key: schema[key] for key in ("title", "description") if key in schema}


def _kind(schema: Mapping[str, Json]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if isinstance(k, str) and k != "null"), None)
    if isinstance(kind, str):
        return kind
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _phrase(name: str) -> str:
    spaced = _CAMEL.sub(" ", name).replace("_", " ").replace("-", " ").replace(".", " ")
    return " ".join(words_of(spaced))


def _names(name: str, schema: Mapping[str, Json]) -> tuple[str, ...]:
    title = schema.get("title")
    phrases = [_phrase(name), _phrase(title) if isinstance(title, str) else ""]
    return tuple(dict.fromkeys(phrase for phrase in phrases if len(phrase) > 2))


@cache
def _properties() -> Mapping[str, str]:
    """Every phrase that names a property, with its concept; a schema's words go before labels."""
    table: dict[str, str] = {}
    for source in (PROPERTIES, LABELS):
        for concept, line in source.items():
            if source is PROPERTIES and concept in _ITEM_CONCEPTS and concept != "tax_rate":
                continue
            if concept.startswith("skip_") or concept.endswith("_title"):
                continue
            for phrase in line.split("; "):
                table.setdefault(" ".join(words_of(phrase)), concept)
    return table


@cache
def _item_properties() -> Mapping[str, str]:
    return {
        " ".join(words_of(phrase)): concept
        for concept in _ITEM_CONCEPTS
        for phrase in PROPERTIES[concept].split("; ")
    }


def _concept(name: str, schema: Mapping[str, Json], scope: str) -> str:
    scoped = _scoped(_phrase(name), scope)
    if scoped is not None:
        return scoped
    described = schema.get("description")
    title = schema.get("title")
    texts = [name, title, described]
    for text in texts:
        if isinstance(text, str):
            found = _lookup(_phrase(text[:200]))
            if found:
                return found
    if isinstance(described, str):
        return _described(described[:200])
    if schema.get("format") == "email":
        return "email"
    return ""


def _scoped(phrase: str, scope: str) -> str | None:
    """What a property means inside a named object; None where the object does not matter."""
    if scope in _SPECIFIC and phrase in {"amount", "value"}:
        return scope
    inner = SCOPED.get(scope)
    if inner is None:
        return None
    if phrase in inner:
        return inner[phrase]
    known = _lookup(phrase)
    # Inside a party, a date or a sum of the whole document has no place; a bank code has.
    return known if known in {"iban", "bic", "website", "currency"} or scope == "invoice" else ""


def _scope_of(name: str) -> str:
    phrase = _phrase(name)
    for scope in SCOPED:
        if phrase == scope or _lookup(phrase) == scope:
            return scope
    return ""


def _lookup(phrase: str) -> str:
    table = _properties()
    if phrase in table:
        return table[phrase]
    words = phrase.split()
    # `document_total_amount`, `invoice_currency`, `total_eur`: the frame says nothing more.
    for trimmed in (words[1:] if words[:1] in (["invoice"], ["document"], ["bill"]) else [],
                    words[:-1] if words[-1:] in (["eur"], ["usd"], ["value"]) else []):  # fmt: skip
        if trimmed and " ".join(trimmed) in table:
            return table[" ".join(trimmed)]
    return ""


def _described(text: str) -> str:
    """The concept whose longest phrase stands in a description."""
    words = [folded(word) for word in words_of(text)]
    best, length = "", 1
    table = _properties()
    for start in range(len(words)):
        for size in range(4, length, -1):
            concept = table.get(" ".join(words[start : start + size]))
            if concept and start + size <= len(words):
                best, length = concept, size
                break
    return best


def _item_concept(name: str, schema: Mapping[str, Json]) -> str:
    table = _item_properties()
    for text in (name, schema.get("title")):
        if isinstance(text, str):
            phrase = _phrase(text)
            stripped = re.sub(r"^(?:item|line|product) | (?:eur|usd|net)$", "", phrase)
            for each in (phrase, stripped):
                if each in table:
                    return table[each]
    return ""
