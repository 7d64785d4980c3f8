"""How much work a schema from outside can make, counted before it is compiled and before it judges.

A schema of 2 KB can ask for a billion steps, by parts that refer to the same part twice.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn
from urllib.parse import unquote

import msgspec

from aihandler.domain.task import Json
from aihandler.errors import InputError

MAX_BYTES = 128 * 1024
MAX_PATTERNS = 256
MAX_STEPS = 10_000
_COMPARED_STEPS = 8
# Larger numbers all mean the same.
_PLENTY = 10**12

_encode = msgspec.json.Encoder(decimal_format="number").encode

_CHOICES = ("anyOf", "oneOf")
_HERE = ("not", "if", "then", "else")
_HERE_BY_KEY = ("dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
# Parts without any of these, the most, hold no others.
_HOLDING = frozenset(
    {
        *_CHOICES,
        *_HERE,
        *_HERE_BY_KEY,
        *_REFERENCES,
        *_UNEVALUATED,
        "allOf",
        "properties",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "items",
        "prefixItems",
        "additionalItems",
        "contains",
    }
)


class _Part(msgspec.Struct):
    """One schema inside the schema.

    `own` is what it takes by itself. `here` judge the same value, and so do `choices`, of each of
    which at most one looks further. What is in an object meets one of `keys` and all of
    `every_key`; what is in a list likewise.
    """

    own: int
    here: list[int]
    choices: list[list[int]]
    keys: list[int]
    every_key: list[int]
    items: list[int]
    every_item: list[int]


class Reach:
    """How many steps a value may take, at most, by how deep it is."""

    def __init__(
        self, parts: list[_Part], order: list[int], *, patterns: int, demands: int
    ) -> None:
        """`demands` is how many keys one part asks for, at most: each may be missing."""
        self.patterns = patterns
        self.demands = demands
        self._parts = parts
        # Whatever judges the same value comes before who asks it to.
        self._order = order
        self._here = [0] * len(parts)
        for at in order:
            part = parts[at]
            asked = (self._here[t] for t in (*part.here, *itertools.chain(*part.choices)))
            self._here[at] = min(_PLENTY, part.own + sum(asked))
        self._most = list(self._here)
        self._levels = [self._most[0]]
        self._grows = True

    def listing(self) -> "Reach":
        """The same where all errors are listed: then each choice is looked through to its end."""
        parts = [
            msgspec.structs.replace(
                part, here=[*part.here, *itertools.chain(*part.choices)], choices=[]
            )
            for part in self._parts
        ]
        return Reach(parts, self._order, patterns=self.patterns, demands=self.demands)

    def steps(self, depth: int) -> int:
        """The most steps that any one place of a value of this depth is looked at with."""
        while self._grows and len(self._levels) <= depth:
            self._deepen()
        return self._levels[min(depth, len(self._levels) - 1)]

    def _deepen(self) -> None:
        most = self._most
        keys, items = [0] * len(most), [0] * len(most)
        for at in self._order:
            part = self._parts[at]
            keys[at] = _in_it(most, part.keys, part.every_key) + _through(part, keys)
            items[at] = _in_it(most, part.items, part.every_item) + _through(part, items)
        deeper = [min(_PLENTY, max(steps)) for steps in zip(self._here, keys, items, strict=True)]
        self._grows = deeper != most and self._levels[-1] < _PLENTY
        self._most = deeper
        self._levels.append(deeper[0])


def _in_it(most: list[int], one: list[int], every: list[int]) -> int:
    return max((most[t] for t in one), default=0) + sum(most[t] for t in every)


def _through(part: _Part, below: list[int]) -> int:
    chosen = sum(max(below[t] for t in choice) for choice in part.choices)
    return sum(below[t] for t in part.here) + chosen


def require_bounded(schema: Mapping[str, Json]) -> Reach:
    """Raises InputError for a schema that says too much, or that refers out of itself."""
    try:
        size = len(_encode(schema))
    except (ValueError, TypeError, RecursionError):
        _refuse("cannot be written as JSON", "send it as a JSON object")
    if size > MAX_BYTES:
        _refuse(f"has more than {MAX_BYTES} bytes", "send a smaller one")
    reading = _Reading(schema)
    reading.read()
    if reading.patterns > MAX_PATTERNS:
        _refuse(f"has more than {MAX_PATTERNS} patterns", "send fewer")
    reach = Reach(
        reading.parts, _ordered(reading.parts), patterns=reading.patterns, demands=reading.demands
    )
    if reach.steps(0) > MAX_STEPS:
        _refuse(
            f"asks for more than {MAX_STEPS} steps of one value",
            "refer to the same definition less often in allOf, anyOf and oneOf",
        )
    return reach


class _Reading:
    """Follows a schema from its root to all that it can reach."""

    def __init__(self, root: Mapping[str, Json]) -> None:
        self.parts: list[_Part] = []
        self.patterns = 0
        self.demands = 0
        self._root = root
        self._at: dict[int, int] = {}
        self._waiting: list[Mapping[str, Json]] = []
        self._anchors: dict[str, list[Json]] | None = None
        self._id = "id" if "draft-04" in str(root.get("$schema", "")) else "$id"

    def read(self) -> None:
        """Fills `parts`; the root is the first."""
        # What nothing refers to is held against its draft all the same, patterns included.
        for part in _all_objects(self._root):
            self._count(part)
        self._places([self._root])
        while self._waiting:
            schema = self._waiting.pop()
            if schema is not self._root and isinstance(schema.get(self._id), str):
                _refuse(f"has an {self._id!r} within", "refer by `#/$defs/NAME`")
            if not _HOLDING.isdisjoint(schema):
                self._fill(self.parts[self._at[id(schema)]], schema)

    def _fill(self, part: _Part, schema: Mapping[str, Json]) -> None:
        part.here += self._places(self._judging_here(schema))
        for word in _CHOICES:
            choices = self._places(_listed(schema, word))
            if len(choices) > 1 and self._tells_apart(schema[word]):
                part.choices.append(choices)
            else:
                part.here += choices
        part.keys += self._places(_by_key(schema, "properties"))
        part.keys += self._places(_single(schema, "additionalProperties"))
        part.every_key += self._places(_by_key(schema, "patternProperties"))
        part.every_key += self._places(_single(schema, "propertyNames", "unevaluatedProperties"))
        part.items += self._places(_listed(schema, "prefixItems", "items"))
        part.items += self._places(_single(schema, "items", "additionalItems"))
        part.every_item += self._places(_single(schema, "contains", "unevaluatedItems"))
        if any(word in schema for word in _UNEVALUATED):
            # What it does not name has to be found out by asking once more.
            part.here += part.here + list(itertools.chain(*part.choices))

    def _tells_apart(self, choices: Iterable[Json]) -> bool:
        """Whether one key says which it is, as it does where a union has a discriminator: the
        validator looks at such keys before it looks further.
        """
        said = [dict(self._constants(choice)) for choice in choices]
        return any(
            all(key in one for one in said)
            and len(set().union(*(one[key] for one in said))) == sum(len(one[key]) for one in said)
            for key in said[0]
        )

    def _constants(self, choice: Json) -> Iterator[tuple[str, set[bytes]]]:
        if isinstance(choice, Mapping) and isinstance(choice.get("$ref"), str):
            choice = self._referred(choice["$ref"])[0]
        if not isinstance(choice, Mapping):
            return
        named, required = choice.get("properties"), choice.get("required")
        if not isinstance(named, Mapping) or not isinstance(required, list | tuple):
            return
        for key in required:
            held = named.get(key) if isinstance(key, str) else None
            if isinstance(held, Mapping) and "const" in held:
                yield key, {_encode(held["const"])}
            elif isinstance(held, Mapping) and isinstance(held.get("enum"), list):
                yield key, set(map(_encode, held["enum"]))

    def _places(self, schemas: Iterable[Json]) -> list[int]:
        found = []
        for schema in schemas:
            # True and false take no time.
            if not isinstance(schema, Mapping):
                continue
            if id(schema) not in self._at:
                self._at[id(schema)] = len(self.parts)
                self.parts.append(_Part(_own_steps(schema), [], [], [], [], [], []))
                self._waiting.append(schema)
            found.append(self._at[id(schema)])
        return found

    def _judging_here(self, schema: Mapping[str, Json]) -> Iterator[Json]:
        yield from _listed(schema, "allOf")
        yield from _single(schema, *_HERE)
        yield from _by_key(schema, *_HERE_BY_KEY)
        for word in _REFERENCES:
            reference = schema.get(word)
            if isinstance(reference, str):
                yield from self._referred(reference)

    def _referred(self, reference: str) -> list[Json]:
        own = self._root.get(self._id)
        inner = reference.removeprefix(own) if isinstance(own, str) and own else reference
        if inner in ("", "#"):
            return [self._root]
        if inner.startswith("#/"):
            found = [_at_pointer(self._root, inner[2:])]
        else:
            found = self._anchored(inner[1:]) if inner.startswith("#") else []
        if not found or None in found:
            _refuse(f"refers to {reference[:100]!r}, which is not in it", "refer by `#/$defs/NAME`")
        return found

    def _anchored(self, anchor: str) -> list[Json]:
        if self._anchors is None:
            self._anchors = {}
            for part in _all_objects(self._root):
                for word in ("$anchor", "$dynamicAnchor"):
                    if isinstance(part.get(word), str):
                        self._anchors.setdefault(part[word], []).append(part)
        return self._anchors.get(anchor, [])

    def _count(self, schema: Mapping[str, Json]) -> None:
        by_key = schema.get("patternProperties")
        self.patterns += isinstance(schema.get("pattern"), str)
        self.patterns += len(by_key) if isinstance(by_key, Mapping) else 0
        demanded = len(list(_listed(schema, "required")))
        for word in ("dependentRequired", "dependencies"):
            demanded += sum(len(keys) for keys in _by_key(schema, word) if isinstance(keys, list))
        self.demands = max(self.demands, demanded)


def _own_steps(schema: Mapping[str, Json]) -> int:
    listed = schema.get("enum")
    if isinstance(listed, list) and any(isinstance(value, dict | list) for value in listed):
        # Texts and numbers are looked up, these are compared one by one.
        return 1 + _COMPARED_STEPS * len(listed)
    return 1


def _by_key(schema: Mapping[str, Json], *words: str) -> Iterator[Json]:
    for word in words:
        if isinstance(held := schema.get(word), Mapping):
            yield from held.values()


def _single(schema: Mapping[str, Json], *words: str) -> Iterator[Json]:
    return (held for word in words if isinstance(held := schema.get(word), Mapping))


def _listed(schema: Mapping[str, Json], *words: str) -> Iterator[Json]:
    for word in words:
        if isinstance(held := schema.get(word), list | tuple):
            yield from held


def _all_objects(root: Json) -> Iterator[Mapping[str, Json]]:
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)


def _at_pointer(root: Json, pointer: str) -> Json:
    found = root
    for step in unquote(pointer).split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list | tuple) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _ordered(parts: list[_Part]) -> list[int]:
    """All parts, each after those that judge the same value for it."""
    order: list[int] = []
    # Of each part: not seen, on the way to it, done.
    state = bytearray(len(parts))
    for first in range(len(parts)):
        way = [first] if not state[first] else []
        while way:
            at = way[-1]
            if state[at] == 0:
                state[at] = 1
                asked = {*parts[at].here, *itertools.chain(*parts[at].choices)}
                if any(state[t] == 1 for t in asked):
                    _refuse("refers to itself without an end", "refer to it from `properties`")
                way += [t for t in asked if state[t] == 0]
            else:
                way.pop()
                if state[at] == 1:
                    state[at] = 2
                    order.append(at)
    return order


def _refuse(what: str, hint: str) -> NoReturn:
    raise InputError(f"the request's JSON Schema {what}", hint=hint)
