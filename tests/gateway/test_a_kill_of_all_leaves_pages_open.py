"""While everything is switched off nobody is asked, and who has to may still look."""

import json
import time
import urllib.error
import urllib.request

import pytest

from aihandler.domain.api_key import Switch
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written

_ASKED = json.dumps({"model": "near", "messages": [{"role": "user", "content": "hi"}]}).encode()


@pytest.fixture
def served(tmp_path):
    """The url of a gateway, and its Serving."""
    into = []
    with FakeServer() as near:
        path = written(tmp_path, deployments({"near": near}) + POLICY)
        with gateway(path, into=into) as url:
            yield url, into[0]


def send(url, data=None):
    try:
        with urllib.request.urlopen(url, data=data, timeout=10) as reply:
            return reply.status, reply.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


@pytest.mark.parametrize("page", ["/metrics", "/v1/models", "/v1/models/near"])
def test_pages_are_shown(served, page):
    url, serving = served
    serving.renew([Switch("all", "", "fire", "ann", time.time())])
    assert send(url + page)[0] == 200


def test_pages_are_shut_to_a_key_that_is_off(served):
    url, serving = served
    serving.renew([Switch("key", "everyone", "lost", "ann", time.time())])
    assert send(url + "/v1/models")[0] == 503


@pytest.mark.parametrize("kind", [("all", ""), ("deployment", "near"), ("task", "model/near")])
def test_who_asks_is_told_when_to_come_back(served, kind):
    url, serving = served
    serving.renew([Switch(*kind, "fire", "ann", time.time())])
    status, headers = send(url + "/v1/chat/completions", _ASKED)
    assert (status, headers["retry-after"]) == (503, "5")
