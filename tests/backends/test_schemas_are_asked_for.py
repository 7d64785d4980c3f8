"""A schema is asked for by the best means that a server has for this very request."""

import json

import msgspec
import pytest

from aihandler.backends import AnthropicMessages, OpenAIChat, load_profiles
from aihandler.backends.codec import Asked
from aihandler.backends.schema_modes import AnswerFromTool, prepared, schema_means
from aihandler.domain.answer import ReplyDone, TextDelta
from aihandler.domain.conversation import Request, ThinkingWish, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.schemas import SchemaMeans, SentSchema
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool

PROFILES = load_profiles()
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
ASKED = Request("t", (message("system", "S"), message("user", "hi")), output=JsonOutput(SCHEMA))
DEPLOYMENT = Deployment("d", "openai", Model("m"), Hosting.SELF)


def modes(request=ASKED, *, profile, streamed=False):
    means = schema_means(request, PROFILES[profile], streamed=streamed)
    return [rung.mode for rung in means]


def test_a_ladder_ends_with_the_prompt():
    assert modes(profile="openai") == ["native", "strict_tool", "tool", "json_object", "prompt"]
    assert modes(profile="generic") == ["prompt"]
    assert schema_means(ASKED, PROFILES["vllm"])[0] == SchemaMeans("native", "xgrammar")


def test_no_schema_no_ladder():
    assert schema_means(Request("t", ()), PROFILES["openai"]) == ()


def test_a_rung_that_fails_together_with_the_rest_is_left_out():
    thinking = msgspec.structs.replace(ASKED, thinking=ThinkingWish())
    assert modes(thinking, profile="anthropic") == ["prompt"]
    tools = msgspec.structs.replace(ASKED, tools=(Tool("f"),))
    assert modes(tools, profile="openai") == ["native", "json_object", "prompt"]
    assert modes(profile="groq", streamed=True) == ["prompt"]
    choice = msgspec.structs.replace(ASKED, output=JsonOutput({"anyOf": [SCHEMA]}))
    assert "tool" not in modes(choice, profile="openai")


def test_every_row_names_a_subset_that_there_is():
    from aihandler.validation.downlevel import load_subsets

    subsets = load_subsets()
    for profile in PROFILES.values():
        enforcing = {"native", "grammar", "strict_tool"} & set(profile.modes)
        assert bool(enforcing) == (profile.schema_subset != "none"), profile.name
        assert profile.schema_subset in subsets
        assert ("grammar" in profile.modes) == bool(profile.grammar_form), profile.name


@pytest.mark.parametrize(
    ("profile", "field", "value"),
    [
        ("vllm", "structured_outputs", {"json": SCHEMA}),
        ("llama-cpp", "json_schema", SCHEMA),
        ("llama-cpp-python", "response_format", {"type": "json_object", "schema": SCHEMA}),
        ("tgi", "response_format", {"type": "json", "value": SCHEMA}),
    ],
)
def test_a_servers_own_field_takes_the_grammar(profile, field, value):
    sent = SentSchema(SCHEMA, "grammar", "full")
    body = written(msgspec.structs.replace(ASKED, sent=sent), PROFILES[profile])
    assert body[field] == value
    shown = body["messages"][-1]["content"] != "hi"
    assert shown == PROFILES[profile].schema_in_prompt


def test_a_schema_that_was_made_to_fit_is_sent_as_strict():
    fitted = SentSchema(SCHEMA, "native", "partial", "openai-strict")
    body = written(msgspec.structs.replace(ASKED, sent=fitted), PROFILES["openai"])
    assert body["response_format"]["json_schema"]["strict"] is True
    assert "strict" not in written(ASKED, PROFILES["openai"])["response_format"]["json_schema"]


def test_the_prompt_shows_the_tasks_own_schema():
    sent = SentSchema({"type": "object", "description": "lowered"}, "json_object")
    body = written(msgspec.structs.replace(ASKED, sent=sent), PROFILES["deepseek"])
    assert body["response_format"] == {"type": "json_object"}
    assert json.dumps(SCHEMA, separators=(",", ":")) in body["messages"][-1]["content"]
    assert body["messages"][0]["content"] == "S"


@pytest.mark.parametrize("mode", ["tool", "strict_tool"])
def test_an_answer_that_comes_as_a_tools_arguments_is_text(mode):
    request = msgspec.structs.replace(ASKED, sent=SentSchema(SCHEMA, mode))
    ready = prepared(request, PROFILES["anthropic"], streamed=False, kind="anthropic")
    assert ready.by_tool
    call = AnthropicMessages().encode(
        ready.request, DEPLOYMENT, PROFILES["anthropic"], streamed=False
    )
    body = json.loads(call.body)
    assert body["tool_choice"]["name"] == body["tools"][0]["name"] == "answer"
    content = [
        {"type": "text", "text": "Here it is."},
        {"type": "tool_use", "id": "a", "name": "answer", "input": {"a": 1}},
    ]
    reply = told(AnthropicMessages(), {"content": content, "stop_reason": "tool_use"}, ready)[-1]
    assert isinstance(reply, ReplyDone)
    assert (reply.reply.text, reply.reply.finish) == ('{"a":1}', "stop")


def test_the_arguments_of_a_streamed_answer_come_as_text():
    ready = prepared(
        msgspec.structs.replace(ASKED, sent=SentSchema(SCHEMA, "tool")),
        PROFILES["openai"],
        streamed=True,
        kind="openai.chat",
    )
    first = {"index": 0, "id": "c", "function": {"name": "answer", "arguments": ""}}
    chunks = [
        {"delta": {"tool_calls": [first]}},
        {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}},
        {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}},
        {"delta": {}, "finish_reason": "tool_calls"},
    ]
    lines = [b"data: " + json.dumps({"choices": [c]}).encode() + b"\n\n" for c in chunks]
    events = told(OpenAIChat(), b"".join(lines), ready)
    assert [e.text for e in events if isinstance(e, TextDelta)] == ['{"a"', ":1}"]
    assert (events[-1].reply.text, events[-1].reply.finish) == ('{"a":1}', "stop")


def test_a_reply_without_the_answers_tool_stays_as_it_is():
    ready = prepared(
        msgspec.structs.replace(ASKED, sent=SentSchema(SCHEMA, "tool")),
        PROFILES["anthropic"],
        streamed=False,
        kind="anthropic",
    )
    content = [{"type": "text", "text": '{"a": 2}'}]
    events = told(AnthropicMessages(), {"content": content, "stop_reason": "end_turn"}, ready)
    assert events[-1].reply.text == '{"a": 2}'


def test_what_a_client_asked_in_a_vendors_own_format_stays():
    request = msgspec.structs.replace(ASKED, origin="anthropic")
    ready = prepared(request, PROFILES["anthropic"], streamed=False, kind="anthropic")
    assert ready.request is request


def written(request, profile):
    ready = prepared(request, profile, streamed=False, kind="openai.chat").request
    return json.loads(OpenAIChat().encode(ready, DEPLOYMENT, profile, streamed=False).body)


def told(codec, body, ready):
    streamed = isinstance(body, bytes)
    asked = Asked(ready.request, DEPLOYMENT, PROFILES["generic"], streamed, by_tool=ready.by_tool)
    kind = "text/event-stream" if streamed else "application/json"
    reader = AnswerFromTool(codec.reader(200, {"content-type": kind}, asked=asked))
    events = list(reader.feed(body if streamed else json.dumps(body).encode()))
    return [*events, *reader.end()]
