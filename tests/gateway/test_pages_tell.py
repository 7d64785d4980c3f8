"""What can be looked up: calls, token counts, figures, health."""

import json
import urllib.request

import anthropic
import openai
import pytest

from aihandler.domain.api_key import ApiKey
from aihandler.domain.rules import Key
from aihandler.errors import Unauthenticated
from aihandler.gateway.admission import Asker
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written


class ByName:
    """Lets in whoever says a name."""

    def admit(self, headers):
        name = headers.get("authorization", "").removeprefix("Bearer ")
        if not name:
            raise Unauthenticated("no key was sent")
        role = "auditor" if name == "auditor" else "member"
        tasks = ("model/far",) if name == "narrow" else None
        key = ApiKey(id=name, prefix=name, name=name, role=role, tasks=tasks)
        return Asker(name, Key(name), key, tags={"key": name})


@pytest.fixture
def url(tmp_path):
    with FakeServer("Hello there.") as near:
        text = deployments({"near": near}) + POLICY
        with gateway(written(tmp_path, text), admission=ByName()) as address:
            yield address


def got(url, key=""):
    request = urllib.request.Request(url)
    if key:
        request.add_header("authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def ask(url, key):
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="near", messages=[{"role": "user", "content": "hi"}]
        )
        return raw.headers["x-aihandler-call"]


def test_a_call_is_told_to_who_asked_and_to_auditors(url):
    call = ask(url, "ann")
    status, body = got(f"{url}/v1/calls/{call}", "ann")
    assert status == 200, body
    assert json.loads(body)["attempts"][0]["outcome"] == "valid"
    assert got(f"{url}/v1/calls/{call}", "auditor")[0] == 200
    assert got(f"{url}/v1/calls/{call}", "bob")[0] == 404
    assert got(f"{url}/v1/calls/nonsense", "ann")[0] == 404


def test_tokens_are_counted_before_a_call(url):
    with anthropic.Anthropic(base_url=url, auth_token="ann", api_key=None) as client:
        counted = client.messages.count_tokens(
            model="near", messages=[{"role": "user", "content": "word " * 100}]
        )
    assert 100 <= counted.input_tokens <= 150


def test_health_needs_no_key_and_everything_else_does(url):
    assert got(f"{url}/healthz")[0] == 200
    assert got(f"{url}/readyz")[0] == 200
    for path in ("/metrics", "/v1/models", "/v1/calls/x", "/nowhere"):
        assert got(url + path)[0] == 401


def test_figures_name_routes_and_no_calls(url):
    call = ask(url, "ann")
    got(f"{url}/v1/calls/{call}", "ann")
    got(f"{url}/made/up/path", "ann")
    assert got(f"{url}/metrics", "ann")[0] == 403
    _, body = got(f"{url}/metrics", "auditor")
    text = body.decode()
    assert 'aihandler_requests_total{route="/v1/chat/completions",status="200"} 1' in text
    assert 'route="/v1/calls"' in text
    assert 'route="other"' in text
    assert call not in text
    assert "made/up" not in text


def test_a_key_is_told_of_the_models_that_it_may_ask(tmp_path):
    with FakeServer() as server:
        text = deployments({"near": server, "far": server}) + "aliases: {distant: far}\n" + POLICY
        with gateway(written(tmp_path, text), admission=ByName()) as url:
            told = {
                who: [row["id"] for row in json.loads(got(f"{url}/v1/models", who)[1])["data"]]
                for who in ("narrow", "ann")
            }
            assert told == {"narrow": ["distant", "far"], "ann": ["distant", "far", "near"]}
            assert got(f"{url}/v1/models/near", "narrow")[0] == 404
            assert got(f"{url}/v1/models/near", "ann")[0] == 200
