"""What a model thinks is no part of its answer, in whatever form a server sends it."""

import itertools
import json

import pytest
from chat_cases import CHAT, WHO, encoded, read_pieces, read_whole, sse
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends.think_tags import ThinkSplitter
from aihandler.domain.conversation import Message, Request, message
from aihandler.domain.parts import Text, Thinking, ToolCall

THINKS = "  <think>\nhm < 2</thin king>\n</think>\n\nfour <think>"


def split(pieces, tags):
    splitter = ThinkSplitter(tags)
    told = [splitter.feed(piece) for piece in pieces] + [splitter.end()]
    return "".join(thought for thought, _ in told), "".join(answer for _, answer in told)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, len(THINKS)), max_size=12))
def test_think_tags_are_seen_however_the_text_is_cut(places):
    edges = sorted([0, *places, len(THINKS)])
    pieces = [THINKS[a:b] for a, b in itertools.pairwise(edges)]
    assert split(pieces, "pair") == ("\nhm < 2</thin king>\n", "four <think>")


@pytest.mark.parametrize("text", ["four", "<thin", "a <think>b</think>", "<b>x</b>", "", "  "])
def test_text_without_tags_at_its_beginning_stays_as_it_is(text):
    assert split(list(text), "pair") == ("", text)
    assert split([text], "pair") == ("", text)


def test_a_prompt_that_opened_the_tag_makes_every_answer_begin_with_thinking():
    assert split(list("hm</think>four"), "open") == ("hm", "four")
    assert split(["<think>hm</think>four"], "open") == ("hm", "four")
    assert split(["hm", " and no end"], "open") == ("hm and no end", "")


def test_tags_are_taken_out_where_the_profile_says_so():
    stream = sse({"content": "<thi"}, {"content": "nk>hm</think>"}, {"content": "\nfour"})
    reply = read_pieces([stream], profile="tgi")[-1].reply
    assert reply.parts == (Thinking("hm"), Text("four"))
    whole = {
        "choices": [{"message": {"content": "<think>hm</think>\nfour"}, "finish_reason": "stop"}]
    }
    assert read_whole(whole, profile="tgi").parts == reply.parts
    assert read_whole(whole, profile="openai").text == "<think>hm</think>\nfour"


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_both_names_are_read_and_thoughts_told_twice_count_once(field):
    assert read_pieces([sse({field: "hm"}, {"content": "x"})])[-1].reply.parts == (
        Thinking("hm"),
        Text("x"),
    )
    twice = {"reasoning": "hm", "reasoning_content": "hm"}
    assert read_pieces([sse(twice, {"content": "x"})])[-1].reply.parts[0] == Thinking("hm")


def detail(**fields):
    return {"reasoning_details": [{"type": "reasoning.text", "index": 0, **fields}]}


def test_a_signature_comes_late_and_belongs_to_its_thought():
    stream = sse(
        {"reasoning": "hm", **detail(text="hm")}, {"content": "x"}, detail(signature="c2ln+/=")
    )
    thought, text = read_pieces([stream])[-1].reply.parts
    assert (thought.text, thought.signature, text.text) == ("hm", "c2ln+/=", "x")


def test_a_thought_of_a_signature_alone_is_not_dropped_as_empty():
    sealed = {"reasoning_details": [{"type": "reasoning.encrypted", "data": "Z+/=", "id": "r"}]}
    body = {"choices": [{"message": {"content": "x", **sealed}, "finish_reason": "stop"}]}
    reply = read_whole(body)
    assert reply.parts[0].sealed == "Z+/="
    written = json.loads(CHAT.write_reply(reply, WHO))
    assert written["choices"][0]["message"]["reasoning_details"] == sealed["reasoning_details"]


def test_signed_thoughts_of_a_client_go_back_byte_for_byte_before_the_call():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    details = detail(text="hm", signature="s+/=", format="anthropic-claude-v1")["reasoning_details"]
    asked = {
        "role": "assistant",
        "content": None,
        "reasoning_details": details,
        "tool_calls": [call],
    }
    sent = {
        "model": "m",
        "messages": [asked, {"role": "tool", "tool_call_id": "c", "content": "1"}],
    }
    request = CHAT.read_request(json.dumps(sent).encode(), {}).request
    assert isinstance(request.messages[0].parts[0], Thinking)
    assert isinstance(request.messages[0].parts[1], ToolCall)
    assert encoded(request)[0]["messages"] == sent["messages"]


@pytest.mark.parametrize(
    ("profile", "field"), [("vllm", "reasoning"), ("deepseek", "reasoning_content")]
)
def test_thoughts_are_replayed_under_the_name_that_the_server_knows(profile, field):
    turn = Message("assistant", (Thinking("hm"), Text("x")))
    request = Request("t", (message("user", "hi"), turn, message("user", "go on")))
    body, lost = encoded(request, profile=profile)
    assert body["messages"][1] == {"role": "assistant", field: "hm", "content": "x"}
    assert lost == ()
    body, lost = encoded(request)
    assert body["messages"][1] == {"role": "assistant", "content": "x"}
    assert [item.pointer for item in lost] == ["/messages/1/parts/0"]


def test_signatures_of_another_provider_are_named_as_lost():
    turn = Message("assistant", (Thinking("", signature="sig"), Text("x")))
    _, lost = encoded(Request("t", (turn,)), profile="deepseek")
    assert [item.pointer for item in lost] == ["/messages/0/parts/0"]
