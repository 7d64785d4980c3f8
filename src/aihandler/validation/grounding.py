"""Checks that values stand in the source: valid JSON with invented values is common."""

from collections.abc import Iterator, Mapping

import msgspec

from aihandler.domain.task import Json
from aihandler.validation.source import Source
from aihandler.validation.verdict import Problem, pointer

MAX_PROBLEMS = 32
_MAX_REFERENCES = 16

_Path = tuple[str | int, ...]


class _Leaf(msgspec.Struct, frozen=True):
    path: _Path
    value: str | int | float | bool
    # Named by its own pointer, and not found below one.
    listed: bool


class Grounding:
    """The places of a value that must stand in the source, as `JsonOutput.grounded` lists them.

    Null and empty text need no ground. Booleans, and values that the schema picks from a list,
    are judgements and need one only where a pointer names just them.
    """

    def __init__(self, pointers: tuple[str, ...], schema: Json) -> None:
        self._places = tuple(_parts(text) for text in pointers)
        self._schema = schema

    def problems(self, value: Json, source: str) -> tuple[Problem, ...]:
        """One problem for each value that is not in `source`."""
        if not self._places:
            return ()
        prepared = Source(source)
        found: dict[str, Problem] = {}
        for leaf in self._leaves(value):
            if len(found) >= MAX_PROBLEMS:
                break
            if not self._stands(leaf, prepared):
                place = pointer(leaf.path)
                found[place] = Problem(place, "is not in the source", "grounding")
        return tuple(found.values())

    def _leaves(self, value: Json) -> Iterator[_Leaf]:
        for place in self._places:
            for path, part in _reached(value, place, ()):
                yield from _below(part, path, listed=bool(place))

    def _stands(self, leaf: _Leaf, source: Source) -> bool:
        if not leaf.listed and (isinstance(leaf.value, bool) or self._is_choice(leaf.path)):
            return True
        if isinstance(leaf.value, bool):
            return source.holds_boolean(leaf.value)
        if isinstance(leaf.value, str):
            return source.holds_text(leaf.value)
        return source.holds_number(leaf.value)

    def _is_choice(self, path: _Path) -> bool:
        parts = [self._schema]
        for step in path:
            parts = [below for part in parts for below in self._into(part, step)]
        return any("enum" in part or "const" in part for p in parts for part in self._forms(p))

    def _into(self, schema: Json, step: str | int) -> Iterator[Json]:
        for form in self._forms(schema):
            if isinstance(step, int):
                yield form.get("items")
            elif isinstance(named := form.get("properties"), Mapping):
                yield named.get(step)

    def _forms(self, schema: Json) -> Iterator[Mapping[str, Json]]:
        """A schema and all that it refers to or is composed of."""
        waiting, seen = [schema], 0
        while waiting and seen < _MAX_REFERENCES:
            form = waiting.pop()
            if not isinstance(form, Mapping):
                continue
            seen += 1
            yield form
            for word in ("anyOf", "oneOf", "allOf"):
                waiting.extend(form.get(word, ()))
            reference = form.get("$ref")
            if isinstance(reference, str) and reference.startswith("#"):
                waiting.append(_referred(self._schema, reference))


def _parts(text: str) -> tuple[str, ...]:
    if text in {"", "/"}:
        return ()
    steps = text.removeprefix("/").split("/")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def _reached(value: Json, place: tuple[str, ...], path: _Path) -> Iterator[tuple[_Path, Json]]:
    if not place:
        yield path, value
        return
    step, rest = place[0], place[1:]
    if isinstance(value, list):
        for index, item in enumerate(value):
            if step in {"*", str(index)}:
                yield from _reached(item, rest, (*path, index))
    elif isinstance(value, Mapping) and step in value:
        yield from _reached(value[step], rest, (*path, step))


def _below(value: Json, path: _Path, *, listed: bool) -> Iterator[_Leaf]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _below(part, (*path, key), listed=False)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(item, (*path, index), listed=False)
    elif value is not None and value != "":
        yield _Leaf(path, value, listed)


def _referred(schema: Json, reference: str) -> Json:
    for step in _parts(reference.removeprefix("#")):
        schema = schema.get(step) if isinstance(schema, Mapping) else None
    return schema
