"""Two workers of a gateway are as one before a deployment: its places, and whether it is well."""

import contextlib
import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from aihandler.testing import FakeServer
from gateway.prometheus_pages import value
from gateway.running import POLICY, deployments, written
from gateway.serving import kill_hard, serving, until

_ANSWER = {
    "id": "x", "object": "chat.completion", "created": 0, "model": "near-1",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


class Upstream:
    """A server that answers nobody until it is told to, and counts who is inside."""

    def __init__(self):
        self.inside = self.most = 0
        self.free = threading.Event()
        self.status = 200
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                outer._count(1)
                outer.free.wait(20)
                outer._count(-1)
                body = json.dumps(_ANSWER).encode()
                with contextlib.suppress(OSError):
                    self.send_response(outer.status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _count(self, more):
        with self._lock:
            self.inside += more
            self.most = max(self.most, self.inside)

    def close(self):
        self.free.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def upstream():
    with contextlib.closing(Upstream()) as server:
        yield server


def configured(folder, upstream, limits, *, more=""):
    text = deployments({"near": SimpleNamespace(url=upstream.url)}).replace(
        "profile: vllm", f"profile: vllm, limits: {limits}"
    )
    return written(folder, text + more + POLICY)


class Crowd:
    """Clients that ask all at once."""

    def __init__(self, gateway):
        self.statuses = []
        self._gateway = gateway
        self._threads = []

    def ask(self, count):
        for _ in range(count):
            self._threads.append(threading.Thread(target=self._one))
            self._threads[-1].start()

    def join(self):
        for one in self._threads:
            one.join()

    def _one(self):
        with contextlib.suppress(OSError):
            self.statuses.append(self._gateway.ask()[0])


@contextlib.contextmanager
def stopped(pid):
    """A worker that takes no connection for a while: the other one gets them all."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def figure(gateway, name, **labels):
    status, _, page = gateway.send("/metrics")
    assert status == 200
    return value(page, f"aihandler_{name}", **labels)


def test_a_deployment_gets_no_more_at_once_than_its_limit(tmp_path, upstream):
    configured(tmp_path, upstream, "{concurrency: 2, queue: 20}")
    with serving(tmp_path, "--insecure-local", "--workers", "2") as gateway:
        first, second = gateway.workers()
        crowd = Crowd(gateway)
        with stopped(second):
            crowd.ask(5)
            until(lambda: figure(gateway, "queue_length") == 3)
        with stopped(first):
            crowd.ask(5)
            until(lambda: figure(gateway, "queue_length") == 8)
            assert figure(gateway, "places_held", deployment="near") == 2
        assert upstream.inside == 2
        upstream.free.set()
        crowd.join()
        assert crowd.statuses == [200] * 10
        assert upstream.most == 2
        assert figure(gateway, "places_held") == figure(gateway, "queue_length") == 0


def test_the_queue_of_a_deployment_is_one(tmp_path, upstream):
    configured(tmp_path, upstream, "{concurrency: 1, queue: 2}")
    with serving(tmp_path, "--insecure-local", "--workers", "2") as gateway:
        first, second = gateway.workers()
        crowd = Crowd(gateway)
        with stopped(second):
            crowd.ask(3)
            until(lambda: figure(gateway, "queue_length") == 2)
        with stopped(first):
            status, headers, _ = gateway.ask()
            assert status == 503
            assert headers["x-aihandler-error"] == "overloaded"
            assert figure(gateway, "errors_total", code="overloaded") == 1
        upstream.free.set()
        crowd.join()
        assert crowd.statuses == [200] * 3


def test_what_a_worker_held_is_free_when_it_dies(tmp_path, upstream):
    configured(tmp_path, upstream, "{concurrency: 1, queue: 9}")
    with serving(tmp_path, "--insecure-local", "--workers", "2") as gateway:
        first, second = gateway.workers()
        crowd = Crowd(gateway)
        with stopped(second):
            crowd.ask(1)
            until(lambda: upstream.inside == 1)
        with stopped(first):
            crowd.ask(1)
            until(lambda: figure(gateway, "queue_length") == 1)
        kill_hard(first)
        # The one that waited in the other worker is served, though nobody gave the place back.
        until(lambda: upstream.inside == 2)
        upstream.free.set()
        crowd.join()
        assert crowd.statuses == [200]


def test_one_that_fails_for_one_worker_is_left_alone_by_the_other(tmp_path, upstream):
    upstream.status = 500
    upstream.free.set()
    with FakeServer("From afar.") as far:
        text = deployments({"near": SimpleNamespace(url=upstream.url), "far": far})
        task = "tasks: {talk: {output: {text: true}, candidates: [near, far]}}\n"
        written(tmp_path, text + task + POLICY)
        with serving(tmp_path, "--insecure-local", "--workers", "2") as gateway:
            first, second = gateway.workers()
            with stopped(second):
                while not figure(gateway, "ejected", deployment="near"):
                    assert gateway.ask("talk")[0] == 200
            tried = figure(gateway, "attempts_total", deployment="near")
            with stopped(first):
                assert gateway.ask("talk")[0] == 200
                assert figure(gateway, "attempts_total", deployment="near") == tried
                assert figure(gateway, "ejections_total", deployment="near") == 1
