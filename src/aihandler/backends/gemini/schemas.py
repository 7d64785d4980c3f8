"""Schemas in the older form of this format, a part of OpenAPI 3.0, as JSON Schema."""

from collections.abc import Mapping

from aihandler.domain.task import Json

_USUAL = {
    "any_of": "anyOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "additional_properties": "additionalProperties",
}
# Of no meaning for what is valid.
_DROPPED = frozenset({"propertyOrdering", "property_ordering", "example"})
# 64-bit integers may be written as text.
_NUMBERS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)


def json_schema(schema: Mapping[str, Json]) -> dict[str, Json]:
    """The same, as other formats understand it."""
    made: dict[str, Json] = {}
    for written, value in schema.items():
        key = _USUAL.get(written, written)
        if key not in _DROPPED:
            made[key] = _value(key, value)
    if made.get("format") == "enum":
        del made["format"]
    if made.pop("nullable", False) is True:
        return _nullable(made)
    return made


def _value(key: str, value: Json) -> Json:
    if key == "type" and isinstance(value, str):
        return value.lower()
    if key == "properties" and isinstance(value, dict):
        return {name: _inner(inner) for name, inner in value.items()}
    if key == "anyOf" and isinstance(value, list):
        return [_inner(inner) for inner in value]
    if key in {"items", "additionalProperties"}:
        return _inner(value)
    if key in _NUMBERS and isinstance(value, str) and value.isdigit():
        return int(value)
    return value


def _inner(value: Json) -> Json:
    return json_schema(value) if isinstance(value, dict) else value


def _nullable(schema: dict[str, Json]) -> dict[str, Json]:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
