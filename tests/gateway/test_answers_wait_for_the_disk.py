"""With `durability: sync` no answer is shown before intent and result are on the disk."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import urllib.request

import pytest

from aihandler import Handler
from aihandler.domain.answer import Answer, ReplyDone, TextDelta, WireChunk
from aihandler.domain.task import TextOutput
from aihandler.errors import AnswerRejected, StorageError
from aihandler.ledger import FoldedLedger, open_ledger
from aihandler.surroundings import SystemClock
from aihandler.testing import FakeCaller, FakeServer
from engine.bench_of_fakes import Fakes, call, task
from gateway.running import POLICY, deployments, written
from gateway.serving import kill_hard, serving

SYNCED = """
tasks:
  letter: {candidates: [near], durability: sync}
"""


@pytest.fixture
def near():
    with FakeServer("Dear Sir or Madam") as server:
        yield server


@pytest.fixture
def folder(near, tmp_path):
    written(tmp_path, deployments({"near": near}) + POLICY + SYNCED)
    return tmp_path


def end_everything(served, workers):
    """At once, and without a word: nobody folds anything any more."""
    served.process.send_signal(signal.SIGKILL)
    for worker in workers:
        kill_hard(worker)
    served.process.wait()


def test_an_answer_outlives_everything_that_made_it(folder):
    with serving(folder, "--insecure-local") as served:
        workers = served.workers()
        status, headers, _ = served.ask("letter")
        end_everything(served, workers)
    assert status == 200
    assert served.entries() == [(headers["x-aihandler-call"], "settled", "valid")]


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", pytest.param("/v1/messages", marks=pytest.mark.nightly)]
)
def test_the_end_of_a_stream_outlives_everything_that_made_it(folder, path):
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 9}
    # More than one message, so that it goes on as it came.
    body["messages"] += [{"role": "assistant", "content": "hm"}, body["messages"][0]]
    ends = b"message_stop" if path.endswith("messages") else b"[DONE]"
    with serving(folder, "--insecure-local") as served:
        workers = served.workers()
        asked = json.dumps({**body, "model": "letter"}).encode()
        with urllib.request.urlopen(
            urllib.request.Request(served.url + path, asked), timeout=20
        ) as reply:
            while ends not in reply.readline():
                pass
            end_everything(served, workers)
    assert [outcome for _, _, outcome in served.entries()] == ["valid"]


def test_an_intent_is_on_the_disk_before_a_byte_goes_out(folder):
    seen = []

    def look(_request):
        path = folder / ".aihandler" / "ledger.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as ledger:
            seen.append(ledger.execute("SELECT state FROM entry").fetchall())
        return "Dear Sir"

    with FakeServer(look) as looking:
        written(folder, deployments({"near": looking}) + POLICY + SYNCED)
        with serving(folder, "--insecure-local") as served:
            assert served.ask("letter")[0] == 200
    assert seen == [[("intent",)]]


def test_without_a_supervisor_a_call_fails_and_says_so(folder, near):
    with serving(folder, "--insecure-local") as served:
        workers = served.workers()
        # It stands still: a call waits. Then it is gone: the call fails.
        served.process.send_signal(signal.SIGSTOP)
        try:
            asking = asyncio.run(ask_while(served, lambda: kill_hard(served.process.pid)))
        finally:
            for worker in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
    status, headers, body = asking
    assert (status, headers["x-aihandler-error"]) == (503, "not_synced")
    assert headers["x-should-retry"] == "false"
    assert b"supervisor is gone" in body
    assert near.calls == 0


async def ask_while(served, happens):
    asked = asyncio.ensure_future(asyncio.to_thread(served.ask, "letter"))
    await asyncio.sleep(0.5)
    assert not asked.done()
    happens()
    return await asked


def synced_bench(script, **settings):
    near = FakeCaller(script)
    return Fakes({"near": near}), task(candidates=("near",), durability="sync", **settings)


def test_intent_and_result_are_waited_for_and_nothing_else():
    bench, asked = synced_bench("billing")
    bench.run(call(asked))
    assert bench.journal.synced_after == ["intent", "settlement"]


def test_other_tasks_wait_for_nothing():
    bench, _ = synced_bench("billing")
    bench.run(call(task(candidates=("near",))))
    assert bench.journal.synced_after == []


def test_what_was_not_valid_waits_too():
    bench, asked = synced_bench("no label", otherwise="review")
    with pytest.raises(AnswerRejected):
        bench.run(call(asked))
    each = ["intent", "settlement"]
    # The first attempt, the one that was asked again, and the item of the queue.
    assert bench.journal.synced_after == [*each, *each, "settlement"]


def test_nothing_is_sent_when_the_intent_does_not_reach_the_disk():
    bench, asked = synced_bench("billing")

    async def synced(*, until):
        raise StorageError("the disk is away")

    bench.journal.synced = synced
    with pytest.raises(StorageError, match="away"):
        bench.run(call(asked))
    (entry,) = bench.journal.entries
    assert (entry.sent, entry.settlement.outcome) == (False, "failed")


def test_the_end_of_a_servers_own_bytes_is_kept_back():
    class Relayed(FakeCaller):
        async def stream(self, *given, **named):
            reply = await self.call(*given, **named)
            for data in (b"first", b"second", b"end"):
                yield WireChunk(data)
                yield TextDelta("a word of it")
            yield ReplyDone(reply)

    bench = Fakes({"near": Relayed("first second")})
    asked = task(candidates=("near",), durability="sync", output=TextOutput())

    async def go():
        events = bench.engine.stream(call(asked))
        waited = bench.journal.synced_after
        return [(e.data, len(waited)) async for e in events if isinstance(e, WireChunk)]

    assert asyncio.run(go()) == [(b"first", 1), (b"second", 1), (b"end", 2)]


def test_a_program_has_it_on_the_disk_as_well(folder):
    async def go():
        async with Handler.load(folder / "aihandler.yaml") as handler:
            answer = await handler.run("letter", text="hi")
            # Beside the handler, as another process sees it.
            with contextlib.closing(sqlite3.connect(handler.ledger_path)) as beside:
                return answer, beside.execute("SELECT state, outcome FROM entry").fetchall()

    answer, rows = asyncio.run(go())
    assert isinstance(answer, Answer)
    assert rows == [("settled", "valid")]


def test_who_writes_the_ledger_syncs_each_commit_however_others_opened_it(tmp_path):
    path = tmp_path / "ledger.sqlite"
    open_ledger(path, clock=SystemClock()).close()
    # The setting belongs to a connection: that of one says nothing of another.
    with contextlib.closing(sqlite3.connect(path)) as beside:
        beside.execute("PRAGMA synchronous = OFF")
        opened = open_ledger(path, clock=SystemClock())
        batches = opened.journal._writer._batches
        assert [level(batches._ledger), level(batches._content.connection)] == [2, 2]
        opened.close()
        folded = FoldedLedger(path, clock=SystemClock(), encryption_key=None, keep_content=True)
        batches = folded._batches
        assert [level(batches._ledger), level(batches._content.connection)] == [2, 2]
        folded.close()


def level(connection):
    """2 is FULL: a commit returns when it is on the disk."""
    return connection.execute("PRAGMA synchronous").fetchone()[0]
