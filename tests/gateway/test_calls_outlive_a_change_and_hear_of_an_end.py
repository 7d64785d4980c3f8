"""Calls outlast a change of the configuration; those that an end cuts off are told so."""

import asyncio
import json
import os
import signal
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn

from aihandler.gateway.ending import Ending, Server
from aihandler.gateway.lives import Worker
from aihandler.gateway.orders import RETIRE
from aihandler.gateway.workers import Complaints, Workers
from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, written
from gateway.serving import run, serving, until

_HI = {"model": "near", "messages": [{"role": "user", "content": "hi"}]}
_ASKED = {
    "/v1/chat/completions": _HI,
    "/v1/messages": {**_HI, "max_tokens": 5000},
    "/v1/responses": {"model": "near", "input": "hi"},
}


@pytest.fixture
def free():
    """Servers that are held answer once it is set."""
    event = threading.Event()
    yield event
    event.set()


def held(free):
    def answer(_request):
        free.wait(30)
        return "done"

    return answer


def changed(folder, servers):
    written(folder, deployments(servers) + POLICY)
    assert "is in force" in run(folder, "apply")


def asked(gateway, path, **more):
    return gateway.send(path, json.dumps(_ASKED[path] | more).encode())


def streamed(gateway, path, begun):
    """All of a stream; says so when it has begun."""
    body = json.dumps(_ASKED[path] | {"stream": True}).encode()
    with urllib.request.urlopen(gateway.url + path, data=body, timeout=20) as reply:
        first = reply.readline()
        begun.release()
        return reply.headers["x-aihandler-call"], first + reply.read()


def test_a_call_that_lasts_longer_than_the_drain_outlives_a_change(tmp_path, free):
    with FakeServer(held(free)) as near, FakeServer() as far, ThreadPoolExecutor() as crowd:
        written(tmp_path, deployments({"near": near}) + POLICY)
        with serving(tmp_path, "--insecure-local", "--drain", "0.2") as gateway:
            (before,) = gateway.workers()
            whole = crowd.submit(gateway.ask)
            until(lambda: near.calls == 1)
            changed(tmp_path, {"near": near, "far": far})
            # What has connected to the old worker by then is answered by it.
            until(lambda: gateway.ask("far")[0] == 200)
            assert before in gateway.workers()
            # It takes no more requests.
            until(lambda: b"\naihandler_workers 1\n" in gateway.send("/metrics")[2])
            free.set()
            assert whole.result()[0] == 200
            until(lambda: before not in gateway.workers())


@pytest.mark.nightly
def test_the_oldest_calls_make_room_for_a_change_after_two_others(tmp_path, free):
    with FakeServer(held(free)) as near, FakeServer() as far, ThreadPoolExecutor() as crowd:
        written(tmp_path, deployments({"near": near}) + POLICY)
        with serving(tmp_path, "--insecure-local", "--drain", "0.2") as gateway:
            waiting = []
            for servers in ({"near": near, "far": far}, {"near": near}, {"far": far}):
                waiting.append(crowd.submit(gateway.ask))
                until(lambda: len(gateway.entries()) == len(waiting))
                changed(tmp_path, servers)
            assert waiting[0].result()[0] == 503
            assert not waiting[1].done()
            assert not waiting[2].done()
            free.set()
            assert [one.result()[0] for one in waiting[1:]] == [200, 200]


def test_workers_that_retired_first_make_room_for_others(tmp_path):
    """The same, in short."""
    told = []

    class Process:
        def __init__(self, slot):
            self.slot = slot

        def terminate(self):
            told.append(self.slot)

    workers = Workers(
        None, tmp_path, orders=None, slots=3, complaints=Complaints(), housekeeping=None
    )
    for slot, began, is_retired in [(0, 2.0, True), (1, 1.0, True), (2, 3.0, False)]:
        worker = workers._alive[slot] = Worker(slot, Process(slot), None, said=-1)
        worker.began, worker.is_retired = began, is_retired
    workers.make_room(1)
    assert told == [1]
    workers.make_room(2)
    assert told == [1, 1, 0]


def test_a_worker_that_retired_still_ends_within_the_drain_when_all_do():
    async def body():
        ending = Ending()
        server = Server(uvicorn.Config(_nothing), ending, drain_s=0.01, longest_s=600.0)
        with server.capture_signals():
            os.kill(os.getpid(), RETIRE)
            await happened(lambda: server.should_exit)
            assert not ending.cuts
            server.stop()
            await happened(lambda: server.force_exit)
            assert ending.cuts

    asyncio.run(body())


async def _nothing(_scope, _receive, _send):
    pass


async def happened(holds):
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


def test_whole_answers_that_an_end_cuts_off_are_errors_of_their_format(tmp_path):
    with FakeServer(Scripted(delay_s=30)) as near, ThreadPoolExecutor() as crowd:
        written(tmp_path, deployments({"near": near}) + POLICY)
        with serving(tmp_path, "--insecure-local", "--drain", "0.2") as gateway:
            waiting = {path: crowd.submit(asked, gateway, path) for path in _ASKED}
            until(lambda: near.calls == len(gateway.entries()) == len(_ASKED))
            gateway.process.send_signal(signal.SIGTERM)
            answers = {path: one.result() for path, one in waiting.items()}
            assert gateway.process.wait(20) == 0
        calls = {call for call, state, _ in gateway.entries() if state == "in_doubt"}
    assert calls == {headers["x-aihandler-call"] for _, headers, _ in answers.values()}
    for path, (status, headers, body) in answers.items():
        assert status == (529 if path == "/v1/messages" else 503)
        assert (headers["x-aihandler-error"], headers["retry-after"]) == ("stopped", "1")
        assert "the gateway ends" in json.loads(body)["error"]["message"]


def test_streams_that_an_end_cuts_off_end_with_an_error_event(tmp_path):
    words, begun = Scripted("word " * 1000, piece_delay_s=0.05), threading.Semaphore(0)
    with FakeServer(words) as near, ThreadPoolExecutor() as crowd:
        written(tmp_path, deployments({"near": near}) + POLICY)
        with serving(tmp_path, "--insecure-local", "--drain", "0.2") as gateway:
            waiting = [crowd.submit(streamed, gateway, path, begun) for path in _ASKED]
            for _ in waiting:
                assert begun.acquire(timeout=10)
            gateway.process.send_signal(signal.SIGTERM)
            streams = dict(one.result() for one in waiting)
            assert gateway.process.wait(20) == 0
        calls = {call for call, state, _ in gateway.entries() if state == "in_doubt"}
    assert calls == set(streams)
    for stream in streams.values():
        *_, last = stream.strip().split(b"\n\n")
        assert b"error" in last
        assert b"the gateway ends" in last
