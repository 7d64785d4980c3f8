"""What is switched off, or ends, while a request waits is not asked once the wait is over."""

import json
import socket
import subprocess
import threading
import time

import pytest

from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, written
from gateway.serving import AIHANDLER, run, serving, until


def asked(text="hi"):
    return {"model": "near", "messages": [{"role": "user", "content": text}]}


def begun(url, key, body):
    """A connection on which all of a request but its last byte was sent."""
    host, port = url.removeprefix("http://").split(":")
    there = socket.create_connection((host, int(port)), timeout=10)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    there.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:-1])
    return there


def status_of(there, last):
    there.sendall(last)
    with there:
        return int(there.recv(4096).split()[1])


def test_a_body_that_comes_slowly_does_not_outlast_its_key_or_a_switch(tmp_path):
    with FakeServer() as near:
        written(tmp_path, deployments({"near": near}) + POLICY)
        ended, stays = (run(tmp_path, "keys", "create", name).strip() for name in ("a", "b"))
        body = json.dumps(asked()).encode()
        with serving(tmp_path) as gateway:
            slow = [begun(gateway.url, key, body) for key in (ended, stays)]
            run(tmp_path, "keys", "revoke", "a")
            run(tmp_path, "kill", "all")
            until(lambda: gateway.ask(key=ended)[0] == 401)
            until(lambda: gateway.ask(key=stays)[0] == 503)
            before = near.calls
            assert [status_of(there, body[-1:]) for there in slow] == [401, 503]
            assert near.calls == before


@pytest.mark.parametrize(
    "kind", [("deployment", "near"), ("all",), ("key", "a"), ("task", "model/near")], ids="-".join
)
def test_a_call_that_waits_for_a_place_is_not_sent_after_a_switch(tmp_path, kind):
    free, got = threading.Event(), {}

    def slowly(request):
        if "first" in json.dumps(request):
            free.wait(20)
        return "ok"

    with FakeServer(slowly) as near:
        text = deployments({"near": near}).replace(
            "profile: vllm", "profile: vllm, limits: {concurrency: 1}"
        )
        written(tmp_path, text + POLICY)
        key, other = (run(tmp_path, "keys", "create", n, "--role", "admin").strip() for n in "ab")
        with serving(tmp_path) as gateway:

            def ask(name):
                body = json.dumps(asked(name)).encode()
                got[name] = gateway.send("/v1/chat/completions", body, key=key)[0]

            def waits():
                page = gateway.send("/metrics", key=other)[2]
                return b'aihandler_queue_length{deployment="near"} 1' in page

            first, second = (threading.Thread(target=ask, args=(n,)) for n in ("first", "second"))
            first.start()
            until(lambda: near.calls)
            second.start()
            until(waits)
            run(tmp_path, "kill", *kind)
            # Every worker looks each second.
            time.sleep(1.5)
            free.set()
            first.join()
            second.join()
            assert got["first"] == 200
            assert got["second"] >= 400
            assert near.calls == 1


@pytest.mark.parametrize("kind", ["provider", "deployment", "model", "task", "key", "class"])
def test_a_switch_for_what_is_not_there_says_so(tmp_path, kind):
    with FakeServer() as near:
        written(tmp_path, deployments({"near": near}) + POLICY)
    done = subprocess.run(
        [*AIHANDLER, "kill", kind, "nobody"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"no {kind} is called 'nobody'" in done.stderr
