"""Walks through a schema and says each part of it in the words of a subset."""

import re
from collections.abc import Iterator
from typing import Any

from aihandler.domain.task import Json
from aihandler.validation.downlevel import unions
from aihandler.validation.downlevel.holders import array, map_of, object_of, text_of
from aihandler.validation.downlevel.leaf import said, words
from aihandler.validation.downlevel.merge import Lost, merged
from aihandler.validation.downlevel.pointers import referred
from aihandler.validation.downlevel.record import MAX_PARTS, Record, refuse_any, shown
from aihandler.validation.downlevel.refusal import Empty, NotSayable
from aihandler.validation.downlevel.subsets import Subset
from aihandler.validation.downlevel.vocabulary import limits, of_kind, typed

_Node = dict[str, Any]
# References that are being written out around the part at hand.
_Within = tuple[str, ...]


class Rewriter:
    """One schema on its way into one subset. NotSayable when it does not fit."""

    def __init__(self, root: Json, subset: Subset, *, most: int = MAX_PARTS) -> None:
        self.subset = subset
        self.record = Record(subset, most=most)
        self.definitions: dict[str, _Node] = {}
        self._root = root
        self._names: dict[str, str] = {}
        self._open: set[str] = set()

    def root(self) -> _Node:
        """The whole schema, without the definitions that it turns out to need."""
        found = self.visit(self._root, "", (), whole=True)
        _end_somewhere(self.definitions)
        return found

    def visit(self, schema: Json, at: str, within: _Within, *, whole: bool = False) -> _Node:
        """One part. `whole` writes out a reference even where one could be sent."""
        self.record.part()
        if schema is False:
            raise Empty(f"{shown(at)} admits no value")
        node = {} if schema is True else schema
        if not isinstance(node, dict):
            raise NotSayable(f"{shown(at)} is no schema")
        node, within = self._flat(node, at, within, whole=whole)
        if "$ref" in node:
            return self._reference(node, at)
        branches = unions.branches_of(node, at, self)
        if branches is not None:
            return self._union(node, branches, within)
        return self._one_kind(typed(node), at, within)

    def _one_kind(self, node: _Node, at: str, within: _Within) -> _Node:
        kinds = node.get("type")
        if kinds is None:
            return self._untyped(node, at)
        if isinstance(kinds, list):
            return self._kinds(node, kinds, at, within)
        node = of_kind(node, kinds)
        match kinds:
            case "object":
                return self._object(node, at, within)
            case "array":
                return array(node, at, within, self)
            case "string" | "number" | "integer" | "boolean" | "null":
                return {"type": kinds, **said(node, kinds, at, self.record)}
        raise NotSayable(f"the type {kinds!r} at {shown(at)} is none of JSON Schema")

    def _object(self, node: _Node, at: str, within: _Within) -> _Node:
        rest = node.get("additionalProperties", True)
        if node.get("properties") or node.get("required") or self.subset.free_form:
            return object_of(node, at, within, self)
        if isinstance(rest, dict) and rest:
            return map_of(node, at, within, self)
        if rest is False and self.subset.closed:
            return object_of(node, at, within, self)
        return text_of(node, "object", at, self)

    def _untyped(self, node: _Node, at: str) -> _Node:
        if not self.subset.untyped:
            refuse_any(at)
        return said(node, "", at, self.record)

    def _kinds(self, node: _Node, kinds: list[str], at: str, within: _Within) -> _Node:
        whole = {"object", "array"} & set(kinds)
        if len(kinds) == 1:
            return self._one_kind({**node, "type": kinds[0]}, at, within)
        # A server that takes lists of types takes them for plain values.
        if self.subset.type_lists and not whole:
            limiting = next(
                kind for kind in ("string", "number", "integer", *kinds) if kind in kinds
            )
            if all(kind in {limiting, "null"} for kind in kinds):
                return {**said(node, limiting, at, self.record), "type": kinds}
        return self._union(node, unions.by_kind(node, kinds, at), within)

    def _union(self, node: _Node, branches: list[unions.Branch], within: _Within) -> _Node:
        if len(branches) > 1:
            return unions.union(node, branches, within, self)
        ((at, branch),) = branches
        return self.visit({**_for_people(node), **branch}, at, within)

    def _flat(self, node: _Node, at: str, within: _Within, *, whole: bool) -> tuple[_Node, _Within]:
        """Without `allOf`, and without a reference unless it stands alone and may be sent."""
        while "$ref" in node or "allOf" in node:
            if "allOf" not in node:
                rest = {key: part for key, part in node.items() if key != "$ref"}
                if not whole and self._may_stay(node["$ref"], rest, at, within):
                    return {"$ref": node["$ref"], **_for_people(rest)}, within
                node, within = self._written_out(node["$ref"], rest, at, within)
                continue
            parts = node["allOf"]
            node = {key: part for key, part in node.items() if key != "allOf"}
            if len(parts) == 1 and "$ref" in parts[0] and not limits(node):
                node = {**parts[0], **node}
                continue
            for index, part in enumerate(parts):
                flat, within = self._conjunct(part, f"{at}/allOf/{index}", within)
                node = self.both(node, flat, at)
        return node, within

    def _may_stay(self, reference: Json, rest: _Node, at: str, within: _Within) -> bool:
        if "$ref" not in self.subset.keywords:
            return False
        if limits(rest) and reference in within:
            # Written out with its limits it would never end.
            for keyword in sorted(limits(rest)):
                self.record.drop(at, keyword)
            return True
        return not limits(rest)

    def _written_out(
        self, reference: Json, rest: _Node, at: str, within: _Within
    ) -> tuple[_Node, _Within]:
        target = referred(self._root, reference, at)
        if reference in within:
            raise NotSayable(f"the reference {reference!r} at {shown(at)} leads to itself")
        if target is False:
            raise Empty(f"{shown(at)} admits no value")
        return self.both(rest, {} if target is True else target, at), (*within, reference)

    def _conjunct(self, part: Json, at: str, within: _Within) -> tuple[_Node, _Within]:
        if part is False:
            raise Empty(f"{shown(at)} admits no value")
        return self._flat({} if part is True else part, at, within, whole=True)

    def both(self, first: _Node, second: _Node, at: str) -> _Node:
        """Two parts that hold at once; what cannot be said together is recorded as dropped."""
        lost: Lost = []
        found = merged(first, second, lost)
        for below, keyword in lost:
            self.record.drop(at + below, keyword)
        return found

    def _reference(self, node: _Node, at: str) -> _Node:
        pointer = {"$ref": f"#/$defs/{self._defined(node['$ref'], at)}"}
        around = words(node, [], self.subset)
        if not around or self.subset.ref_siblings:
            return pointer | around
        # The words are about this use of the definition: worth a union of one.
        return {"anyOf": [pointer], **around}

    def _defined(self, reference: Json, at: str) -> str:
        if reference in self._open and not self.subset.recursion:
            raise NotSayable(f"the reference {reference!r} at {shown(at)} leads to itself")
        if reference in self._names:
            return self._names[reference]
        target = referred(self._root, reference, at)
        name = self._names[reference] = self._free_name(reference)
        self._open.add(reference)
        try:
            self.definitions[name] = self.visit(target, reference.removeprefix("#"), (reference,))
        except Empty:
            del self._names[reference]
            raise
        finally:
            self._open.discard(reference)
        return name

    def _free_name(self, reference: str) -> str:
        last = "root" if reference == "#" else reference.rsplit("/", 1)[-1]
        wanted = re.sub(r"[^A-Za-z0-9_-]", "_", last) or "part"
        name, taken = wanted, set(self._names.values())
        number = 2
        while name in taken:
            name, number = f"{wanted}_{number}", number + 1
        return name


def _for_people(node: _Node) -> _Node:
    return {key: node[key] for key in ("title", "description") if key in node}


def _end_somewhere(definitions: dict[str, _Node]) -> None:
    """Refuses definitions that lead to themselves with no object or array in between."""
    done: set[str] = set()

    def follow(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            raise NotSayable(f"the definition {name!r} is said by itself alone")
        if name not in done:
            for other in _at_once(definitions.get(name, {})):
                follow(other, (*way, name))
            done.add(name)

    for name in definitions:
        follow(name, ())


def _at_once(node: _Node) -> Iterator[str]:
    if "$ref" in node:
        yield node["$ref"].removeprefix("#/$defs/")
    for branch in node.get("anyOf", ()):
        yield from _at_once(branch)
