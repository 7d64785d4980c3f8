"""Libraries that people use change their base url and nothing else.

Each runs as a program of its own environment (`tools/prepare_clients.py`) before a gateway.
"""

import json
import shutil
import subprocess

import pytest

from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, gateway, written
from real.clients import told_by

pytestmark = pytest.mark.real

CITY = {"name": "Ulm", "people": 126000}
TOLD = {"chat": "Hello there.", "stream": "Hello there.", "tools": "It is sunny."}


def speaks(request):
    """A model that knows three things: a city, its tools, and how to greet."""
    said = json.dumps(request["messages"])
    tools = [tool["function"]["name"] for tool in request.get("tools", ())]
    if any(message["role"] == "tool" for message in request["messages"]):
        return "It is sunny."
    if tools:
        arguments = {"city": "Ulm"} if "weather" in tools else CITY
        return calling(tools[0], arguments)
    return json.dumps(CITY) if "a city" in said else "Hello there."


def calling(name, arguments):
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": "c1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    return Scripted(body=json.dumps({**body, "choices": [choice], "usage": usage}).encode())


@pytest.fixture
def url(tmp_path):
    with FakeServer(speaks) as near:
        text = deployments({"near": near}) + POLICY
        with gateway(written(tmp_path, text)) as address:
            yield address


def test_langchain(url):
    told = told_by("langchain", "langchain_program.py", url)
    expected = {**TOLD, "tools": [{"city": "Ulm"}]}
    assert told == {"openai": expected, "anthropic": expected, "structured": CITY}


def test_pydantic_ai(url):
    told = told_by("pydantic_ai", "pydantic_ai_program.py", url)
    assert told == {"openai": TOLD, "anthropic": TOLD, "structured": CITY}


def test_instructor(url):
    told = told_by("instructor", "instructor_program.py", url)
    assert told == {"schema": CITY, "tools": CITY, "anthropic": CITY}


def test_the_ai_sdk_of_vercel(url):
    told = told_by("vercel", "vercel_program.js", url)
    assert told == {"openai": TOLD, "responses": TOLD, "anthropic": TOLD, "structured": CITY}


def test_curl(url):
    if not shutil.which("curl"):
        pytest.skip("there is no curl on this machine")
    body = {"model": "near", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    command = ["curl", "-sSN", f"{url}/v1/chat/completions", "-H", "content-type: application/json"]
    command += ["-d", json.dumps(body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    pieces = (json.loads(line.removeprefix("data: ")) for line in lines[:-1])
    said = [choice["delta"].get("content") or "" for p in pieces for choice in p["choices"]]
    assert "".join(said) == "Hello there."
