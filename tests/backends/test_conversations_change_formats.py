"""A conversation with tools goes on at a deployment of any other format."""

import itertools
import json

import pytest

from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.backends.formats import FORMATS, codec_of
from aihandler.backends.profiles import load_profiles, profile_for
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Message, Request, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.parts import Media
from aihandler.domain.tools import Tool
from aihandler.domain.usage import Usage
from aihandler.testing import differences

PROFILES = load_profiles()
# One word for each format; vertex speaks what gemini speaks.
SPOKEN = sorted({codec_of(backend).kind: backend for backend in sorted(FORMATS)}.values())
# Completions take prompts: they have a test of their own, over every pair of templates.
TALKING = [backend for backend in SPOKEN if backend != "completions"]
PAIRS = list(itertools.permutations(TALKING, 2))
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
WEATHER = Tool(
    "get_weather",
    "Says how the weather is.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
TALK = Request(
    "t",
    (
        Message("system", (Text("Be brief."),)),
        Message(
            "user",
            (Text("How is the weather in Bern and Zürich?"), Media("image", "image/png", PIXEL)),
        ),
        Message(
            "assistant",
            (
                Thinking("Two calls.", signature="c2lnbmVk"),
                Text("I look it up."),
                ToolCall("call_one", "get_weather", '{"city":"Bern"}'),
                ToolCall("call_two", "get_weather", '{"city":"Zürich"}'),
            ),
        ),
        Message(
            "user",
            (
                ToolResult("call_one", (Text("12 degrees"),), name="get_weather"),
                ToolResult("call_two", (Text("no such station"),), name="get_weather", failed=True),
            ),
        ),
        Message("assistant", (ToolCall("call_3", "get_weather", '{"city":"Zuerich"}'),)),
        Message(
            "user",
            (
                ToolResult("call_3", (Text('{"degrees": 9}'),), name="get_weather"),
                Text("And tomorrow?"),
            ),
        ),
    ),
    tools=(WEATHER, Tool("now")),
)


def deployment(backend):
    return Deployment("d", backend, Model("m-1"), Hosting.SELF)


def sent(request, backend):
    where = deployment(backend)
    return codec_of(backend).encode(request, where, profile_for(where, PROFILES), streamed=False)


def as_written_for(backend):
    """The conversation as a client of this format has it."""
    call = sent(TALK, backend)
    return codec_of(backend).read_request(call.body, {}).request


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_a_conversation_with_tools_goes_on_elsewhere(first, then):
    told = as_written_for(first)
    call = sent(told, then)
    assert differences(told, codec_of(then).read_request(call.body, {}).request) == []


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_what_a_model_of_another_format_says_is_told_in_the_clients(first, then):
    said = Reply(
        (
            Text("I look."),
            ToolCall("call_one", "get_weather", '{"city":"Bern"}'),
            ToolCall("call_two", "now", "{}"),
        ),
        "tool_calls",
        usage=Usage(input=10, output=5),
        model="m-1",
    )
    answered = read(then, codec_of(then).write_reply(said, ReplyIdentity("id-1", "m-1", 1)))
    heard = read(first, codec_of(first).write_reply(answered, ReplyIdentity("id-1", "m-1", 1)))
    assert (heard.finish, heard.text) == ("tool_calls", "I look.")
    assert heard.usage.total == 15
    calls = [part for part in heard.parts if isinstance(part, ToolCall)]
    assert [(c.name, json.loads(c.arguments)) for c in calls] == [
        ("get_weather", {"city": "Bern"}),
        ("now", {}),
    ]
    assert len({c.id for c in calls}) == 2


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_every_signature_that_cannot_go_along_is_named(first, then):
    told = as_written_for(first)
    thoughts = [p for m in told.messages for p in m.parts if isinstance(p, Thinking)]
    call = sent(told, then)
    again = codec_of(then).read_request(call.body, {}).request
    kept = [p for m in again.messages for p in m.parts if isinstance(p, Thinking)]
    if len(kept) < len(thoughts):
        assert any("/parts/" in lost.pointer for lost in call.lost)
    assert not any(
        thought.signature and thought.signature == t.signature for t in thoughts for thought in kept
    )


def read(backend, body):
    where = deployment(backend)
    asked = Asked(TALK, where, profile_for(where, PROFILES))
    reader = codec_of(backend).reader(200, {"content-type": "application/json"}, asked=asked)
    reader.feed(body)
    return reader.end()[-1].reply
