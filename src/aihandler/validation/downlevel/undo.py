"""The way back: from an answer as the sent schema wants it to one as the task's schema means it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.domain.task import Json
from aihandler.validation.downlevel.pointers import at_pointer, step
from aihandler.validation.downlevel.vocabulary import equal, is_kind, type_of
from aihandler.validation.strict import NotJson, parse

KEY, VALUE = "key", "value"


class Changes(msgspec.Struct, frozen=True):
    """What was done to the shape of the values, by pointers into the sent schema.

    absent: keys of an object that are optional in truth and say null instead.
    entries: arrays of keys and values that are objects in truth.
    texts: strings that hold the JSON of an object or an array, by its type.
    wrapper: the only key of the object around the answer.
    """

    absent: Mapping[str, tuple[str, ...]] = {}
    entries: tuple[str, ...] = ()
    texts: Mapping[str, str] = {}
    wrapper: str = ""


def undo(value: Json, sent: Json, changes: Changes) -> Json:
    """The value as it was meant. Changes nothing in place."""
    where = ""
    if changes.wrapper:
        if not isinstance(value, dict) or set(value) != {changes.wrapper}:
            return value
        value = value[changes.wrapper]
        where = f"/properties{step(changes.wrapper)}"
    if not (changes.absent or changes.entries or changes.texts):
        return value
    return _Undoing(sent, changes).undone(value, where)


class _Undoing:
    def __init__(self, sent: Json, changes: Changes) -> None:
        self._sent = sent
        self._changes = changes
        # Alternatives within alternatives would look at one value again and again.
        self._known: dict[tuple[int, str], bool] = {}

    def undone(self, value: Json, where: str) -> Json:
        where, node = self._lead(where)
        branches = node.get("anyOf")
        if branches is not None:
            return self._of_branch(value, where, branches)
        if isinstance(value, dict):
            return self._object(value, where, node)
        if isinstance(value, list):
            if where in self._changes.entries:
                return self._from_entries(value, where)
            return self._array(value, where, node)
        if isinstance(value, str) and where in self._changes.texts:
            return _from_text(value, self._changes.texts[where])
        return value

    def _lead(self, where: str) -> tuple[str, dict[str, Any]]:
        node = at_pointer(self._sent, where)
        while "$ref" in node:
            where = node["$ref"].removeprefix("#")
            node = at_pointer(self._sent, where)
        return where, node

    def _of_branch(self, value: Json, where: str, branches: list[Json]) -> Json:
        for index in range(len(branches)):
            place = f"{where}/anyOf/{index}"
            if len(branches) == 1 or self._fits(value, place):
                return self.undone(value, place)
        return value

    def _object(self, value: dict[str, Json], where: str, node: dict[str, Any]) -> Json:
        absent = self._changes.absent.get(where, ())
        named = node.get("properties", {})
        others = node.get("additionalProperties")
        found = {}
        for key, part in value.items():
            if part is None and key in absent:
                continue
            if key in named:
                found[key] = self.undone(part, f"{where}/properties{step(key)}")
            elif isinstance(others, dict):
                found[key] = self.undone(part, f"{where}/additionalProperties")
            else:
                found[key] = part
        return found

    def _array(self, value: list[Json], where: str, node: dict[str, Any]) -> Json:
        first = len(node.get("prefixItems", ()))
        found = []
        for index, part in enumerate(value):
            if index < first:
                found.append(self.undone(part, f"{where}/prefixItems/{index}"))
            elif isinstance(node.get("items"), dict):
                found.append(self.undone(part, f"{where}/items"))
            else:
                found.append(part)
        return found

    def _from_entries(self, value: list[Json], where: str) -> Json:
        found: dict[str, Json] = {}
        for entry in value:
            if not isinstance(entry, dict) or set(entry) != {KEY, VALUE}:
                return value
            key = entry[KEY]
            # A key that stands there twice would lose one of its values.
            if not isinstance(key, str) or key in found:
                return value
            found[key] = self.undone(entry[VALUE], f"{where}/items/properties/{VALUE}")
        return found

    def _fits(self, value: Json, where: str) -> bool:
        """Whether the value has the shape of a part of the sent schema; limits do not count."""
        seen = (id(value), where)
        if seen not in self._known:
            self._known[seen] = self._has_shape(value, where)
        return self._known[seen]

    def _has_shape(self, value: Json, where: str) -> bool:
        where, node = self._lead(where)
        if value is None and node.get("nullable"):
            return True
        if "anyOf" in node:
            return any(self._fits(value, f"{where}/anyOf/{n}") for n in range(len(node["anyOf"])))
        if not _is_of_type(value, node.get("type")) or not _is_listed(value, node):
            return False
        if isinstance(value, dict):
            return self._fits_object(value, where, node)
        if isinstance(value, list) and isinstance(node.get("items"), dict):
            rest = value[len(node.get("prefixItems", ())) :]
            return all(self._fits(part, f"{where}/items") for part in rest)
        return True

    def _fits_object(self, value: dict[str, Json], where: str, node: dict[str, Any]) -> bool:
        named = node.get("properties", {})
        if not set(node.get("required", ())) <= set(value):
            return False
        if node.get("additionalProperties") is False and not set(value) <= set(named):
            return False
        return all(
            self._fits(part, f"{where}/properties{step(key)}")
            for key, part in value.items()
            if key in named
        )


def _from_text(text: str, kind: str) -> Json:
    # Where an object or an array is meant no string is valid, so nothing is mistaken for another.
    try:
        value = parse(text)
    except NotJson:
        return text
    return value if type_of(value) == kind else text


def _is_listed(value: Json, node: dict[str, Any]) -> bool:
    if "const" in node:
        return equal(value, node["const"])
    return "enum" not in node or any(equal(value, each) for each in node["enum"])


def _is_of_type(value: Json, wanted: Json) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, list):
        return any(_is_of_type(value, each) for each in wanted)
    return is_kind(value, wanted)
