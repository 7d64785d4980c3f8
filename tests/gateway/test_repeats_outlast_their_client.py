"""A client that sends an `Idempotency-Key` and gives up is not asked for a second time."""

import json
import socket
import threading
import time
import urllib.parse

import pytest

from aihandler.gateway import app
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, until, written
from gateway.test_repeats_are_answered_once import CHAT, ask


class Held:
    """An answer that waits until it may come."""

    def __init__(self):
        self.free = threading.Event()

    def __call__(self, _request):
        self.free.wait(10)
        return "at last"


@pytest.fixture
def held(monkeypatch):
    # Who leaves is looked for at once.
    monkeypatch.setattr(app, "WATCH_AFTER_S", 0.0)
    return Held()


def leave(url, server, headers, **more):
    """Asks, and goes away when the server has been asked."""
    body = {"model": "near", "messages": [{"role": "user", "content": "hi"}], **more}
    raw = json.dumps(body).encode()
    address = urllib.parse.urlsplit(url)
    head = f"POST {CHAT} HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-length: {len(raw)}\r\n"
    asked = server.calls
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(f"{head}{headers}\r\n".encode() + raw)
        until(lambda: server.calls > asked)
        # The watch looks for the end of the connection, which it finds at the next turn.
        time.sleep(0.05)
    time.sleep(0.2)


@pytest.mark.parametrize("more", [{}, {"stream": True}], ids=["whole", "streamed"])
def test_an_answer_whose_client_left_is_there_for_the_repeat(held, tmp_path, more):
    with FakeServer(held) as near:
        with gateway(written(tmp_path, deployments({"near": near}) + POLICY)) as url:
            leave(url, near, "idempotency-key: one\r\n", **more)
            held.free.set()
            status, headers, body = ask(url, "one", **more)
        assert (status, headers["idempotent-replayed"]) == (200, "true")
        assert b"at last" in body
        assert near.calls == 1


def test_without_answers_that_are_kept_a_client_that_leaves_ends_its_request(held, tmp_path):
    with FakeServer(held) as near:
        text = deployments({"near": near}) + POLICY + "ledger: {content: false}\n"
        with gateway(written(tmp_path, text)) as url:
            leave(url, near, "idempotency-key: one\r\n")
            held.free.set()
            assert ask(url, "one")[1]["idempotent-replayed"] is None
        assert near.calls == 2
