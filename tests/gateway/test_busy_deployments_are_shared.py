"""More requests than places: who is refused hears when to come back, in the client's own words."""

import json
import threading
import urllib.error
import urllib.request

import pytest

from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, until, written


def ask(url, path="/v1/chat/completions", **headers):
    body = {"model": "near", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture
def busy(tmp_path):
    """A gateway whose one place is taken until the event is set."""
    free = threading.Event()

    def slowly(_request):
        free.wait(10)
        return "at last"

    with FakeServer(slowly) as near:
        text = deployments({"near": near}).replace(
            "profile: vllm", "profile: vllm, limits: {concurrency: 1, queue: 0}"
        )
        with gateway(written(tmp_path, text + POLICY)) as url:
            first = threading.Thread(target=ask, args=(url,))
            first.start()
            until(lambda: near.calls)
            yield url
            free.set()
            first.join()


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [("/v1/chat/completions", 503, b"overloaded"), ("/v1/messages", 529, b"overloaded_error")],
)
def test_a_client_without_a_place_is_told_when_to_come_back(busy, path, status, word):
    got, headers, body = ask(busy, path)
    assert got == status
    assert int(headers["retry-after"]) >= 1
    assert headers["x-aihandler-error"] == "overloaded"
    assert word in body


def test_a_priority_that_is_none_is_refused(busy):
    status, _, body = ask(busy, x_aihandler_priority="urgent")
    assert status == 400
    assert b"urgent" in body
