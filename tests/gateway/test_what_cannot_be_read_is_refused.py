"""What a gateway would have to guess at, or could not decode, is told to its client."""

import gzip
import json
import urllib.error
import urllib.request

import pytest

from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_failures_fall_back import ask

ROUTES = ["/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses"]
WHAT = {
    "/v1/chat/completions": {},
    "/v1/completions": {"prompt": "hi"},
    "/v1/messages": {"max_tokens": 9},
    "/v1/responses": {"input": "hi"},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with FakeServer("Hello.", keep_bytes=False) as near:
        text = deployments({"near": near}) + POLICY
        with gateway(written(tmp_path_factory.mktemp("served"), text)) as url:
            yield url, near


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("said", ["true", 1, 0, [], {}])
def test_a_stream_is_asked_for_by_true_alone(served, path, said):
    url, near = served
    before = near.calls
    status, headers, body = ask(url, "near", path=path, **WHAT[path], stream=said)
    assert (status, headers["x-aihandler-error"]) == (400, "input")
    assert "/stream" in json.loads(body)["error"]["message"]
    assert near.calls == before


@pytest.mark.parametrize(
    ("path", "said"), [(ROUTES[0], False), (ROUTES[2], None), (ROUTES[2], False), (ROUTES[3], None)]
)
def test_no_stream_may_be_said_too(served, path, said):
    url, _ = served
    status, headers, _ = ask(url, "near", path=path, **WHAT[path], stream=said)
    assert (status, headers["content-type"]) == (200, "application/json")


def sent(url, body, encoding):
    headers = {"content-encoding": encoding}
    request = urllib.request.Request(url + ROUTES[0], data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_a_compressed_body_is_refused_by_its_name(served):
    url, near = served
    before = near.calls
    body = json.dumps({"model": "near", "messages": [{"role": "user", "content": "hi"}]}).encode()
    status, headers, told = sent(url, gzip.compress(body), "gzip")
    assert (status, headers["x-aihandler-error"]) == (415, "unsupported_encoding")
    assert "'gzip'" in json.loads(told)["error"]["message"]
    assert near.calls == before
    assert sent(url, body, "identity")[0] == 200
