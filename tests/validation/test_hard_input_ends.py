import pytest
from judging import judged

from aihandler.domain.task import LabelOutput, TextOutput
from aihandler.validation import Validator

MEGABYTE = 1_000_000
# Quadratic work on any of these takes minutes, and shows.
HARD = {
    "braces": "{" * MEGABYTE,
    "brackets": "[" * MEGABYTE,
    "keys": '{"a":' * (MEGABYTE // 5),
    "quotes": '"' * MEGABYTE,
    "a string of escapes": '{"a": "' + "\\" * (MEGABYTE - 10),
    "backslashes": "\\" * MEGABYTE,
    "placeholders": "{a}" * (MEGABYTE // 3),
    "empty objects": "{}" * (MEGABYTE // 2),
    "fences": "```" * (MEGABYTE // 3),
    "open comments": "{/*" * (MEGABYTE // 3),
    "a comment": "{" + "/*" * (MEGABYTE // 2 - 1),
    "line comments": "{" + "//\n" * (MEGABYTE // 3 - 1),
    "blanks": '{"a"' + " " * (MEGABYTE - 5),
    "commas": "[" + "," * (MEGABYTE - 1),
    "reasoning": "<think>" * (MEGABYTE // 7),
    "reasoning without an end": "<think></think>" * (MEGABYTE // 15),
    "closers": "}" * MEGABYTE,
    "broken, then fences": "{a b}\n```\n" * (MEGABYTE // 10),
    "digits": "[" + "1" * (MEGABYTE - 2) + "]",
    "doubles": "{" + '"a":1,' * (MEGABYTE // 6 - 1) + '"a":2}',
    "colons": '"a" ' * (MEGABYTE // 4),
    "wrong types": "[" + "1," * (MEGABYTE // 2 - 2) + "1]",
}


@pytest.mark.parametrize("kind", HARD)
def test_a_megabyte_of_malice_is_refused(kind):
    schema = {"type": ["array", "object"], "items": {"type": "string"}, "maxProperties": 0}
    verdict = judged(HARD[kind], schema)

    assert not verdict.ok


@pytest.mark.parametrize("output", [LabelOutput(("a", "b")), TextOutput(10)])
@pytest.mark.parametrize("kind", HARD)
def test_labels_and_text_end_too(output, kind):
    verdict = Validator(output).check(HARD[kind], finish="stop", source="")

    assert verdict.state in {"exact", "repaired", "ambiguous", "invalid"}


def test_a_reply_over_the_limit_is_refused_unread():
    verdict = judged("[" + " " * MEGABYTE + "]", {"type": "array"})

    assert verdict.state == "invalid"
    assert "characters" in verdict.problems[0].message


def test_deep_nesting_is_refused():
    assert not judged("[" * 101 + "]" * 101, {}).ok
    assert judged("[" * 100 + "]" * 100, {}).ok
