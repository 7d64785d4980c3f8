"""Servers number, name and finish streamed tool calls each in its own way."""

import json

import pytest
from chat_cases import CHAT, WHO, asked, read_pieces, read_whole, sse
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.domain.answer import ArgumentsDelta, Reply, ReplyDone, ToolCallStarted
from aihandler.domain.parts import Opaque, Text, ToolCall
from aihandler.errors import BackendError


def piece(index=None, call_id=None, name=None, arguments=None):
    function = {"name": name, "arguments": arguments}
    call = {"index": index, "id": call_id, "type": "function"}
    call["function"] = {key: value for key, value in function.items() if value is not None}
    return {key: value for key, value in call.items() if value is not None}


def calls_of(*deltas, **about):
    events = read_pieces([sse(*({"tool_calls": delta} for delta in deltas), **about)])
    reply = events[-1].reply
    told = {}
    for event in events:
        if isinstance(event, ToolCallStarted):
            assert event.index == len(told)
            told[event.index] = [event.id, event.name, ""]
        elif isinstance(event, ArgumentsDelta):
            told[event.index][2] += event.text
    found = [part for part in reply.parts if isinstance(part, ToolCall)]
    # What was told piece by piece is what the reply holds.
    assert [[call.id, call.name, call.arguments] for call in found] == list(told.values())
    assert reply.finish == "tool_calls"
    return [(call.id, call.name, call.arguments) for call in found]


def test_id_and_name_stand_in_the_first_chunk_only():
    found = calls_of(
        [piece(0, "a", "look", "")], [piece(0, arguments='{"x"')], [piece(0, arguments=":1}")]
    )
    assert found == [("a", "look", '{"x":1}')]


@pytest.mark.parametrize("index", [0, -1])
def test_every_call_has_the_same_index(index):
    found = calls_of(
        [piece(index, "a", "one", '{"x":1}')],
        [piece(index, "b", "two", '{"y"')],
        [piece(index, arguments=":2}")],
    )
    assert found == [("a", "one", '{"x":1}'), ("b", "two", '{"y":2}')]


@pytest.mark.parametrize("index", [0, -1, None])
def test_several_calls_stand_in_one_chunk(index):
    found = calls_of([piece(index, "a", "one", "{}"), piece(index, "b", "two", '{"y":2}')])
    assert found == [("a", "one", "{}"), ("b", "two", '{"y":2}')]


def test_calls_without_ids_are_told_apart_and_get_ids():
    found = calls_of(
        [piece(0, name="one", arguments='{"x":1}'), piece(0, name="one", arguments="{}")],
        [piece(0, name="two", arguments='{"y":2}')],
        id="chatcmpl-9",
    )
    assert [call[1:] for call in found] == [("one", '{"x":1}'), ("one", "{}"), ("two", '{"y":2}')]
    ids = {call[0] for call in found}
    assert len(ids) == 3
    assert all(len(call_id) <= 40 for call_id in ids)


def test_interleaved_calls_are_put_together_by_their_index():
    found = calls_of(
        [piece(0, "a", "one", "{"), piece(1, "b", "two", "{")],
        [piece(1, arguments="}"), piece(0, arguments="}")],
    )
    assert found == [("a", "one", "{}"), ("b", "two", "{}")]


def test_a_server_that_repeats_id_and_name_in_every_chunk_makes_one_call():
    found = calls_of([piece(0, "a", "one", '{"x"')], [piece(0, "a", "one", ":1}")])
    assert found == [("a", "one", '{"x":1}')]
    found = calls_of(
        [piece(0, name="one", arguments='{"x"')], [piece(0, name="one", arguments=":1}")]
    )
    assert found[0][1:] == ("one", '{"x":1}')


def test_arguments_that_come_only_at_the_end_are_kept():
    assert calls_of([piece(0, "a", "one")], [piece(0, arguments='{"x":1}')])[0][2] == '{"x":1}'


def test_a_call_without_arguments_has_an_empty_object():
    assert calls_of([piece(0, "a", "one", "")]) == [("a", "one", "{}")]


def test_arguments_that_are_an_object_become_text():
    assert calls_of([piece(0, "a", "one", {"x": 1})]) == [("a", "one", '{"x":1}')]


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "eos"])
def test_after_text_and_a_call_the_reason_is_the_call(reason):
    deltas = [{"content": "I look."}, {"tool_calls": [piece(0, "a", "one", "{}")]}]
    reply = read_pieces([sse(*deltas, reason=reason)])[-1].reply
    assert reply.finish == "tool_calls"
    assert reply.parts == (Text("I look."), ToolCall("a", "one", "{}"))


