"""A JSON Schema, compiled once, and its errors in words that are fit for logs and for models."""

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs
import msgspec

from aihandler.domain.task import Json
from aihandler.errors import ConfigError
from aihandler.validation.verdict import Problem, name, pointer

# A pattern that backtracks more than this is given up, and the value refused.
BACKTRACK_STEPS = 100_000
MAX_PROBLEMS = 32
# Listing every error costs about ten microseconds each; of a long reply only the first is told.
LISTED_CHARS = 50_000
EXPECTED_CHARS = 200

# Schemas hold decimals where the configuration was read exactly.
_encode = msgspec.json.Encoder(decimal_format="number").encode

SchemaError = jsonschema_rs.ValidationError


class Unjudged(Exception):
    """A value cannot be held against its schema, or not be told where it differs."""


class Schema:
    """Judges values. Formats are asserted; references outside the schema are never fetched."""

    def __init__(self, schema: Mapping[str, Json] | bool) -> None:
        self._compiled = self._compile(schema)
        self.keys = frozenset(_declared(schema))
        self._root = schema if isinstance(schema, Mapping) else {}

    @property
    def types(self) -> frozenset[str]:
        """The types that the root says it wants; empty when it says nothing."""
        wanted = self._root.get("type", ())
        return frozenset((wanted,) if isinstance(wanted, str) else wanted)

    @property
    def root_keys(self) -> frozenset[str]:
        """The keys that the root object names."""
        named = self._root.get("properties", {})
        return frozenset(named) if isinstance(named, Mapping) else frozenset()

    def admits(self, value: Json) -> bool:
        """True when the value is valid."""
        try:
            return bool(self._compiled.is_valid(value))
        except ValueError:
            # What the validator cannot even represent is not valid.
            return False

    def errors(self, value: Json, *, chars: int) -> tuple[SchemaError, ...]:
        """All errors of a value whose text has `chars` characters; only one when that is long.

        Raises Unjudged.
        """
        if chars <= LISTED_CHARS:
            return tuple(self._compiled.iter_errors(value))
        try:
            self._compiled.validate(value)
        except SchemaError as error:
            return (error,)
        return ()

    def _compile(self, schema: Mapping[str, Json] | bool) -> jsonschema_rs.Validator:
        try:
            return compiled(schema, backtrack_steps=BACKTRACK_STEPS)
        except ValueError as error:
            raise ConfigError(
                f"the output's JSON Schema cannot be used: {reason_of(error)}",
                hint="correct the schema; `aihandler check` names the task and the line",
            ) from error


def problems(errors: tuple[SchemaError, ...]) -> tuple[Problem, ...]:
    """Where, and what the schema expects there."""
    told = tuple(Problem(pointer(e.instance_path), _expected(e)) for e in errors[:MAX_PROBLEMS])
    if len(errors) <= MAX_PROBLEMS:
        return told
    return (*told, Problem("", f"and {len(errors) - MAX_PROBLEMS} more errors"))


def compiled(
    schema: Mapping[str, Json] | bool,
    *,
    backtrack_steps: int,
    pattern_bytes: int | None = None,
) -> jsonschema_rs.Validator:
    """Raises ValueError. A pattern that takes more than `pattern_bytes` is none."""
    return jsonschema_rs.validator_for(
        _encode(schema).decode(),
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.FancyRegexOptions(
            backtrack_limit=backtrack_steps, size_limit=pattern_bytes
        ),
    )


def reason_of(error: ValueError) -> str:
    """What is wrong with a schema, in one short line."""
    return (str(error).splitlines() or [""])[0][:EXPECTED_CHARS]


def _declared(schema: Json) -> set[str]:
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            named = part.get("properties")
            if isinstance(named, Mapping):
                found.update(named)
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
    return found


def _expected(error: SchemaError) -> str:
    rule = error.kind.name
    say = _WORDING.get(rule)
    if say is None:
        return f"breaks the rule {rule!r}"
    return say(error.kind.as_dict())


def _limit(text: str) -> Callable[[dict[str, Any]], str]:
    return lambda facts: text.format(facts.get("limit"))


def _short(value: Json) -> str:
    text = _encode(value).decode(errors="replace")
    return text if len(text) <= EXPECTED_CHARS else text[:EXPECTED_CHARS] + "…"


def _unexpected(facts: dict[str, Any]) -> str:
    keys = facts.get("unexpected", [])
    shown = ", ".join(name(str(key)) for key in keys[:5])
    return f"has keys that the schema forbids: {shown}" + (" and more" if len(keys) > 5 else "")


def _pattern(facts: dict[str, Any]) -> str:
    # There is none where the match was given up.
    pattern = facts.get("pattern")
    return "takes too long to match" if pattern is None else f"must match the pattern {pattern!r}"


_WORDING: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "type": lambda facts: f"must be of type {' or '.join(facts['types'])}",
    "required": lambda facts: f"lacks the required key {name(str(facts['property']))}",
    "enum": lambda facts: f"must be one of {_short(facts['options'])}",
    "const": lambda facts: f"must be {_short(facts['expected_value'])}",
    "format": lambda facts: f"must have the format {facts['format']!r}",
    "pattern": _pattern,
    "additionalProperties": _unexpected,
    "unevaluatedProperties": _unexpected,
    "anyOf": lambda _: "matches none of the alternatives that the schema allows",
    "oneOf": lambda _: "matches not exactly one of the alternatives that the schema allows",
    "falseSchema": lambda _: "must not be here",
    "uniqueItems": lambda _: "has items that repeat",
    "minimum": _limit("must be at least {}"),
    "maximum": _limit("must be at most {}"),
    "exclusiveMinimum": _limit("must be more than {}"),
    "exclusiveMaximum": _limit("must be less than {}"),
    "minLength": _limit("must have at least {} characters"),
    "maxLength": _limit("must have at most {} characters"),
    "minItems": _limit("must have at least {} items"),
    "maxItems": _limit("must have at most {} items"),
    "minProperties": _limit("must have at least {} keys"),
    "maxProperties": _limit("must have at most {} keys"),
    "multipleOf": lambda facts: f"must be a multiple of {facts.get('multiple_of')}",
}
