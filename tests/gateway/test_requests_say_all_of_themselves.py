"""Responses here are stateless: what lies with a provider cannot be named, nor left there."""

import json
import urllib.error
import urllib.request

import openai
import pytest

from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written

ITEM = {"type": "item_reference", "id": "rs_of_somebody"}
HI = {"role": "user", "content": "hi"}


@pytest.fixture(scope="module")
def servers():
    with FakeServer("Hello.") as near, FakeServer("Hello.") as far:
        yield near, far


@pytest.fixture(scope="module")
def url(servers, tmp_path_factory):
    near, far = servers
    text = deployments({"near": near})
    text += deployments({"far": far}, backend="openai-responses", profile='""').split(":", 2)[2]
    with gateway(written(tmp_path_factory.mktemp("stateless"), text + POLICY)) as url:
        yield url


def ask(url, model, **body):
    asked = json.dumps({"model": model, "input": "hi", **body}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/responses", asked)) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("model", ["near", "far"])
@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": "resp_of_somebody"},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"prompt": {"id": "pmpt_1"}},
        {"background": True},
        {"store": True},
        {"input": [ITEM, HI]},
        {"input": [{"id": "rs_of_somebody"}, HI]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_lies_elsewhere_is_refused_by_its_name(url, servers, model, more):
    status, body = ask(url, model, **more)
    assert (status, f"(at /{next(iter(more))})".encode() in body) == (400, True), body
    assert b"of_somebody" not in b"".join(bytes(server.received) for server in servers)


def test_the_client_of_openai_and_what_says_nothing_pass(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        nothing = {"store": False, "background": False, "previous_response_id": None}
        for more in ({}, nothing, {"extra_body": {"conversation": None, "prompt": None}}):
            said = client.responses.create(model="near", input="hi", **more)
            assert said.output_text == "Hello."
