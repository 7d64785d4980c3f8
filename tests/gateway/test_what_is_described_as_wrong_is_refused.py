"""One field after another of a request is made wrong: what nobody may send does not pass."""

import http.client
import json
from contextlib import closing

import jsonschema_rs
import pytest

from aihandler.gateway.openapi import document
from aihandler.testing import FakeServer
from backends.odd_places import DROPPED, damaged, places
from gateway.running import POLICY
from gateway.serving import run, serving

CONFIGURATION = """
version: 1
deployments:
  near: {{backend: openai, url: "{near}", model: near-1, hosting: self, profile: vllm}}
  vectors: {{backend: openai, url: "{near}", model: v-1, hosting: self, serves: embeddings}}
tasks:
  reply: {{output: {{text: {{}}}}, candidates: [near]}}
"""
PICTURE = "data:image/png;base64,AAAA"
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
BLOCK = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
BODIES = {
    "/v1/chat/completions": {
        "model": "near",
        "stream": False,
        "max_tokens": 9,
        "max_completion_tokens": 9,
        "n_predict": 5,
        "n": 1,
        "stop": ["x"],
        "tools": [{"type": "function", "function": FUNCTION}],
        "messages": [
            {"role": "system", "content": "s"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "hi"},
                    {"type": "image_url", "image_url": {"url": PICTURE}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ],
    },
    "/v1/completions": {"model": "near", "prompt": "p", "max_tokens": 9, "n": 1, "best_of": 1},
    "/v1/messages": {
        "model": "near",
        "stream": False,
        "max_tokens": 3000,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "hi"}, {"type": "image", "source": BLOCK}],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}],
            },
        ],
    },
    "/v1/messages/count_tokens": {
        "model": "near",
        "system": "s",
        "messages": [{"role": "user", "content": "hi"}],
    },
    "/v1/responses": {
        "model": "near",
        "stream": False,
        "store": False,
        "max_output_tokens": 20,
        "instructions": "i",
        "tools": [{"type": "function", **FUNCTION}],
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "hi"},
                    {"type": "input_image", "image_url": PICTURE},
                ],
            },
            {"role": "assistant", "content": "a"},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "r"},
        ],
    },
    "/v1/embeddings": {"model": "vectors", "input": ["a", "b"], "dimensions": 3},
}
VALUES = [None, {}, [], 0, False, "", -1, 1.5, "x", ["x"], {"a": 1}, [None], [[]], 10**30, DROPPED]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    with FakeServer("Hello.", keep_bytes=False) as server:
        (folder / "aihandler.yaml").write_text(CONFIGURATION.format(near=server.url) + POLICY)
        key = run(folder, "keys", "create", "ann").split()[-1]
        with serving(folder) as served:
            yield served.url.removeprefix("http://"), key


def described(path):
    whole = document()
    content = whole["paths"][path]["post"]["requestBody"]["content"]
    schema = {**content["application/json"]["schema"], "components": whole["components"]}
    return jsonschema_rs.validator_for(json.loads(json.dumps(schema)))


def status(connection, path, body, key):
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    connection.request("POST", path, json.dumps(body), headers)
    reply = connection.getresponse()
    reply.read()
    return reply.status


@pytest.mark.parametrize("path", BODIES)
def test_no_wrong_request_passes(gateway, path):
    host, key = gateway
    schema, body = described(path), BODIES[path]
    with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        assert schema.is_valid(body)
        assert status(connection, path, body, key) == 200
        for at in places(body):
            for value in VALUES:
                asked = damaged(body, at, value)
                told = status(connection, path, asked, key)
                assert told < 500, (at, value)
                assert told != 200 or schema.is_valid(asked), (at, value)
