import msgspec
import pytest

from aihandler.domain.task import JsonOutput
from aihandler.errors import ConfigError
from aihandler.validation import Validator
from aihandler.validation.downlevel import (
    Downlevelled,
    Dropped,
    PassedOver,
    Renamed,
    downlevel,
    load_subsets,
)

SUBSETS = load_subsets()
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "description": "as on the paper"},
        "age": {"type": "integer"},
        "nick": {"type": ["string", "null"]},
    },
    "required": ["name"],
}
TREE = {
    "type": "object",
    "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["kids"],
    "additionalProperties": False,
}


def lowered(schema, name, **changed):
    subset = msgspec.structs.replace(SUBSETS[name], **changed)
    found = downlevel(schema, subset)
    assert isinstance(found, Downlevelled), found
    return found


def reason(schema, name, **changed):
    found = downlevel(schema, msgspec.structs.replace(SUBSETS[name], **changed))
    assert isinstance(found, PassedOver), found
    return found.reason


def an_object(**named):
    return {"type": "object", "properties": named, "required": list(named)}


def test_a_dropped_limit_is_told_in_the_description_and_reported():
    found = lowered(PERSON, "openai-strict")
    name = found.sent["properties"]["name"]
    assert name == {
        "type": "string",
        "description": "as on the paper\nMust hold: minLength 2.",
    }
    assert found.dropped == (Dropped("/properties/name", "minLength"),)
    assert found.enforced == "partial"


def test_an_optional_key_becomes_nullable_and_its_null_becomes_absent():
    found = lowered(PERSON, "openai-strict")
    assert found.sent["required"] == ["name", "age", "nick"]
    assert found.sent["properties"]["age"] == {"type": ["integer", "null"]}
    answer = {"name": "Ada", "age": None, "nick": None}
    # Null is a value of `nick` in the task's own schema, so it stays.
    assert found.undo(answer) == {"name": "Ada", "nick": None}
    assert answer["age"] is None


def test_a_reply_is_undone_before_it_is_judged():
    found = lowered(PERSON, "openai-strict")
    text = '{"name": "Ada", "age": null, "nick": null}'
    output = JsonOutput({**PERSON, "additionalProperties": False})
    verdict = Validator(output, undo=found.undo).check(text, finish="stop", source="")
    assert (verdict.state, verdict.value) == ("exact", {"name": "Ada", "nick": None})
    assert Validator(output).check(text, finish="stop", source="").state == "repaired"


def test_a_root_that_is_no_object_is_wrapped_and_unwrapped():
    found = lowered({"type": "array", "items": {"type": "string"}}, "openai-strict")
    assert found.sent["properties"]["answer"]["type"] == "array"
    assert found.enforced == "full"
    assert found.undo({"answer": ["x"]}) == ["x"]


@pytest.mark.parametrize("other", [["x"], {"answer": ["x"], "more": 1}, {}, None, "x"])
def test_an_answer_that_did_not_follow_the_sent_schema_is_left_as_it_is(other):
    found = lowered({"type": "array", "items": {"type": "string"}}, "openai-strict")
    assert found.undo(other) == other


def test_a_union_at_the_root_is_wrapped():
    union = {"anyOf": [an_object(a={"type": "string"}), an_object(b={"type": "string"})]}
    found = lowered(union, "openai-strict")
    assert found.undo({"answer": {"b": "x"}}) == {"b": "x"}


def test_the_alternative_that_was_answered_is_the_one_that_is_undone():
    one = {"type": "object", "properties": {"k": {"const": "one"}, "x": {"type": "string"}}}
    two = {
        "type": "object",
        "properties": {"k": {"const": "two"}, "x": {"type": ["null", "string"]}},
    }
    union = {"anyOf": [{**one, "required": ["k"]}, {**two, "required": ["k"]}]}
    found = lowered(an_object(a=union), "openai-strict")
    assert found.undo({"a": {"k": "one", "x": None}}) == {"a": {"k": "one"}}
    assert found.undo({"a": {"k": "two", "x": None}}) == {"a": {"k": "two", "x": None}}


def test_alternatives_within_alternatives_are_told_apart_without_trying_all_ways():
    def sign(name):
        return an_object(left={"$ref": "#/$defs/e"}, sign={"const": name})

    either = {"anyOf": [sign("+"), sign("-"), sign("*"), {"type": "integer"}]}
    optional = {
        "type": "object",
        "properties": {"sum": {"$ref": "#/$defs/e"}, "note": {"const": 1}},
    }
    found = lowered({**optional, "$defs": {"e": either}}, "openai-strict")
    answer = 1
    for _ in range(40):
        answer = {"left": answer, "sign": "*"}
    assert found.undo({"sum": answer, "note": None}) == {"sum": answer}


