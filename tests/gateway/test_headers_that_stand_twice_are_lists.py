"""A header on two lines says both: whoever splits it on the way changes nothing."""

import pytest

from aihandler.gateway.http import headers_of
from aihandler.testing import FakeServer
from gateway.running import POLICY, asked, deployments, gateway, written

BODY = {"model": "far", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
SAID = {
    "type": "message",
    "role": "assistant",
    "id": "msg_1",
    "model": "m",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


@pytest.fixture
def server():
    with FakeServer(pages={"/v1/messages": SAID}) as server:
        yield server


@pytest.fixture
def url(server, tmp_path):
    text = deployments({"far": server}, backend="anthropic", profile='""') + POLICY
    with gateway(written(tmp_path, text)) as url:
        yield url


def ask(url, *headers):
    return asked(url, "/v1/messages", BODY, *headers)


def test_both_betas_of_two_lines_go_along(url, server):
    two = (("anthropic-beta", "context-1m-2025-08-07"), ("anthropic-beta", "files-api-2025-04-14"))
    assert ask(url, *two)[0] == 200
    heard = bytes(server.received).lower().replace(b": ", b":")
    assert b"anthropic-beta:context-1m-2025-08-07, files-api-2025-04-14" in heard


def test_a_header_that_stands_once_is_as_it_came():
    scope = {"headers": [(b"a", b"1, 2"), (b"b", b"x"), (b"b", b"y"), (b"c", b"")]}
    assert headers_of(scope) == {"a": "1, 2", "b": "x, y", "c": ""}