def test_a_call_that_the_limit_cut_is_no_whole_turn():
    deltas = [{"tool_calls": [piece(0, "a", "one", '{"x')]}]
    assert read_pieces([sse(*deltas, reason="length")])[-1].reply.finish == "length"


def test_calls_that_are_promised_and_do_not_come_are_no_whole_turn():
    assert read_pieces([sse({"content": ""}, reason="tool_calls")])[-1].reply.finish == "other"


def test_the_older_form_of_a_call_is_a_call():
    stream = sse(
        {"function_call": {"name": "one", "arguments": ""}},
        {"function_call": {"arguments": '{"x":1}'}},
        reason="function_call",
    )
    streamed = read_pieces([stream])[-1].reply
    message = {"function_call": {"name": "one", "arguments": '{"x":1}'}}
    whole = read_whole({"choices": [{"message": message, "finish_reason": "function_call"}]})
    assert streamed.parts == whole.parts
    assert (whole.finish, whole.parts[0].arguments) == ("tool_calls", '{"x":1}')
    again = json.loads(CHAT.write_reply(whole, WHO))["choices"][0]
    assert again["message"]["function_call"] == message["function_call"]
    assert again["finish_reason"] == "function_call"


def test_a_call_that_a_server_writes_in_both_ways_is_one_call():
    # llama-cpp-python does, whole and streamed.
    function = {"name": "one", "arguments": '{"x":1}'}
    both = {"function_call": function, "tool_calls": [{"id": "call_1", "function": function}]}
    whole = read_whole({"choices": [{"message": both, "finish_reason": "tool_calls"}]})
    assert [part.id for part in whole.parts] == ["call_1"]


def test_a_call_of_a_custom_tool_is_carried_whole():
    call = {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    whole = read_whole(
        {"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    )
    assert whole.parts == (Opaque("openai.chat", call),)
    assert whole.finish == "tool_calls"
    written = json.loads(CHAT.write_reply(whole, WHO))
    assert written["choices"][0]["message"]["tool_calls"] == [call]


def test_what_came_before_an_error_is_told_before_it():
    error = b'data: {"error":{"message":"overloaded"}}\n\n'
    good = sse({"content": "half"}, done=False)
    data = good[: good.index(b"\n\n") + 2] + error
    headers = {"content-type": "text/event-stream"}
    reader = CHAT.reader(200, headers, asked=asked(streamed=True))
    assert [event.text for event in reader.feed(data)] == ["half"]
    with pytest.raises(BackendError):
        reader.end()


def test_an_error_inside_a_choice_is_an_error():
    choice = {"index": 0, "delta": {"content": ""}, "error": {"code": 502, "message": "gone"}}
    with pytest.raises(BackendError):
        read_pieces([f"data: {json.dumps({'choices': [choice]})}\n\n".encode()])


def test_usage_in_the_chunk_that_says_why_it_ended_is_read():
    chunk = {
        "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }
    reply = read_pieces([f"data: {json.dumps(chunk)}\n\n".encode()])[-1].reply
    assert reply.usage.total == 4
    assert not reply.usage.estimated


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_a_reply_without_end_is_refused_before_it_fills_the_memory(kind):
    reader = CHAT.reader(200, {"content-type": kind}, asked=asked(streamed=True))
    piece = (b": " + b"x" * 1022 + b"\n\n") * 1024
    for _ in range(63):
        assert not reader.feed(piece)
    with pytest.raises(BackendError, match="without end"):
        reader.feed(piece * 2)


names = st.text("abc_", min_size=1, max_size=6)
arguments = st.dictionaries(st.text(max_size=4), st.text(max_size=6), max_size=3).map(json.dumps)
calls = st.lists(st.tuples(names, arguments), max_size=4)


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=20), calls)
def test_what_a_stream_of_ours_says_is_what_was_meant(text, made):
    parts = [Text(text)] if text else []
    parts += [ToolCall(f"call_{n}", name, args) for n, (name, args) in enumerate(made)]
    reply = Reply(tuple(parts), "tool_calls" if made else "stop")
    events = read_pieces([CHAT.stream_writer(WHO, usage=False).write(ReplyDone(reply))])
    assert events[-1].reply.parts == reply.parts
    assert events[-1].reply.finish == reply.finish
    assert read_whole(json.loads(CHAT.write_reply(reply, WHO))).parts == reply.parts
