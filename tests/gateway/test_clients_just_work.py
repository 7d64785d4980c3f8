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


@pytest.mark.parametrize("model", ["near", "triage"])
def test_a_stream_says_in_its_headers_who_answers(tmp_path, model):
    with (
        FakeServer("billing") as near,
        gateway(written(tmp_path, deployments({"near": near}) + TASK + POLICY)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
    ):
        _streams(client, model)


def _streams(client, model):
    with client.chat.completions.with_streaming_response.create(
        model=model, messages=ASKED, stream=True
    ) as raw:
        assert raw.headers["x-aihandler-deployment"] == "near"
        assert raw.headers["x-aihandler-reason"] == "first"
        assert "billing" in "".join(raw.iter_lines())


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


def test_a_response_without_state(openai_client):
    reply = openai_client.responses.create(model="near", input="hi", store=False)
    assert reply.output_text == "Hello there."
    assert reply.status == "completed"


def test_a_streamed_response(openai_client):
    with openai_client.responses.stream(model="near", input="hi", store=False) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text == "Hello there."


def said(near, **message):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    body = {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice]}
    near._constant = Scripted(body=json.dumps({**body, "usage": usage}).encode())


CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"id": "c2", "type": "function", "function": {"name": "f", "arguments": '{"a": 2}'}},
]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def test_parallel_tools_go_there_and_calls_come_back(openai_client, near):
    said(near, content=None, tool_calls=CALLS)
    tools = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
    reply = openai_client.chat.completions.create(model="near", messages=ASKED, tools=tools)
    arguments = [call.function.arguments for call in reply.choices[0].message.tool_calls]
    assert arguments == ['{"a": 1}', '{"a": 2}']


def test_tools_of_anthropic_before_a_server_of_openai(anthropic_client, near):
    said(near, content=None, tool_calls=CALLS)
    tools = [{"name": "f", "description": "F.", "input_schema": SCHEMA}]
    reply = anthropic_client.messages.create(
        model="near", max_tokens=50, messages=ASKED, tools=tools
    )
    assert [block.input for block in reply.content if block.type == "tool_use"] == [
        {"a": 1},
        {"a": 2},
    ]
    assert reply.stop_reason == "tool_use"


def test_a_json_schema_of_a_client_is_held(openai_client, near):
    said(near, content='```json\n{"a": 1,}\n```')
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    reply = openai_client.chat.completions.create(
        model="near", messages=ASKED, response_format=form
    )
    assert json.loads(reply.choices[0].message.content) == {"a": 1}


def test_a_picture_goes_along(openai_client, near):
    url = "data:image/png;base64,iVBORw0KGgo="
    content = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": url}}]
    openai_client.chat.completions.create(
        model="near", messages=[{"role": "user", "content": content}]
    )
    assert near.requests[0]["messages"][0]["content"] == content


def test_a_completion_of_a_prompt(openai_client, near):
    reply = openai_client.completions.create(model="near", prompt="Say hello.")
    assert reply.choices[0].text == "Hello there."
    assert near.requests[0]["messages"][-1]["content"] == "Say hello."
