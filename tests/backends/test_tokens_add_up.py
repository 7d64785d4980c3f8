"""Token buckets do not overlap, and their sum is the provider's total."""

import json
from pathlib import Path

import pytest

from aihandler.backends import OpenAIChat, load_profiles
from aihandler.backends.codec import Asked
from aihandler.backends.openai_chat.usage import usage_from
from aihandler.backends.openai_chat.wire import Details, WireUsage
from aihandler.domain.conversation import Opaque, Refusal, Request, Text, Thinking, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.usage import Usage

DEPLOYMENT = Deployment("d", "openai", Model("m"), Hosting.SELF, urls=("http://127.0.0.1:1",))
RECORDED = Path(__file__).parents[1] / "data" / "wire" / "openai_chat.jsonl"


def test_cached_tokens_are_no_input_and_reasoning_is_no_output():
    wire = WireUsage(100, 50, 150, Details(cached_tokens=80), Details(reasoning_tokens=30))
    assert usage_from(wire) == Usage(20, 80, 0, 20, 30)


def test_reasoning_that_is_counted_apart_is_seen_from_the_total():
    wire = WireUsage(100, 50, 180, None, Details(reasoning_tokens=30))
    assert usage_from(wire) == Usage(100, 0, 0, 50, 30)


def test_counts_that_contradict_each_other_never_become_negative():
    wire = WireUsage(10, 5, None, Details(cached_tokens=99), Details(reasoning_tokens=99))
    usage = usage_from(wire)
    assert usage.total == 15
    assert min(usage.input, usage.output, usage.cache_read, usage.reasoning) >= 0


def test_deepseek_names_cached_tokens_in_its_own_way():
    assert usage_from(WireUsage(100, 5, 105, prompt_cache_hit_tokens=64)).cache_read == 64


def test_sound_is_counted_apart_on_both_sides():
    wire = WireUsage(100, 50, 150, Details(audio_tokens=60), Details(audio_tokens=40))
    assert usage_from(wire) == Usage(40, 0, 0, 10, 0, audio_input=60, audio_output=40)
    assert usage_from(wire).total == 150


def _exchanges():
    return [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]


def _read(exchange):
    asked = Asked(
        Request("t", (message("user", "hi"),)),
        DEPLOYMENT,
        load_profiles()["openai"],
        exchange["stream"],
    )
    body = exchange["body"] if exchange["stream"] else json.dumps(exchange["body"])
    reader = OpenAIChat().reader(200, {"content-type": exchange["content_type"]}, asked=asked)
    reader.feed(body.encode())
    return reader.end()[-1].reply


@pytest.mark.parametrize("exchange", _exchanges(), ids=lambda e: e["name"])
def test_recorded_replies_of_many_providers_are_read_whole(exchange):
    reply = _read(exchange)
    assert reply.finish == exchange["finish"]
    assert [type(part).__name__ for part in reply.parts] == exchange["parts"]
    assert all(part != type(part)("") for part in reply.parts if isinstance(part, Text | Thinking))
    if exchange["total_tokens"] is None:
        assert reply.usage.estimated
    else:
        assert reply.usage.total == exchange["total_tokens"]


def test_counts_of_an_odd_form_do_not_cost_the_answer():
    reply = _message(usage={"prompt_tokens": "many"}, content="fine")
    assert reply.text == "fine"
    assert reply.usage.estimated


def _message(usage=None, **fields):
    asked = Asked(Request("t", (message("user", "hi"),)), DEPLOYMENT, load_profiles()["openai"])
    reader = OpenAIChat().reader(200, {}, asked=asked)
    choice = {"message": fields, "finish_reason": "stop"}
    reader.feed(json.dumps({"choices": [choice], "usage": usage}).encode())
    return reader.end()[-1].reply


def test_a_refusal_is_no_answer():
    reply = _message(content=None, refusal="I will not.")
    assert reply.parts == (Refusal("I will not."),)
    assert reply.finish == "refused"
    assert reply.text == ""


def test_content_may_be_null_or_a_list_of_parts():
    assert _message(content=None).parts == ()
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "image_url", "image_url": {}},
        "odd",
    ]
    picture = Opaque("openai.chat", {"type": "image_url", "image_url": {}})
    assert _message(content=parts).parts == (Thinking("hm"), Text("ab"), picture)


def test_both_names_for_thinking_are_read():
    assert _message(content="x", reasoning="hm").parts == (Thinking("hm"), Text("x"))
    assert _message(content="x", reasoning_content="hm").parts == (Thinking("hm"), Text("x"))
