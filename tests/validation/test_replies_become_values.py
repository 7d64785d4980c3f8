import pytest
from judging import judged

from aihandler.errors import ConfigError

SCHEMA = {
    "type": "object",
    "properties": {
        "category": {"enum": ["billing", "bug"]},
        "priority": {"type": "integer", "minimum": 1, "maximum": 5},
        "due": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "urgent": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "owner": {"type": "string"},
    },
    "required": ["category", "priority"],
    "additionalProperties": False,
}
VALUE = {"category": "bug", "priority": 2}
PLAIN = '{"category": "bug", "priority": 2}'


def test_valid_json_is_exact():
    verdict = judged(f"\n {PLAIN}\n", SCHEMA)

    assert (verdict.state, verdict.value, verdict.notes) == ("exact", VALUE, ())


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (f"```json\n{PLAIN}\n```", "took the value out of its code fence"),
        (f"```\n{PLAIN}", "took the value out of its code fence"),
        (f"Answer for {{name}} [1]:\n{PLAIN}", "took the value out of the text around it"),
        (f"<think>{{no}}</think>{PLAIN}", "removed reasoning"),
        (f"I think.\n</think>\n{PLAIN}", "removed reasoning"),
        (
            f"<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
            f"<|channel|>final<|message|>{PLAIN}<|return|>",
            "removed reasoning",
        ),
        ('{"category": "bug", "priority": 2,}', "removed a trailing comma"),
        ("{'category': 'bug', 'priority': 2}", "read quotes of Python"),
        ('{category: "bug", priority: 2}', "quoted a key"),
        ('{"category": "bug", /* low */ "priority": 2}', "removed a comment"),
        (PLAIN + "}", "removed one closing bracket too many"),
        ('{"answer": ' + PLAIN + "}", "removed the wrapper 'answer'"),
        ('"{\\"category\\": \\"bug\\", \\"priority\\": 2}"', "read an object out of a string at /"),
        ('{"category": "bug", "priority": "2"}', "read a number out of a string at /priority"),
        ('{"category": "bug", "priority": 2, "owner": null}', "took null as absent at /owner"),
        ('{"category": "bug", "priority": 2, "mood": "sad"}', "dropped the keys 'mood' at /"),
        (
            '{"category": "nonsense", "priority": 9} ' + PLAIN,
            "ignored 1 other value that the schema forbids",
        ),
        (PLAIN + " " + PLAIN, "took the value out of the text around it"),
    ],
)
def test_what_is_safe_is_put_right_and_noted(text, note):
    verdict = judged(text, SCHEMA)

    assert verdict.state == "repaired", verdict.problems
    assert verdict.value == VALUE
    assert note in verdict.notes


def test_one_value_becomes_a_list_where_a_list_is_wanted():
    verdict = judged('{"category": "bug", "priority": 2, "tags": "late"}', SCHEMA)

    assert verdict.value == {**VALUE, "tags": ["late"]}


def test_a_boolean_in_a_string_is_read_in_an_optional_place_too():
    verdict = judged('{"category": "bug", "priority": 2, "urgent": "true"}', SCHEMA)

    assert verdict.value == {**VALUE, "urgent": True}


@pytest.mark.parametrize("text", ["1.500", "-12.000", "1,500", "1,5"])
def test_a_number_in_a_string_that_two_countries_read_differently_is_not_read(text):
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}

    assert judged(f'{{"total": "{text}"}}', schema).value is None


@pytest.mark.parametrize(
    ("text", "number"), [("1.50", 1.5), ("0.125", 0.125), ("1500.250", 1500.25)]
)
def test_a_number_in_a_string_that_can_only_be_one_is_read(text, number):
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}

    assert judged(f'{{"total": "{text}"}}', schema).value == {"total": number}


def test_the_last_brace_is_added_when_every_key_is_there():
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]}

    assert judged('{"a": 1, "b": "x"', schema).value == {"a": 1, "b": "x"}
    assert judged('{"a": 1, "b": 12', schema).state == "truncated"
    assert judged('{"a": "x"', schema).state == "truncated"
    assert judged('{"a": 1, "b": "x"', schema, finish="other").state == "truncated"


@pytest.mark.parametrize(
    "text",
    [
        '{"category": "bug", "priority": 2}{"category": "billing", "priority": 1}',
        f'{PLAIN}\n```json\n{{"category": "billing", "priority": 1}}\n```',
        '{"category": "bug", "category": "billing", "priority": 2}',
    ],
)
def test_two_answers_are_ambiguous(text):
    verdict = judged(text, SCHEMA)

    assert verdict.state == "ambiguous"
    assert verdict.value is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot help",
        "<think>so",
        f"<think>{PLAIN}",
        '{"category": "Bug", "priority": 2}',
        '{"category": "bug"}',
        '{"category": "bug", "priority": "two"}',
        '{"category": "bug", "priority": "02"}',
        '{"category": "bug", "priority": 2.5}',
        '{"category": "bug", "priority": 2, "tags": "a, b"}',
        '{"category": "bug", "priority": NaN}',
        '{"category": "bug", "priority": 1e999}',
        '{"category": "bug", "priority": 2, "Owner": "x"}',
        '{"category": "bug", "priority": 2, "owner": "\\ud800"}',
        '{"category": "bug", "priority": 2, "due": "26.08.2025"}',
        '"x": {"category": "bug", "priority": 2}}',
        f"{PLAIN}}}}}",
        '{"category": bug, "priority": 2}',
        f'{{"category": "bug" <think></think>, "x": {PLAIN}',
        f"so <think>{PLAIN}</think> yes {PLAIN}",
    ],
)
def test_what_would_take_a_guess_is_refused(text):
    assert not judged(text, SCHEMA).ok


def test_every_error_is_told_with_its_place_and_what_was_expected():
    verdict = judged('{"category": "x", "priority": 9, "due": "soon"}', SCHEMA)

    assert {(p.pointer, p.message) for p in verdict.problems} == {
        ("/category", 'must be one of ["billing","bug"]'),
        ("/priority", "must be at most 5"),
        ("/due", "must have the format 'date'"),
    }


def test_messages_never_quote_the_document():
    text = '{"category": "SECRET", "priority": "SECRET", "due": "SECRET"}'

    assert "SECRET" not in str(judged(text, SCHEMA).problems)


def test_a_refusal_is_invalid():
    assert judged(PLAIN, SCHEMA, finish="refused").state == "invalid"


@pytest.mark.parametrize(
    "schema", [{"type": "strng"}, {"$ref": "http://elsewhere.example/x"}, {"pattern": "("}]
)
def test_a_schema_that_is_none_is_a_configuration_error(schema):
    with pytest.raises(ConfigError, match="JSON Schema cannot be used"):
        judged("{}", schema)


def test_sums_must_add_up():
    text = '{"net": 10.1, "tax": 1.92, "total": %s}'
    check = {"arithmetic": ("net + tax == total",)}

    assert judged(text % "12.02", {}, **check).ok
    verdict = judged(text % "12.03", {}, **check)
    assert [(p.kind, p.message) for p in verdict.problems] == [
        ("arithmetic", "does not fulfil: net + tax == total")
    ]


def test_a_sum_without_any_of_its_keys_is_passed_over_and_with_some_is_a_problem():
    check = {"arithmetic": ("net + tax == total",)}

    assert judged('{"other": 1}', {}, **check).ok
    assert judged('{"net": 1, "total": 1}', {}, **check).problems[0].kind == "arithmetic"


def test_an_expression_that_is_none_is_a_configuration_error():
    with pytest.raises(ConfigError):
        judged("{}", {}, arithmetic=("net +",))
