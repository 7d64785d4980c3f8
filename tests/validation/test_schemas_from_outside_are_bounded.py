import json

import pytest

from aihandler.domain.answer import Reply
from aihandler.domain.parts import ToolCall
from aihandler.domain.task import AskedOutput
from aihandler.domain.tools import Tool
from aihandler.errors import InputError
from aihandler.validation import ToolJudge, Validator
from aihandler.validation.bounding import MAX_STEPS, require_bounded


def doubled(levels, word="allOf", leaf=None, **more):
    parts = {f"d{n}": {word: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {
        "$defs": parts | {f"d{levels}": leaf or {"type": "object"}},
        "$ref": "#/$defs/d0",
        **more,
    }


def judged(schema, value):
    return Validator(AskedOutput(schema)).check(json.dumps(value), finish="stop", source="")


def recursive(*forms):
    return {"$defs": {"n": {"anyOf": list(forms)}}, "$ref": "#/$defs/n"}


HERE = {"$ref": "#/$defs/n"}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (doubled(60), "steps"),
        (doubled(60, "anyOf"), "steps"),
        (doubled(60, "oneOf"), "steps"),
        (doubled(11, leaf={"properties": {"a": True}}, unevaluatedProperties=False), "steps"),
        ({"not": {"if": {"then": doubled(60)["$defs"]["d0"]}}, **doubled(60)}, "steps"),
        ({"allOf": [{"$ref": "#"}]}, "itself"),
        (
            {
                "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}},
                "$ref": "#/$defs/a",
            },
            "itself",
        ),
        ({"$ref": "http://127.0.0.1:9/a"}, "not in it"),
        ({"$ref": "other.json"}, "not in it"),
        ({"$ref": "#nowhere"}, "not in it"),
        ({"properties": {"a": {"$id": "http://a.b/c", "$ref": "#/$defs/d"}}}, "'$id'"),
        ({"patternProperties": {f"^a{n}$": True for n in range(300)}}, "patterns"),
        ({"$defs": {f"d{n}": {"pattern": f"^a{n}$"} for n in range(300)}}, "patterns"),
        ({"enum": ["x" * 300_000]}, "bytes"),
    ],
)
def test_what_would_take_too_long_is_refused_before_it_is_compiled(schema, told):
    with pytest.raises(InputError, match="JSON Schema") as refused:
        Validator(AskedOutput(schema))
    assert told in refused.value.message
    assert refused.value.hint


def test_names_that_look_like_keywords_are_names():
    names = {"$ref": {"type": "string"}, "$id": {"type": "string"}, "allOf": {"type": "string"}}
    assert judged({"type": "object", "properties": names}, {"$ref": "#/a", "$id": "b"}).ok


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "object"}}},
        {"$ref": "#here", "$defs": {"a": {"$anchor": "here", "type": "object"}}},
        {"$id": "https://a.b/c", "$ref": "https://a.b/c#/$defs/d", "$defs": {"d": {}}},
        {"allOf": [{"$ref": "#/allOf/1"}, {"type": "object"}]},
    ],
)
def test_a_schema_may_refer_to_what_is_in_it(schema):
    assert judged(schema, {"a": 1}).ok


def test_a_type_that_holds_itself_takes_no_more_steps_the_deeper_it_is():
    branch = {"type": "object", "properties": {"left": HERE, "right": HERE}}
    any_json = [{"type": "array", "items": HERE}, {"additionalProperties": HERE, "type": "object"}]
    kinds = [
        {"properties": {"kind": {"const": n}, "of": HERE}, "required": ["kind"]} for n in "abcdef"
    ]
    for forms in ([branch], any_json, kinds, [branch, {"type": "null"}]):
        assert require_bounded(recursive(*forms)).steps(100) < 20


