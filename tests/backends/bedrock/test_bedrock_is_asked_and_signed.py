"""From the configuration to Bedrock's wire: a signed request, and an answer in frames."""

import asyncio

import pytest

from aihandler import Handler
from aihandler.domain.answer import Answer, TextDelta
from aihandler.testing import FakeServer, Scripted
from backends.bedrock.converse_cases import BEGUN, CONTENT_TYPE, delta, ended, stop

MODEL = "eu.anthropic.claude-x-v1:0"
PATH = "/model/eu.anthropic.claude-x-v1%3A0"
FILE = """
version: 1
deployments:
  claude:
    backend: bedrock
    model: "{model}"
    url: "{url}"
    hosting: self
    credentials: {{aws: {{region: eu-central-1, service: bedrock}}}}
tasks:
  say: {{output: {{text: true}}, candidates: claude}}
policy:
  public: {{hosting: self}}
  internal: {{hosting: self}}
"""
WHOLE = (
    b'{"output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},'
    b' "stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}}'
)
STREAM = BEGUN + delta(0, {"text": "Hel"}) + delta(0, {"text": "lo."}) + stop(0) + ended()


@pytest.fixture
def server():
    pages = {
        f"{PATH}/converse": Scripted(body=WHOLE),
        f"{PATH}/converse-stream": Scripted(
            body=STREAM, content_type=CONTENT_TYPE, fault="slow", headers={}
        ),
    }
    with FakeServer(pages=pages) as server:
        yield server


@pytest.fixture
def file(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-canary-0123456789")
    path = tmp_path / "aihandler.yaml"
    path.write_text(FILE.format(model=MODEL, url=server.url))
    return path


def test_a_whole_answer(file, server):
    with Handler.load(file) as handler:
        answer = handler.run_sync("say", text="hi")
    assert (answer.value, answer.attempts[0].usage.total) == ("Hello.", 5)
    heard = bytes(server.received)
    assert b"authorization: AWS4-HMAC-SHA256 Credential=AKIDENV/" in heard
    assert b"/eu-central-1/bedrock/aws4_request" in heard
    assert b"secret-canary" not in heard
    assert f"POST {PATH}/converse ".encode() in heard


async def streamed(file):
    async with Handler.load(file) as handler:
        return [event async for event in handler.stream("say", text="hi")]


def test_a_stream_of_frames(file):
    events = asyncio.run(streamed(file))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hel", "lo."]
    assert isinstance(events[-1], Answer)
    assert events[-1].value == "Hello."
