import pytest

from aihandler.config.schemas import pointer_problem, root_keys

LINE = {"type": "object", "properties": {"amount": {"type": "number"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "buyer": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/line"}]},
        "free": {"type": "object"},
        "table": {"type": "object", "additionalProperties": {"type": "array"}},
        "a/b": {"type": "string"},
        "odd": {"type": "object", "properties": {"x": {}}, "if": {}, "then": {}},
        "tree": {"$ref": "#"},
    },
    "$defs": {"line": LINE},
}


@pytest.mark.parametrize(
    "pointer",
    [
        "/",
        "/total",
        "/lines",
        "/lines/*/amount",
        "/lines/0/amount",
        "/buyer/amount",
        "/a~1b",
        "/free/anything/at/all",
        "/table/x/*/y",
        "/odd/then",
        "/tree/tree/lines/*/amount",
    ],
)
def test_a_pointer_that_a_value_may_have_is_right(pointer):
    assert pointer_problem(pointer, SCHEMA) is None


@pytest.mark.parametrize(
    "pointer", ["", "total", "/totl", "/lines/amount", "/lines/*/price", "/total/x", "/buyer/x"]
)
def test_a_pointer_that_no_value_has_is_wrong(pointer):
    assert pointer_problem(pointer, SCHEMA) is not None


def test_keys_of_the_root_are_known_when_the_schema_closes_it():
    assert root_keys(LINE) == {"amount"}
    assert root_keys({"allOf": [LINE, {"properties": {"x": {}}}]}) == {"amount", "x"}
    assert root_keys({**LINE, "additionalProperties": True}) is None
    assert root_keys({**LINE, "patternProperties": {"^x": {}}}) is None
    assert root_keys({}) is None
    assert root_keys({"type": "object"}) is None
