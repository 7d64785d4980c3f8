"""What clients look for before they ask, and what their headers say."""

import json
import urllib.error
import urllib.request

import anthropic
import openai
import pytest

from aihandler.errors import ConfigError
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_pages_tell import ByName

ALIASES = "aliases: {claude-fast: near, claude-best: both}\n"
TASK = """
tasks:
  both: {output: {text: {}}, candidates: [near]}
"""
ASKED = [{"role": "user", "content": "hi"}]


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def url(near, tmp_path):
    text = deployments({"near": near}) + TASK + ALIASES + POLICY
    with gateway(written(tmp_path, text), admission=ByName()) as address:
        yield address


def got(url, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("path", ["", "/"])
def test_the_base_url_answers_without_a_key(url, path):
    assert got(url + path)[0] == 200
    assert got(url + path, "HEAD") == (200, b"")


def test_models_are_listed_in_the_form_of_who_asks(url):
    _, body = got(f"{url}/v1/models", authorization="Bearer ann")
    assert json.loads(body)["object"] == "list"
    _, body = got(f"{url}/v1/models", authorization="Bearer ann", anthropic_version="2023-06-01")
    listed = json.loads(body)
    assert listed["has_more"] is False
    assert {"type": "model", "display_name": "near"}.items() <= listed["data"][-1].items()
    assert [row["id"] for row in listed["data"]] == ["both", "claude-best", "claude-fast", "near"]


def test_one_model_is_looked_up(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="ann", max_retries=0) as client:
        assert client.models.retrieve("near").id == "near"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("far")
    with anthropic.Anthropic(base_url=url, auth_token="ann", api_key=None) as client:
        assert client.models.retrieve("claude-fast").display_name == "claude-fast"


def test_an_alias_is_one_more_name(url, near):
    with anthropic.Anthropic(base_url=url, auth_token="ann", api_key=None) as client:
        for name in ("claude-fast", "claude-best"):
            reply = client.messages.create(model=name, max_tokens=9, messages=ASKED)
            assert reply.content[0].text == "Hello there."
    assert near.requests[0]["model"] == "near-1"


@pytest.mark.parametrize("alias", ["near: near", "x: nowhere"])
def test_an_alias_that_hides_or_misses_is_a_mistake(near, tmp_path, alias):
    from aihandler.config import load

    text = deployments({"near": near}) + POLICY + f"aliases: {{{alias}}}\n"
    with pytest.raises(ConfigError, match="task or deployment"):
        load(written(tmp_path, text))


def test_versions_and_betas_of_anthropic_go_along(tmp_path):
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    with FakeServer(pages={"/v1/messages": said}) as server:
        text = deployments({"far": server}, backend="anthropic", profile='""') + POLICY
        with (
            gateway(written(tmp_path, text)) as url,
            anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as client,
        ):
            client.messages.create(
                model="far",
                max_tokens=9,
                messages=ASKED,
                extra_headers={
                    "anthropic-beta": "context-1m-2025-08-07",
                    "anthropic-version": "2024-02-03",
                },
                extra_query={"beta": "true"},
            )
        heard = bytes(server.received).lower().replace(b": ", b":")
    assert b"anthropic-beta:context-1m-2025-08-07" in heard
    assert b"anthropic-version:2024-02-03" in heard


def test_an_error_before_a_route_is_read_by_clients_of_anthropic(url):
    status, body = got(f"{url}/v1/nothing", authorization="Bearer ann")
    assert (status, json.loads(body)["type"]) == (404, "error")
    assert got(f"{url}/v1/models")[0] == 401
