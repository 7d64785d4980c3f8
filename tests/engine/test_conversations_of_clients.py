"""A client's own request goes through the engine with its tools, and its reply comes back whole."""

import asyncio

import pytest

from aihandler.domain.answer import Answer, PartialValue, Reply, TextDelta, Validity
from aihandler.domain.conversation import Request, Text, ToolCall, ToolResult, message
from aihandler.domain.task import JsonOutput, TextOutput
from aihandler.domain.tools import Tool
from aihandler.domain.usage import Usage
from aihandler.errors import AnswerRejected
from engine.bench_of_fakes import call, near_and_far, task

WEATHER = Tool("weather", parameters={"type": "object", "required": ["city"]})
ASKED = Request("", (message("user", "Weather?"),), tools=(WEATHER,), origin="openai.chat")


def replied(*parts, finish="tool_calls"):
    return Reply(parts, finish, usage=Usage(input=10, output=5))


def asked(request=ASKED, **settings):
    return call(
        task(output=TextOutput(), **settings), messages=request.messages, asked=request, reuse=False
    )


def test_the_clients_tools_are_offered_and_its_calls_come_back():
    said = replied(ToolCall("c1", "weather", '{"city": "Bern"}'))
    fakes, near, _ = near_and_far(said)
    answer = fakes.run(asked())
    assert near.calls[0][0].tools == (WEATHER,)
    assert answer.reply == said
    assert answer.validity is Validity.EXACT


def test_a_wrong_call_is_asked_again_with_what_is_wrong():
    wrong = replied(Text("Let me see."), ToolCall("c1", "weather", "{}"))
    right = replied(ToolCall("c2", "weather", '{"city": "Bern"}'))
    fakes, near, _ = near_and_far([wrong, right])
    answer = fakes.run(asked())
    assert (answer.validity, answer.reply) == (Validity.REASKED, right)
    *_, told = near.calls[1][0].messages
    assert isinstance(told.parts[0], ToolResult)
    assert told.parts[0].call_id == "c1"


def test_a_call_that_stays_wrong_escalates_and_then_is_an_error_with_the_reply():
    wrong = replied(ToolCall("c1", "weather", "{}"))
    fakes, _, far = near_and_far(wrong, wrong)
    with pytest.raises(AnswerRejected) as raised:
        fakes.run(asked())
    assert raised.value.reply == wrong
    assert far.calls


@pytest.mark.parametrize("finish", ["length", "pause"])
def test_a_turn_that_is_cut_is_the_clients_to_go_on_with(finish):
    fakes, near, _ = near_and_far(replied(Text("It is"), finish=finish))
    answer = fakes.run(asked())
    assert answer.reply.finish == finish
    assert len(near.calls) == 1


def test_a_refused_turn_goes_to_the_next_and_is_kept():
    refused = replied(Text("No."), finish="refused")
    fakes, _, _ = near_and_far(refused, refused)
    with pytest.raises(AnswerRejected) as raised:
        fakes.run(asked())
    assert raised.value.reply == refused


def test_other_tools_are_another_question():
    fakes, near, _ = near_and_far(lambda *_: replied(Text("ok"), finish="stop"))
    one = call(task(output=TextOutput()), messages=ASKED.messages, asked=ASKED)
    other_request = Request("", ASKED.messages, tools=(Tool("clock"),), origin="openai.chat")
    other = call(task(output=TextOutput()), messages=ASKED.messages, asked=other_request)

    async def go():
        for each in (one, one, other):
            await fakes.engine.run(each)

    asyncio.run(go())
    assert len(near.calls) == 2


def events_of(fakes, streamed):
    async def go():
        return [event async for event in fakes.engine.stream(streamed)]

    return asyncio.run(go())


def test_a_json_answer_is_held_until_it_is_valid():
    fakes, _, _ = near_and_far('{"city": "Bern"}')
    held = call(task(output=JsonOutput({"type": "object"})))
    (answer,) = events_of(fakes, held)
    assert isinstance(answer, Answer)


def test_a_json_answer_may_be_shown_while_it_grows_and_is_marked_at_its_end():
    fakes, _, _ = near_and_far('{"city": "Bern", "days": 3}')
    marked = call(task(output=JsonOutput({"type": "object"}), streaming="mark"))
    *shown, answer = events_of(fakes, marked)
    assert [e.value for e in shown if isinstance(e, PartialValue)][-1] == answer.value
    assert any(isinstance(event, TextDelta) for event in shown)


def test_what_was_shown_and_is_not_valid_ends_with_an_error():
    fakes, _, _ = near_and_far('{"city": "Bern"}')
    schema = {"type": "object", "required": ["days"]}
    marked = call(task(output=JsonOutput(schema), streaming="mark"))
    with pytest.raises(AnswerRejected):
        events_of(fakes, marked)


def test_a_text_may_be_held_too():
    fakes, _, _ = near_and_far("All is well.")
    held = call(task(output=TextOutput(), streaming="hold"))
    assert [type(event) for event in events_of(fakes, held)] == [Answer]
