import pytest
from classroom import TRIAGE_SCHEMA, ticket_examples, ticket_task, triage_task

from aihandler.backends.builtin.lesson import document_text, identity, lesson, questions
from aihandler.domain.task import Example, Examples, JsonOutput, LabelOutput, Task, TextOutput
from aihandler.errors import ConfigError, InputError


def test_a_label_without_an_example() -> None:
    task = ticket_task(output=LabelOutput(("billing", "bug", "other")))
    with pytest.raises(ConfigError) as caught:
        lesson(task)
    assert str(caught.value) == ("task 'triage': label 'other' has no example in 'tickets.csv'")
    assert "take the label out" in caught.value.hint


def test_a_property_value_without_an_example() -> None:
    schema = {**TRIAGE_SCHEMA, "properties": {"category": {"enum": ["billing", "bug", "x"]}}}
    with pytest.raises(ConfigError, match="label 'x' of 'category' has no example"):
        lesson(triage_task(output=JsonOutput(schema)))


def test_a_task_without_examples() -> None:
    with pytest.raises(ConfigError, match="no examples to learn from"):
        lesson(ticket_task(examples=Examples()))


def test_one_label_only() -> None:
    rows = tuple(row for row in ticket_examples().rows if row.expected == "bug")
    with pytest.raises(ConfigError, match="nothing to learn"):
        lesson(ticket_task(output=LabelOutput(("bug",)), examples=Examples(rows)))


def test_an_example_with_a_label_that_the_task_does_not_know_is_not_quoted() -> None:
    rows = (*ticket_examples().rows, Example({"text": "hello"}, "dear sir, my name is"))
    with pytest.raises(InputError) as caught:
        lesson(ticket_task(examples=Examples(rows, source="tickets.csv")))
    assert "example 13 of 'tickets.csv': the label is none of 'billing', 'bug'" in str(caught.value)
    assert "dear sir" not in str(caught.value)


@pytest.mark.parametrize("expected", [None, 3, {"category": "bug"}, "bug"])
def test_an_example_without_all_required_answers(expected: object) -> None:
    rows = (*triage_task().examples.rows, Example({"text": "hello"}, expected))
    with pytest.raises(InputError, match="example 25 of"):
        lesson(triage_task(examples=Examples(rows)))


def test_an_example_without_text() -> None:
    rows = (*ticket_examples().rows, Example({"text": " "}, "bug"))
    with pytest.raises(InputError, match="example 13 of its examples has no text"):
        lesson(ticket_task(examples=Examples(rows)))


@pytest.mark.parametrize(
    "output",
    [
        TextOutput(),
        JsonOutput({"type": "object"}),
        JsonOutput({"type": "object", "properties": {"a": {"type": "string"}}}),
        JsonOutput({"type": "object", "properties": {"a": {"enum": ["x", 3]}}}),
        JsonOutput({"type": "object", "properties": {"a": {"enum": ["x"]}, "b": True}}),
        JsonOutput({"properties": []}),
    ],
)
def test_an_output_that_no_classifier_can_give(output: object) -> None:
    with pytest.raises(ConfigError, match="cannot give its output"):
        questions(ticket_task(output=output))


def test_a_property_that_may_be_missing_is_learned_as_such() -> None:
    schema = {"type": "object", "properties": {"colour": {"enum": ["red"]}}}
    rows = (Example({"text": "a red car"}, {"colour": "red"}), Example({"text": "fog"}, {}))
    task = Task("paint", "v1", output=JsonOutput(schema), examples=Examples(rows))
    assert lesson(task).answers == {"colour": ("red", None)}


def test_a_property_with_one_value_is_not_learned() -> None:
    properties = {**TRIAGE_SCHEMA["properties"], "kind": {"enum": ["ticket"]}}
    rows = tuple(
        Example(row.fields, {**row.expected, "kind": "ticket"})
        for row in triage_task().examples.rows
    )
    schema = {**TRIAGE_SCHEMA, "properties": properties, "required": list(properties)}
    task = triage_task(output=JsonOutput(schema), examples=Examples(rows))
    assert set(lesson(task).answers) == {"category", "priority"}


def test_the_text_comes_first_and_a_huge_field_leaves_room_for_the_others() -> None:
    fields = {"subject": "late", "text": "x" * 1_000_000, "other": "unused"}
    text = document_text(fields, ("subject", "text"))
    assert text == "x" * 10_000 + "\nlate"


def test_a_model_is_named_by_examples_and_output_and_by_nothing_else() -> None:
    name = identity(ticket_task())
    assert identity(ticket_task(version="v2", quality_target=0.9)) == name
    assert identity(ticket_task(examples=Examples(ticket_examples().rows, source="b"))) == name
    assert identity(ticket_task(output=LabelOutput(("bug", "billing")))) != name
    assert identity(ticket_task(examples=Examples(ticket_examples().rows[1:]))) != name
    assert identity(ticket_task(output=TextOutput())) != name


def test_the_trainer_has_a_new_name_when_it_trains_otherwise() -> None:
    from aihandler.backends.builtin.lesson import TEXT_CHARS, TRAINER
    from aihandler.linear.features import Space
    from aihandler.linear.fit import Fitting

    # Change the name here and there, together with any of these.
    assert TRAINER == "classify-1"
    assert TEXT_CHARS == 20_000
    assert Space() == Space(words=16_384, chars=16_384, longest=4, text_chars=20_000)
    assert Fitting() == Fitting(
        epochs=10, most_epochs=60, updates=200, batch=64, step=0.2, decay=1e-6, seed=0
    )
