import pytest

from aihandler.domain.task import LabelOutput, TextOutput
from aihandler.validation import Validator

LABELS = Validator(LabelOutput(("billing", "card_arrival", "card")))


def judged(text, validator=LABELS):
    return validator.check(text, finish="stop", source="")


@pytest.mark.parametrize("text", ["billing", " billing\n"])
def test_a_label_is_exact(text):
    assert (judged(text).state, judged(text).value) == ("exact", "billing")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Billing", "billing"),
        ('"billing".', "billing"),
        ("**card**", "card"),
        ("```\nbilling\n```", "billing"),
        ("Category: billing", "billing"),
        ("The category is card_arrival.", "card_arrival"),
        ("Card arrival", "card_arrival"),
        ('{"label": "card"}', "card"),
        ("<think>card?</think>billing", "billing"),
        ("The label is:\n\n**Billing**", "billing"),
    ],
)
def test_marks_around_a_label_are_taken_away(text, label):
    assert (judged(text).state, judged(text).value) == ("repaired", label)


@pytest.mark.parametrize("text", ["billing or card", "card\ncard_arrival", '["billing", "card"]'])
def test_two_labels_are_ambiguous(text):
    assert judged(text).state == "ambiguous"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cards",
        "not billing",
        "It is not: billing",
        "The wrong label is billing",
        "billing maybe",
        "<think>billing",
        "it can't be: billing",
        '{"label": "billing", "other": "x"}',
    ],
)
def test_a_label_in_other_words_is_refused(text):
    assert judged(text).state == "invalid"


def test_labels_that_differ_in_case_alone_are_told_apart_by_case_alone():
    validator = Validator(LabelOutput(("IT", "it")))

    assert judged("IT", validator).value == "IT"
    assert not judged("It", validator).ok


def test_text_is_bounded_and_never_empty():
    validator = Validator(TextOutput(max_chars=10))

    assert judged(" hello\n", validator).value == "hello"
    assert judged("<think>much too long</think> hello", validator).state == "repaired"
    assert judged("hello, hello", validator).state == "invalid"
    assert judged(" ", validator).state == "invalid"
    assert judged("<think>so", validator).state == "invalid"


def test_a_tag_inside_of_a_text_stays():
    text = "Write <think> and </think> around it."

    assert judged(text, Validator(TextOutput())).value == text


@pytest.mark.parametrize("output", [TextOutput(), LabelOutput(("a",))])
def test_a_cut_reply_is_truncated_for_every_output(output):
    assert Validator(output).check("a", finish="length", source="").state == "truncated"
