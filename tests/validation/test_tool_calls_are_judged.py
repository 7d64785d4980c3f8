"""A call of a tool is judged as an answer is: offered, allowed, with arguments that fit."""

import pytest

from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Text, ToolCall, ToolResult, message
from aihandler.domain.parts import Opaque, Thinking
from aihandler.domain.tools import Tool, ToolChoice
from aihandler.validation import ToolJudge, reask_calls

WEATHER = Tool(
    "weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
CLOCK = Tool("clock")


def reply(*calls, finish="tool_calls"):
    return Reply((Thinking("hm", "sig"), Text("I look."), *calls), finish)


def call(arguments, name="weather", call_id="c1"):
    return ToolCall(call_id, name, arguments)


def judged(said, *tools, choice=None):
    return ToolJudge(tools or (WEATHER, CLOCK), choice).check(said)


def test_a_call_that_fits_stays_as_the_model_wrote_it():
    said = reply(call('{"city":  "Bern"}'))
    verdict, corrected = judged(said)
    assert verdict.state == "exact"
    assert corrected is said


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_tool_without_parameters_takes_no_arguments(arguments):
    assert judged(reply(call(arguments, "clock")))[0].ok


def test_what_can_be_put_right_is_and_is_told():
    verdict, corrected = judged(reply(call('{"city": "Bern", "days": "3",}')))
    assert verdict.state == "repaired"
    assert verdict.notes[0].startswith("'weather': ")
    assert corrected.parts[-1].arguments == '{"city":"Bern","days":3}'
    assert corrected.parts[:2] == (Thinking("hm", "sig"), Text("I look."))


def test_a_problem_points_into_the_calls():
    verdict, _ = judged(reply(call('{"city": "Bern"}'), call('{"days": 3}', call_id="c2")))
    assert not verdict.ok
    assert [p.pointer for p in verdict.problems] == ["/1/arguments"]
    assert "'city'" in verdict.problems[0].message


def test_a_tool_that_nobody_offered_is_no_call():
    verdict, _ = judged(reply(call("{}", "launch")))
    assert verdict.problems[0].pointer == "/0/name"


@pytest.mark.parametrize(
    ("choice", "calls"),
    [
        (ToolChoice("required"), []),
        (ToolChoice("required", ("clock",)), [call('{"city": "Bern"}')]),
        (ToolChoice("none"), [call('{"city": "Bern"}')]),
        (ToolChoice(parallel=False), [call("{}", "clock"), call("{}", "clock", "c2")]),
    ],
)
def test_the_choice_among_tools_has_to_be_kept(choice, calls):
    assert not judged(reply(*calls), choice=choice)[0].ok


def test_calls_that_were_cut_are_truncated():
    assert judged(reply(call('{"city": "Be'), finish="length"))[0].state == "truncated"


def test_a_providers_own_tool_may_be_called_by_any_name():
    own = Opaque("anthropic", {"type": "web_search"})
    assert judged(reply(call("{}", "web_search")), WEATHER, own)[0].ok


def test_a_schema_that_cannot_be_compiled_lets_its_calls_through():
    assert judged(reply(call('{"a": 1}', "odd")), Tool("odd", parameters={"type": "nonsense"}))[
        0
    ].ok


def test_a_wrong_call_is_answered_with_what_is_wrong():
    said = reply(call('{"days": 3}'), call('{"city": "Bern"}', call_id="c2"))
    verdict, _ = judged(said)
    *_, answered, told = reask_calls((message("user", "hi"),), said, verdict)
    assert answered.parts == said.parts
    assert [type(part) for part in told.parts] == [ToolResult, ToolResult]
    assert told.parts[0].failed
    assert "/0/arguments" in told.parts[0].parts[0].text


def test_a_call_that_was_not_made_is_asked_for():
    said = Reply((Text("It is sunny."),), "stop")
    verdict, _ = judged(said, choice=ToolChoice("required"))
    asked = reask_calls((message("user", "hi"),), said, verdict)
    assert "has to be called" in asked[-1].text