def test_alternatives_that_cannot_be_told_apart_multiply_by_each_level():
    alike = {"type": "object", "properties": {"in": HERE}}
    reach = require_bounded(recursive(alike, alike))
    assert reach.steps(3) == 2 * reach.steps(2) == 4 * reach.steps(1)
    deep = None
    for _ in range(60):
        deep = {"in": deep}
    verdict = judged(recursive(alike, alike), deep)
    assert not verdict.ok
    assert "too many steps" in verdict.problems[0].message
    assert judged(recursive(alike, alike), {"in": {"in": {}}}).ok


def test_errors_that_are_too_many_to_list_are_not_listed():
    schema = doubled(12, leaf={"type": "object"})
    with pytest.raises(InputError):
        judged(schema, [])
    schema = {"items": doubled(8)["$defs"]["d0"], "$defs": doubled(8)["$defs"]}
    assert judged(schema, [{}] * 100).ok
    verdict = judged(schema, [1] * 100)
    assert not verdict.ok
    assert "both are too large" in verdict.problems[0].message
    assert "must be of type object" in judged(schema, [1]).problems[0].message


@pytest.mark.parametrize("word", ["allOf", "anyOf"])
def test_the_count_is_what_the_validator_does(word):
    # Each level doubles the leaves: 2 ** levels errors of one value.
    assert 2**9 <= require_bounded(doubled(9, word)).steps(0) <= 4 * 2**9 <= MAX_STEPS


def test_a_tool_whose_schema_is_out_of_bounds_is_let_through():
    judge = ToolJudge((Tool("t", "", doubled(60)),))
    verdict, _ = judge.check(Reply((ToolCall("1", "t", "[]"),), "tool_calls"))
    assert verdict.ok


def test_schemas_of_many_called_tools_are_compiled_up_to_a_bound():
    schema = {"properties": {"a": {"type": "string", "enum": ["x" * 50_000]}}}
    judge = ToolJudge([Tool(f"t{n}", "", schema) for n in range(5)])
    calls = tuple(ToolCall(str(n), f"t{n}", '{"a": 1}') for n in range(5))
    verdict, _ = judge.check(Reply(calls, "tool_calls"))
    assert {problem.pointer[:2] for problem in verdict.problems} == {"/0", "/1", "/2"}


def test_keys_that_are_missing_are_listed_only_where_they_are_few():
    few = {"type": "object", "required": [f"k{n}" for n in range(20)]}
    assert "lacks" in judged(few, {"a": 1}).problems[0].message
    many = {"type": "object", "required": [f"k{n}" for n in range(2000)]}
    verdict = judged(many, {"a": "x" * 20_000})
    assert "both are too large" in verdict.problems[0].message


def test_rows_of_many_required_columns_are_no_heavy_work():
    names = [f"column{n}" for n in range(100)]
    row = {"type": "object", "properties": {name: {"type": "integer"} for name in names}}
    rows = {"type": "array", "items": {**row, "required": names, "additionalProperties": False}}
    assert judged(rows, [dict.fromkeys(names, 1)] * 500).ok


def test_objects_in_a_list_of_values_are_compared_one_by_one():
    schema = {"items": {"enum": [{"a": n} for n in range(1000)]}}
    assert require_bounded(schema).steps(1) > 1000
    assert require_bounded({"enum": [f"v{n}" for n in range(1000)]}).steps(1) == 1


def test_an_address_may_look_ahead():
    address = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([a-z0-9-]+\.)+[a-z]{2,}$"
    schema = {"items": {"pattern": address}}
    assert judged(schema, ["some.long_name+tag@mail.department.example.co.uk"] * 1000).ok
    assert not judged(schema, ["a..b@example.com"]).ok


def test_errors_of_alternatives_are_listed_only_where_they_do_not_multiply():
    kinds = [
        {"properties": {"kind": {"const": n}, "of": HERE}, "required": ["kind"]} for n in "abcdef"
    ]
    wrong = {"kind": "x"}
    assert "alternatives" in judged(recursive(*kinds), wrong).problems[0].message
    for _ in range(20):
        wrong = {"kind": "f", "of": wrong}
    assert "both are too large" in judged(recursive(*kinds), wrong).problems[0].message