def test_one_of_with_a_telling_key_keeps_its_full_force():
    branches = [an_object(k={"const": name}) for name in ("one", "two")]
    found = lowered(an_object(a={"oneOf": branches}), "openai-strict")
    assert found.renamed == (Renamed("/properties/a", "oneOf", "anyOf"),)
    assert found.enforced == "full"


def test_one_of_whose_alternatives_overlap_is_reported_as_dropped():
    overlapping = {"oneOf": [{"type": "integer"}, {"type": "number"}]}
    found = lowered(an_object(a=overlapping), "openai-strict")
    assert found.dropped == (Dropped("/properties/a", "oneOf"),)


def test_a_map_is_asked_as_a_list_of_entries_and_becomes_a_map_again():
    prices = {"type": "object", "additionalProperties": {"type": "number"}}
    found = lowered(an_object(prices=prices), "openai-strict")
    asked = [{"key": "ink", "value": 2}, {"key": "pen", "value": 3.5}]
    assert found.sent["properties"]["prices"]["type"] == "array"
    assert found.undo({"prices": asked}) == {"prices": {"ink": 2, "pen": 3.5}}
    assert found.undo({"prices": {"ink": 2}}) == {"prices": {"ink": 2}}


def test_a_map_with_a_key_that_stands_twice_loses_neither_value():
    prices = {"type": "object", "additionalProperties": {"type": "number"}}
    found = lowered(an_object(prices=prices), "openai-strict")
    twice = {"prices": [{"key": "ink", "value": 2}, {"key": "ink", "value": 3}]}
    assert found.undo(twice) == twice
    assert found.enforced == "partial"


def test_an_object_of_free_form_is_asked_as_json_text():
    found = lowered(an_object(settings={"type": "object"}), "openai-strict")
    assert found.sent["properties"]["settings"]["type"] == "string"
    assert found.undo({"settings": '{"a": [1]}'}) == {"settings": {"a": [1]}}
    for other in ("plain words", "[1]", '{"a": 1', '{"a": 1, "a": 2}'):
        assert found.undo({"settings": other}) == {"settings": other}
    assert found.dropped == (Dropped("/properties/settings", "type"),)


def test_a_part_that_admits_any_value_is_passed_over_where_a_type_is_wanted():
    assert reason(an_object(a={}), "openai-strict") == (
        "openai-strict: '/properties/a' admits any value, and this subset wants a type"
    )
    assert lowered(an_object(a={}), "guidance").enforced == "full"


def test_recursion_is_kept_where_it_is_taken_and_passed_over_elsewhere():
    found = lowered(TREE, "openai-strict")
    assert found.sent["properties"]["kids"]["items"] == {"$ref": "#/$defs/root"}
    for name in ("anthropic", "gemini-response-schema", "gemini-json-schema"):
        assert "leads to itself" in reason(TREE, name)


def test_references_are_written_out_where_they_are_not_taken():
    schema = {**an_object(a={"$ref": "#/$defs/x"}), "$defs": {"x": {"type": "string"}}}
    assert lowered(schema, "gemini-response-schema").sent["properties"] == {"a": {"type": "string"}}


def test_words_beside_a_reference_are_kept():
    used = {"$ref": "#/$defs/x", "description": "who pays"}
    schema = {**an_object(a=used), "$defs": {"x": an_object(b={"type": "string"})}}
    sent = lowered(schema, "openai-strict").sent["properties"]["a"]
    assert sent == {"anyOf": [{"$ref": "#/$defs/x"}], "description": "who pays"}


@pytest.mark.parametrize("reference", ["other.json", "#/$defs/none", "https://example.org/x"])
def test_a_reference_that_cannot_be_followed_is_no_schema_or_is_passed_over(reference):
    try:
        found = downlevel(an_object(a={"$ref": reference}), SUBSETS["openai-strict"])
    except ConfigError:
        return
    assert isinstance(found, PassedOver)


def test_a_definition_that_is_only_itself_is_passed_over():
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}},
    }
    assert "by itself alone" in reason(schema, "guidance")


def test_all_of_becomes_one_part():
    both = {
        "allOf": [an_object(a={"type": "string"}), an_object(b={"type": "number", "minimum": 1})]
    }
    found = lowered(both, "openai-strict")
    assert found.sent == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "number", "minimum": 1}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    assert found.enforced == "full"


def test_conjunctions_without_a_common_form_are_reported():
    both = {"type": "string", "pattern": "^a", "allOf": [{"pattern": "z$"}]}
    found = lowered(an_object(a=both), "openai-strict")
    assert found.dropped == (Dropped("/properties/a", "pattern"),)


