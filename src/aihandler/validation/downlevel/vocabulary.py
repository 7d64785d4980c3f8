"""The words of JSON Schema: which ones limit a value, and values of which type."""

from collections.abc import Iterable, Mapping
from typing import Any

from aihandler.domain.task import Json

_BOUNDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "divisibleBy"}
)
OF_TYPE: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "array": frozenset(
        {
            "items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems",
            "contains", "minContains", "maxContains", "unevaluatedItems",
        }
    ),
    "object": frozenset(
        {
            "properties", "required", "additionalProperties", "minProperties", "maxProperties",
            "patternProperties", "propertyNames", "unevaluatedProperties", "dependencies",
            "dependentRequired", "dependentSchemas",
        }
    ),
    "boolean": frozenset(),
    "null": frozenset(),
}  # fmt: skip
_TYPED = frozenset().union(*OF_TYPE.values())
# Asserted by the validator that checks the answer; any other format asserts nothing.
CHECKED_FORMATS = frozenset(
    {
        "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname",
        "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uuid", "uri-template",
        "json-pointer", "relative-json-pointer", "regex",
    }
)  # fmt: skip
# Limits for a value of any type. `if` also stands for its `then` and `else`.
_UNTYPED = frozenset(
    {"type", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "$ref", "$dynamicRef"}
) | {"$recursiveRef"}
LIMITS = _TYPED | _UNTYPED
# What tells a type by itself, in this order.
_TELLING = ("object", "array", "string", "number")


def limits(node: Iterable[str]) -> frozenset[str]:
    """The keywords that limit values; titles, defaults and words unknown to us do not."""
    return LIMITS.intersection(node)


def concerns(keyword: str, kind: str) -> bool:
    """False for a limit that says nothing about values of this type."""
    return keyword not in _TYPED or keyword in OF_TYPE.get(kind, ())


def typed(node: dict[str, Any]) -> dict[str, Any]:
    """With a `type`, taken from the listed values or from keywords that only one type has."""
    if "type" in node or "anyOf" in node or "oneOf" in node:
        return node
    values = listed(node)
    if values:
        kinds = list(dict.fromkeys(type_of(value) for value in values))
        if "number" in kinds and "integer" in kinds:
            kinds.remove("integer")
        return {"type": kinds[0] if len(kinds) == 1 else kinds, **node}
    for kind in _TELLING:
        if OF_TYPE[kind] & set(node):
            return {"type": kind, **node}
    return node


def of_kind(node: dict[str, Any], kind: str) -> dict[str, Any]:
    """What a node says about values of one of its types; an empty `enum` when it admits none."""
    found = {key: value for key, value in node.items() if concerns(key, kind)}
    values = listed(node)
    if values is not None:
        kept = [value for value in values if is_kind(value, kind)]
        if not kept:
            found.pop("const", None)
        if not kept or "enum" in found:
            found["enum"] = kept
        if kept == [None]:
            # Null has one value: to list it says nothing more.
            found = {key: value for key, value in found.items() if key not in {"enum", "const"}}
    return {**found, "type": kind}


def listed(node: dict[str, Any]) -> list[Json] | None:
    """The only values that a node admits, by `enum`, `const` or both; None when it lists none."""
    values = node.get("enum")
    if "const" not in node:
        return values
    one = node["const"]
    return [one] if values is None or any(equal(one, value) for value in values) else []


def equal(one: Json, other: Json) -> bool:
    """As JSON has it: in Python true is 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def is_kind(value: Json, kind: str) -> bool:
    """Whether a value is of a type; 1 is a number too, and 1.0 an integer."""
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return type_of(value) == kind or (kind == "number" and type_of(value) == "integer")


def type_of(value: Json) -> str:
    """The JSON type of a value; whole numbers are `integer`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
        case dict():
            return "object"
        case list():
            return "array"
        case _:
            return "number"
