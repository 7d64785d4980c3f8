"""A reply of one text is read in one step, and just as any other reply is."""

import msgspec
import pytest

from aihandler.backends.codec import Asked
from aihandler.backends.openai_chat import reader as reading
from aihandler.backends.openai_chat.plain import plain_reply
from aihandler.backends.profiles import load_profiles
from aihandler.domain.conversation import Request, Sampling, message
from aihandler.domain.deployment import Deployment, Hosting, Model

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
TURN = {"role": "assistant", "content": "Paris."}


def chat(turn=TURN, *, choice=(), **top):
    picked = {"index": 0, "message": turn, "finish_reason": "stop", **dict(choice)}
    head = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1"}
    return {**head, "choices": [picked], "usage": USAGE, **top}


def asked(*, profile="openai", **sampling):
    request = Request("t", (message("user", "hi"),), sampling=Sampling(**sampling))
    return Asked(
        request, Deployment("near", "openai", Model("m"), Hosting.SELF), load_profiles()[profile]
    )


def read(body, who):
    headers = {"content-type": "application/json", "x-request-id": "r-7"}
    reader = reading.choose_reader(200, headers, asked=who)
    reader.feed(msgspec.json.encode(body))
    return reader.end()[0].reply


def in_one_step(body, who):
    choice = body["choices"][0]
    return plain_reply(body, choice, asked=who, headers={"x-request-id": "r-7"})


PLAIN = [
    chat(),
    chat({**TURN, "refusal": None, "annotations": [], "tool_calls": None}),
    chat(choice={"finish_reason": "length", "logprobs": None}),
    chat(choice={"finish_reason": "content_filter"}),
    chat(choice={"finish_reason": "a new word"}),
    chat(service_tier="flex", x_groq={"usage": {"prompt_tokens": 1}}),
    chat(system_fingerprint="fp", model=None, id=7),
    chat(usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 3}, "total_tokens": 20}),
]
OTHERS = [
    chat({**TURN, "refusal": "No."}),
    chat({"content": "so", "refusal": "No."}),
    chat({**TURN, "reasoning_content": "hm"}),
    chat({**TURN, "content": [{"type": "text", "text": "a"}]}),
    chat({**TURN, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}),
    chat({**TURN, "annotations": [{"type": "url_citation"}]}),
    chat({**TURN, "content": ""}),
    chat(choice={"finish_reason": "tool_calls"}),
    chat(choice={"finish_reason": None}),
    chat(choice={"logprobs": {"content": []}}),
    chat(choice={"stop_reason": "END"}),
    chat(usage=None),
    chat(usage={"prompt_tokens": -1}),
    chat(usage={**USAGE, "cost": 0.1}),
    chat({**TURN, "audio": {"id": "a"}}),
]


@pytest.mark.parametrize("body", PLAIN)
def test_a_plain_reply_is_read_as_any_other_is(body, monkeypatch):
    short = read(body, asked())
    assert in_one_step(body, asked()) == short
    monkeypatch.setattr(reading, "plain_reply", lambda *_, **__: None)
    long = read(body, asked())
    assert short == long
    # Also in the order in which it is kept.
    assert msgspec.json.encode(short) == msgspec.json.encode(long)


@pytest.mark.parametrize("body", OTHERS)
def test_what_says_more_than_one_text_is_read_with_care(body):
    assert in_one_step(body, asked()) is None


def test_where_we_cut_the_text_ourselves_it_is_read_with_care():
    thinks = next(name for name, one in load_profiles().items() if one.think_tags)
    cuts = next(name for name, one in load_profiles().items() if not one.stop_trimmed)
    assert in_one_step(chat(), asked(profile=thinks)) is None
    assert in_one_step(chat(), asked(profile=cuts, stop=("END",))) is None