def test_limits_beside_a_union_go_into_its_alternatives():
    beside = {
        **an_object(a={"type": "string"}),
        "anyOf": [{"required": ["b"]}, {"required": ["c"]}],
    }
    beside["properties"] |= {"b": {"type": "string"}, "c": {"type": "string"}}
    branches = lowered(beside, "guidance").sent["anyOf"]
    assert [branch["required"] for branch in branches] == [["a", "b"], ["a", "c"]]


def test_null_is_a_keyword_for_gemini_and_an_alternative_for_anthropic():
    schema = an_object(a={"type": ["string", "null"], "description": "who"})
    assert lowered(schema, "gemini-response-schema").sent["properties"]["a"] == {
        "type": "string",
        "description": "who",
        "nullable": True,
    }
    assert lowered(schema, "anthropic").sent["properties"]["a"] == {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "description": "who",
    }


def test_a_constant_becomes_a_list_of_one():
    found = lowered(an_object(a={"const": "x"}), "gemini-response-schema")
    assert found.sent["properties"]["a"] == {"type": "string", "enum": ["x"]}
    assert Renamed("/properties/a", "const", "enum") in found.renamed


def test_a_strict_bound_of_integers_becomes_a_loose_one():
    found = lowered(an_object(a={"type": "integer", "exclusiveMinimum": 3}), "gemini-json-schema")
    assert found.sent["properties"]["a"] == {"type": "integer", "minimum": 4}
    assert not found.dropped


def test_what_can_be_said_of_a_dropped_limit_is_said():
    found = lowered(
        an_object(a={"type": "array", "items": {"type": "string"}, "minItems": 3}), "anthropic"
    )
    assert found.sent["properties"]["a"]["minItems"] == 1
    assert found.dropped == (Dropped("/properties/a", "minItems"),)


def test_a_format_that_no_validator_asserts_is_told_but_not_missed():
    found = lowered(an_object(a={"type": "string", "format": "colour"}), "openai-strict")
    assert "format" in found.sent["properties"]["a"]["description"]
    assert found.enforced == "full"


def test_a_condition_is_told_with_its_outcome():
    schema = {
        **an_object(a={"type": "string"}),
        "if": {"required": ["b"]},
        "then": {"required": ["c"]},
    }
    found = lowered(schema, "openai-strict")
    assert '"then":{"required":["c"]}' in found.sent["description"]
    assert found.dropped == (Dropped("", "if"),)


def test_words_that_limit_nothing_are_left_out_without_a_report():
    schema = {**an_object(a={"type": "string", "x-order": 1, "examples": ["x"]}), "$id": "urn:x"}
    found = lowered(schema, "openai-strict")
    assert found.sent["properties"]["a"] == {"type": "string"}
    assert found.enforced == "full"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"max_depth": 1}, "levels of objects"),
        ({"max_properties": 2}, "properties"),
        ({"max_enum_values": 1}, "listed values"),
        ({"max_name_chars": 3}, "characters of names"),
        ({"large_enum_values": 1, "large_enum_chars": 3}, "listed values have 4 characters"),
    ],
)
def test_a_schema_that_is_too_large_is_passed_over(limit, words):
    inner = an_object(b={"enum": ["aa", "bb"]}, c={"type": "string"})
    assert words in reason(an_object(a=inner), "openai-strict", **limit)


def test_more_optional_keys_than_are_taken_are_a_reason():
    schema = {"type": "object", "properties": {f"k{n}": {"type": "string"} for n in range(25)}}
    assert "25 optional properties" in reason(schema, "anthropic")


def test_a_schema_that_grows_without_measure_is_passed_over():
    definitions = {
        f"d{n}": an_object(a={"$ref": f"#/$defs/d{n + 1}"}, b={"$ref": f"#/$defs/d{n + 1}"})
        for n in range(30)
    }
    schema = {"$ref": "#/$defs/d0", "$defs": {**definitions, "d30": {"type": "string"}}}
    assert "parts" in reason(schema, "gemini-response-schema")


def test_without_a_subset_the_schema_stays_and_nothing_is_enforced():
    found = lowered(PERSON, "none")
    assert (found.sent, found.enforced, found.dropped) == (PERSON, "none", ())
    assert found.undo({"name": None}) == {"name": None}


def test_a_server_that_is_known_to_let_answers_through_enforces_in_part():
    assert lowered(an_object(a={"type": "string"}), "ollama").enforced == "partial"


def test_what_is_no_schema_is_a_mistake_of_the_configuration():
    with pytest.raises(ConfigError):
        downlevel({"type": "kaboom"}, SUBSETS["openai-strict"])


def test_every_row_says_where_it_is_from_and_how_old_it_is():
    assert set(SUBSETS) == {
        "openai-strict", "anthropic", "gemini-response-schema", "gemini-json-schema",
        "llama-cpp", "xgrammar", "guidance", "ollama", "none",
    }  # fmt: skip
    assert all(row.source and row.as_of for row in SUBSETS.values())
