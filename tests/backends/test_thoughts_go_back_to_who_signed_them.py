"""A thought that one provider signed goes through a client of another format and back."""

import json

import pytest

from aihandler.backends import AnthropicMessages, Gemini, load_profiles
from aihandler.backends.anthropic_messages.fields import KIND as ANTHROPIC
from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.gemini.fields import KIND as GEMINI
from aihandler.backends.openai_responses.fields import KIND as RESPONSES
from aihandler.backends.signed import MARK
from aihandler.domain.answer import PartDone, Reply, ReplyDone, ThinkingDelta
from aihandler.domain.conversation import (
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    message,
)
from aihandler.domain.deployment import Deployment, Hosting, Model

PROFILES = load_profiles()
IDENTITY = ReplyIdentity("msg_1", "m", 0)
CALL = ToolCall("toolu_1", "look", "{}")


def encoded(codec, request, name):
    deployment = Deployment("d", name, Model("m"), Hosting.SELF)
    call = codec.encode(request, deployment, PROFILES[name], streamed=False)
    return json.loads(call.body), call.lost


def sent_back(thought):
    """What a client of Anthropic Messages sends after such a reply."""
    reply = Reply((thought, CALL), "tool_calls", origin=thought.signed_by)
    content = json.loads(AnthropicMessages().write_reply(reply, IDENTITY))["content"]
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]},
        ],
    }
    return content, AnthropicMessages().read_request(json.dumps(body).encode(), {}).request


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm", "c2ln", signed_by=GEMINI),
        Thinking("", sealed="c2VhbA", signed_by=RESPONSES),
    ],
)
def test_a_client_gives_it_back_as_it_was(thought):
    content, request = sent_back(thought)
    told = content[0].get("signature") or content[0]["data"]
    assert told.startswith(MARK)
    back = request.messages[1].parts[0]
    assert (back.signature, back.sealed, back.signed_by) == (
        thought.signature,
        thought.sealed,
        thought.signed_by,
    )


def test_its_own_provider_gets_it():
    _, request = sent_back(Thinking("hm", "c2ln", signed_by=GEMINI))
    body, _ = encoded(Gemini(), request, "gemini")
    assert body["contents"][1]["parts"][0] == {
        "text": "hm",
        "thought": True,
        "thoughtSignature": "c2ln",
    }


def test_another_provider_does_not_and_that_is_named():
    _, request = sent_back(Thinking("hm", "c2ln", signed_by=GEMINI))
    body, lost = encoded(AnthropicMessages(), request, "anthropic")
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]
    assert [(one.pointer, one.what) for one in lost] == [
        ("/messages/1/parts/0", "thinking that another provider signed")
    ]


def test_a_stream_marks_it_too():
    thought = Thinking("hm", "c2ln", signed_by=GEMINI)
    writer = AnthropicMessages().stream_writer(IDENTITY, usage=True)
    events = [ThinkingDelta("hm"), PartDone(thought), ReplyDone(Reply((thought,), "stop"))]
    assert f'"{MARK}{GEMINI}~c2ln"'.encode() in b"".join(map(writer.write, events))


def test_anthropics_own_stays_as_it_is():
    content, request = sent_back(Thinking("hm", "c2ln", signed_by=ANTHROPIC))
    assert content[0]["signature"] == "c2ln"
    body, lost = encoded(AnthropicMessages(), request, "anthropic")
    assert (body["messages"][1]["content"], lost) == (content, ())


def test_a_reask_in_a_clients_conversation_keeps_what_the_server_signed():
    """The conversation is of an OpenAI client, the new turn of Anthropic."""

    turn = Message("assistant", (Thinking("hm", "c2ln", signed_by=ANTHROPIC), CALL))
    result = Message("user", (ToolResult("toolu_1", (Text("no"),), failed=True),))
    asked = Request("t", (message("user", "hi"), turn, result), origin="openai.chat")
    body, _ = encoded(AnthropicMessages(), asked, "anthropic")
    assert body["messages"][1]["content"][0]["signature"] == "c2ln"
