"""The fakes that users import keep their promises too."""

import asyncio
import json
import os
import time
import urllib.request

import pytest

from aihandler.domain.answer import Reply, ReplyDone
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request, Text, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Accepted, Caller, Clock, Intent, Journal, Settlement
from aihandler.domain.usage import Cost
from aihandler.errors import BackendUnavailable, PolicyDenied, StorageError
from aihandler.testing import (
    FakeCaller,
    FakeClock,
    FakeServer,
    MemoryJournal,
    Scripted,
    allow,
    read_bill,
    spawn_server,
)

DEPLOYMENT = Deployment("d", "openai", Model("m"), Hosting.SELF, urls=("http://127.0.0.1:1",))
REQUEST = Request("t", (message("user", "hi"),))
ENCODE = __import__("msgspec").json.encode


def _ask(url, content="hi", **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **fields}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.read()


def test_a_server_in_a_thread_serves_a_program_without_an_event_loop():
    with FakeServer(lambda request: request["messages"][0]["content"].upper()) as server:
        reply = json.loads(_ask(server.url, "shout"))
        assert reply["choices"][0]["message"]["content"] == "SHOUT"
        assert server.calls == 1
        assert b"shout" in server.received
        assert server.requests[0]["model"] == "m"


def test_a_bill_counts_every_answered_call_and_names_its_messages(tmp_path):
    bill = tmp_path / "bill.jsonl"
    replies = iter(["a", Scripted(status=500), "b"])
    with FakeServer(lambda _: next(replies), bill=bill) as server:
        _ask(server.url, "one")
        with pytest.raises(OSError, match="500"):
            _ask(server.url, "two")
        _ask(server.url, "one")
    lines = read_bill(bill)
    assert [line.number for line in lines] == [1, 3]
    assert lines[0].digest == lines[1].digest
    assert lines[0].usage.total_tokens > 0


def test_a_spawned_server_keeps_its_bill_when_it_is_killed(tmp_path):
    bill = tmp_path / "bill.jsonl"
    with spawn_server("--reply", "hello", "--bill", str(bill)) as server:
        assert b"hello" in _ask(server.url)
        assert b"data: [DONE]" in _ask(server.url, stream=True)
        os.kill(server.pid, 9)
    assert len(read_bill(bill)) == 2


def test_a_spawned_server_takes_a_script_by_name():
    with spawn_server("--script", "aihandler.testing.script:echo") as server:
        assert b"say this" in _ask(server.url, "say this")


def test_other_paths_answer_with_pages():
    with FakeServer(models=("a", "b"), pages={"/api/version": {"version": "1"}}) as server:
        with urllib.request.urlopen(f"{server.url}/v1/models", timeout=5) as reply:
            assert [row["id"] for row in json.load(reply)["data"]] == ["a", "b"]
        with urllib.request.urlopen(f"{server.url}/api/version", timeout=5) as reply:
            assert json.load(reply) == {"version": "1"}
        with pytest.raises(OSError, match="404"):
            urllib.request.urlopen(f"{server.url}/nothing", timeout=5)


def test_a_fake_clock_moves_only_when_told_or_slept_on():
    clock: Clock = FakeClock()

    async def body():
        assert clock.monotonic() == 0
        began = time.monotonic()
        await clock.sleep(3600)
        assert time.monotonic() - began < 60
        assert clock.monotonic() == 3600

    asyncio.run(body())
    clock.advance(1.5)
    assert clock.wall() - FakeClock().wall() == 3601.5
    assert clock.slept == [3600]


def _call(caller: Caller, clearance=None):
    sent = []

    async def body():
        return await caller.call(
            REQUEST, DEPLOYMENT, clearance or allow(DEPLOYMENT), deadline=1.0,
            sent=lambda: sent.append(1),
        )  # fmt: skip

    try:
        return asyncio.run(body()), len(sent)
    except BackendUnavailable as error:
        return error, len(sent)


def test_a_fake_caller_follows_its_script():
    error = BackendUnavailable("down", deployment="d")
    caller = FakeCaller(["one", error, Reply((Text("three"),), "length")])
    assert _call(caller)[0].text == "one"
    assert _call(caller) == (error, 1)
    assert _call(caller)[0].finish == "length"
    assert [name for _, name in caller.calls] == ["d", "d", "d"]
    assert _call(FakeCaller(error, fail_before_send=True)) == (error, 0)
    assert _call(FakeCaller(lambda request, deployment: deployment.name))[0].text == "d"


def test_a_fake_caller_checks_the_clearance_as_real_ones_do():
    caller = FakeCaller("x")
    with pytest.raises(PolicyDenied):
        _call(caller, Clearance(DataClass.RESTRICTED, {}))
    assert caller.calls == []


def test_a_fake_caller_streams():
    async def body():
        events = FakeCaller("hello").stream(
            REQUEST, DEPLOYMENT, allow(DEPLOYMENT), deadline=1.0, sent=lambda: None
        )
        return [event async for event in events]

    events = asyncio.run(body())
    assert "".join(event.text for event in events[:-1]) == "hello"
    assert isinstance(events[-1], ReplyDone)


def _intent(key):
    return Intent(
        key=key, call_id="c", task="t", task_version="v", deployment="d", model="m",
        reason="first", data_class=DataClass.PUBLIC, clearance="x", expected_nano=None,
        started_at=0.0,
    )  # fmt: skip


def test_a_journal_in_memory_finds_whole_replies_again_and_no_cut_ones():
    journal = MemoryJournal()
    as_protocol: Journal = journal
    whole, cut = Reply((Text("ok"),), "stop"), Reply((Text("o"),), "length")

    async def body():
        for key, reply in ((b"whole", whole), (b"cut", cut)):
            entry_id = await as_protocol.intend(_intent(key))
            as_protocol.sent(entry_id)
            await as_protocol.settle(
                entry_id, Settlement("valid", Cost(), 0.1, reply=ENCODE(reply))
            )
        await as_protocol.accept(Accepted(b"w", b"v", b"{}"))

    asyncio.run(body())
    assert journal.finished(b"whole") == whole
    assert journal.finished(b"cut") is None
    assert journal.done(b"w") is not None
    assert journal.done(b"x") is None
    assert [entry.sent for entry in journal.entries] == [True, True]


def test_a_full_journal_says_so():
    journal = MemoryJournal()
    journal.full = True
    with pytest.raises(StorageError):
        asyncio.run(journal.intend(_intent(b"k")))
