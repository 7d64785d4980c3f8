"""Programs change their base url and nothing else."""

import json

import anthropic
import openai
import pytest

from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, gateway, written

TASK = """
tasks:
  triage:
    output: {label: [billing, bug]}
    candidates: [near]
"""


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def url(near, tmp_path):
    text = deployments({"near": near}) + TASK + POLICY
    with gateway(written(tmp_path, text)) as address:
        yield address


@pytest.fixture
def openai_client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(url):
    with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as client:
        yield client


ASKED = [{"role": "user", "content": "hi"}]


def test_a_chat_completion(openai_client, near):
    raw = openai_client.chat.completions.with_raw_response.create(model="near", messages=ASKED)
    reply = raw.parse()
    assert reply.choices[0].message.content == "Hello there."
    assert reply.usage.total_tokens > 0
    assert raw.headers["x-aihandler-deployment"] == "near"
    assert raw.headers["x-aihandler-reason"] == "first"
    assert near.requests[0]["model"] == "near-1"


@pytest.mark.parametrize("counts", [True, False])
def test_a_streamed_chat_completion(openai_client, counts):
    options = {"stream_options": {"include_usage": True}} if counts else {}
    stream = openai_client.chat.completions.create(
        model="near", messages=ASKED, stream=True, **options
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there."
    told = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(told) == counts


def test_a_message_of_anthropic_before_a_server_of_openai(anthropic_client):
    reply = anthropic_client.messages.create(model="near", max_tokens=50, messages=ASKED)
    assert reply.content[0].text == "Hello there."
    assert (reply.stop_reason, reply.usage.output_tokens > 0) == ("end_turn", True)


def test_a_streamed_message_of_anthropic(anthropic_client):
    with anthropic_client.messages.stream(model="near", max_tokens=50, messages=ASKED) as stream:
        assert "".join(stream.text_stream) == "Hello there."
        assert stream.get_final_message().stop_reason == "end_turn"


def test_a_task_is_a_model_whose_answers_are_valid(openai_client, near):
    near._constant = Scripted("`Bug`")
    reply = openai_client.chat.completions.create(model="triage", messages=ASKED)
    assert reply.choices[0].message.content == "bug"


def test_models_are_listed(openai_client, anthropic_client):
    assert {model.id for model in openai_client.models.list()} == {"near", "triage"}
    assert {model.id for model in anthropic_client.models.list()} == {"near", "triage"}


def test_a_model_that_is_not_there_is_named_with_the_nearest(openai_client):
    with pytest.raises(openai.NotFoundError, match="did you mean 'near'"):
        openai_client.chat.completions.create(model="naer", messages=ASKED)


def test_what_is_wrong_with_a_request_is_told(openai_client, anthropic_client):
    with pytest.raises(openai.BadRequestError, match="/messages"):
        openai_client.chat.completions.create(model="near", messages=[])
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        anthropic_client.messages.create(model="near", max_tokens=0, messages=ASKED)


def test_tools_go_there_and_calls_come_back(openai_client, near):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    near._constant = Scripted("", tool_calls=(call,)) if "tool_calls" in dir(Scripted) else None
    if near._constant is None:
        pytest.skip("the fake server says no calls")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    reply = openai_client.chat.completions.create(model="near", messages=ASKED, tools=tools)
    assert json.loads(reply.choices[0].message.tool_calls[0].function.arguments) == {"a": 1}
