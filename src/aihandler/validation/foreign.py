"""A JSON Schema of a client's own request: used within bounds, and its mistakes are the client's.

No other thread works while a schema is compiled or a value is held against it, so a deadline would
stop nothing: the work is bounded before it begins (figures in docs/rooms/validation.md).
"""

import re
from collections.abc import Mapping

import jsonschema_rs
import msgspec

from aihandler.domain.task import Json
from aihandler.errors import InputError
from aihandler.validation.bounding import require_bounded
from aihandler.validation.schema import Schema, SchemaError, Unjudged, compiled, reason_of

# Steps of the validator, of 50 ns each.
MAX_WORK = 2_000_000
# An error takes 10 to 50 us, and 70 ns more for each character of the value that it is about.
LISTED_WORK = 20_000
LISTED_COPIES_CHARS = 4_000_000
# All patterns together, and one of them: what a pattern takes in memory it takes in time.
_ALL_PATTERNS_BYTES = 8 * 1024 * 1024
_PATTERN_BYTES = 1024 * 1024
# A pattern of so many bytes costs as much as a byte of a schema without any.
_PATTERN_LIGHTNESS = 64
# Patterns for addresses, passwords and durations take less than 100.
_BACKTRACK_STEPS = 1_000
# In steps of the validator: a match that is given up, and the characters of a plain one.
_GIVEN_UP_STEPS = 1_000
_CHARS_A_STEP = 16
# Of what is no text: a number, a bracket.
_CHARS_A_PLACE = 4
# These look ahead or back, and may begin again.
_BACKTRACKS = re.compile(rb"\(\?[=!<>]|\\\\[1-9k]|[*+?}]\+")

_encode = msgspec.json.Encoder(decimal_format="number").encode


class ForeignSchema(Schema):
    """Judges values as `Schema` does. Raises InputError for what cannot be used."""

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._reach = require_bounded(schema)
        self._listing = self._reach.listing()
        text = _encode(schema)
        self._size = len(text)
        self._backtracks = self._reach.patterns > 0 and _BACKTRACKS.search(text) is not None
        super().__init__(schema)

    @property
    def weight(self) -> int:
        """What compiling it cost, in bytes of a schema without patterns."""
        patterns = self._reach.patterns
        return self._size + patterns * _pattern_bytes(patterns) // _PATTERN_LIGHTNESS

    def admits(self, value: Json) -> bool:
        """True when the value is valid. Raises Unjudged."""
        self._require_bounded(_extent(value))
        return super().admits(value)

    def errors(self, value: Json, *, chars: int) -> tuple[SchemaError, ...]:
        """All errors. Raises Unjudged, also where they may be too many to be listed."""
        extent = _extent(value)
        self._require_bounded(extent)
        if self._listable(extent):
            return super().errors(value, chars=chars)
        if super().admits(value):
            return ()
        raise Unjudged("does not meet the schema; both are too large to say where")

    def _require_bounded(self, extent: "_Extent") -> None:
        places = extent.places
        if self._reach.patterns:
            places += extent.chars // _CHARS_A_STEP
            places += extent.texts * _GIVEN_UP_STEPS if self._backtracks else 0
        if places * self._reach.steps(extent.depth) > MAX_WORK:
            raise Unjudged("takes too many steps to be held against the schema")

    def _listable(self, extent: "_Extent") -> bool:
        steps, demands = self._listing.steps(extent.depth), self._reach.demands
        copies = steps * (1 + demands) * extent.chars * (1 + extent.depth)
        errors = steps * (extent.places + extent.objects * demands)
        return errors <= LISTED_WORK and copies <= LISTED_COPIES_CHARS

    def _compile(self, schema: Mapping[str, Json] | bool) -> jsonschema_rs.Validator:
        try:
            return compiled(
                schema,
                backtrack_steps=_BACKTRACK_STEPS,
                pattern_bytes=_pattern_bytes(self._reach.patterns),
            )
        except ValueError as error:
            raise InputError(
                f"the request's JSON Schema cannot be used: {reason_of(error)}",
                hint="correct the schema; a pattern that takes too much memory is none",
            ) from None


def _pattern_bytes(patterns: int) -> int:
    return min(_PATTERN_BYTES, _ALL_PATTERNS_BYTES // max(1, patterns))


class _Extent(msgspec.Struct, frozen=True):
    """How large a value is: its places, those that are objects or texts, and how deep it is."""

    places: int
    objects: int
    texts: int
    chars: int
    depth: int


def _extent(value: Json) -> _Extent:
    places = objects = texts = chars = 0
    depth, level = -1, [value]
    while level:
        depth += 1
        places += len(level)
        below: list[Json] = []
        for part in level:
            if isinstance(part, str):
                texts += 1
                chars += len(part)
            elif isinstance(part, dict):
                objects += 1
                below.extend(part.values())
                # Keys may be matched too.
                texts += len(part)
                chars += sum(map(len, part))
            elif isinstance(part, list):
                below.extend(part)
        level = below
    return _Extent(places, objects, texts, chars + _CHARS_A_PLACE * places, depth)
