"""A schema that a client sends is held against bounds first, and its mistakes are the client's."""

import json

import pytest

from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_failures_fall_back import ask

DOUBLED = {
    "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    | {"d40": {"type": "object"}},
    "$ref": "#/$defs/d0",
}
BAD = {
    "doubled": DOUBLED,
    "patterns": {"properties": {f"p{n}": {"pattern": f"^a{n}$"} for n in range(300)}},
    "large": {"enum": [f"value {n}" for n in range(30_000)]},
    "no type": {"type": "objekt"},
    "elsewhere": {"$ref": "http://127.0.0.1:9/schema.json"},
    "nowhere": {"$ref": "#/$defs/nothing"},
    "endless": {"allOf": [{"$ref": "#"}]},
    "huge pattern": {"properties": {"a": {"pattern": "^((a{1,1000}){1,1000}){1,100}$"}}},
}
ANSWER = json.dumps({"a": "a" * 3000 + "!"})


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with FakeServer(ANSWER, keep_bytes=False) as near:
        text = deployments({"near": near}) + POLICY
        with gateway(written(tmp_path_factory.mktemp("served"), text)) as url:
            yield url, near


def wished(path, schema, **more):
    if path == "/v1/responses":
        form = {"type": "json_schema", "name": "x", "schema": schema, **more}
        return {"input": "hi", "messages": None, "text": {"format": form}}
    if path == "/v1/messages":
        return {
            "max_tokens": 9,
            "output_config": {"format": {"type": "json_schema", "schema": schema}},
        }
    form = {"name": "x", "schema": schema, **more}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_schema_that_cannot_be_used_is_the_clients_mistake(served, path, kind):
    url, near = served
    before = near.calls
    status, headers, body = ask(url, "near", path=path, **wished(path, BAD[kind]))
    assert (status, headers["x-aihandler-error"]) == (400, "input")
    error = json.loads(body)["error"]
    assert error["type"] == "invalid_request_error"
    assert "JSON Schema" in error["message"]
    assert "aihandler check" not in body
    assert near.calls == before


@pytest.mark.parametrize("stream", [False, True])
def test_a_pattern_that_takes_too_long_is_told_in_words(served, stream):
    url, _ = served
    schema = {"properties": {"a": {"pattern": r"^(a|a|b\1)+$"}}}
    wish = wished("/v1/chat/completions", schema)
    status, headers, body = ask(url, "near", stream=stream, **wish)
    assert (status, headers["x-aihandler-error"]) == (422, "answer_rejected"), body
    assert "takes too long to match" in body


def test_a_plain_schema_of_a_client_is_held_against_the_answer(served):
    url, _ = served
    fits = {"type": "object", "properties": {"a": {"$ref": "#/$defs/text"}}}
    fits["$defs"] = {"text": {"type": "string"}}
    assert ask(url, "near", **wished("/v1/chat/completions", fits))[0] == 200
    fits["$defs"] = {"text": {"type": "integer"}}
    assert ask(url, "near", **wished("/v1/chat/completions", fits))[0] == 422
