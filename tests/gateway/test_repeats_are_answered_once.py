"""A request that is sent again under one key is asked once, and answered each time alike."""

import asyncio
import contextlib
import json
import sqlite3
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from aihandler.domain.api_key import ApiKey
from aihandler.errors import StorageError
from aihandler.gateway.admission import Asker
from aihandler.gateway.http import HttpRequest
from aihandler.gateway.repeating import Repeating, UnderWay
from aihandler.ledger import open_ledger
from aihandler.ledger.repeats import KEPT_S, Repeats, SentReply, make_repeats
from aihandler.testing import FakeClock, FakeServer, Scripted
from gateway.running import POLICY, deployments, gateway, until, written
from gateway.serving import kill_hard, serving

CHAT = "/v1/chat/completions"


def ask(url, key, text="hi", *, path=CHAT, headers=None, **more):
    body = {"model": "near", "messages": [{"role": "user", "content": text}], **more}
    sent = {"Idempotency-Key": key, **(headers or {})}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def folder(near, tmp_path):
    written(tmp_path, deployments({"near": near}) + POLICY)
    return tmp_path


@pytest.fixture
def url(folder):
    with gateway(folder / "aihandler.yaml") as url:
        yield url


def test_the_same_request_gets_the_same_answer_and_is_asked_once(url, near):
    status, headers, body = ask(url, "one")
    assert (status, headers["idempotent-replayed"]) == (200, None)
    again = ask(url, "one")
    assert (again[0], again[2]) == (200, body)
    assert again[1]["idempotent-replayed"] == "true"
    assert again[1]["x-aihandler-call"] == headers["x-aihandler-call"]
    assert near.calls == 1
    assert ask(url, "two")[0] == 200
    assert near.calls == 2


def test_a_stream_is_answered_again_byte_for_byte(url, near):
    first, second = (ask(url, "s", stream=True) for _ in range(2))
    assert first[2] == second[2]
    assert second[1]["content-type"] == first[1]["content-type"]
    assert near.calls == 1


@pytest.mark.parametrize(
    ("path", "words"), [(CHAT, b'{"error":'), ("/v1/messages", b'{"type":"error","error":')]
)
def test_the_same_key_with_another_request_is_refused_in_the_clients_format(url, near, path, words):
    assert ask(url, "one", path=path, max_tokens=9)[0] == 200
    status, headers, body = ask(url, "one", "another", path=path, max_tokens=9)
    assert status == 422
    assert headers["x-aihandler-error"] == "idempotency_key_used"
    assert body.startswith(words)
    assert near.calls == 1


def test_a_request_under_way_is_joined(folder):
    free = threading.Event()

    def slowly(_request):
        free.wait(10)
        return "at last"

    with FakeServer(slowly) as slow, ThreadPoolExecutor(3) as pool:
        path = written(folder, deployments({"near": slow}) + POLICY)
        # Two gateways, as two workers are.
        with gateway(path) as first, gateway(path, owner="b") as second:
            asked = [pool.submit(ask, first, "one")]
            until(lambda: slow.calls)
            asked += [pool.submit(ask, url, "one") for url in (first, second)]
            free.set()
            bodies = {one.result()[2] for one in asked}
        assert len(bodies) == 1
        assert slow.calls == 1


def test_what_was_not_answered_is_asked_anew(url, near):
    near._constant = Scripted(status=500)
    assert ask(url, "one")[0] == 502
    near._constant = Scripted("well again")
    assert ask(url, "one")[0] == 200


def test_a_stream_that_broke_is_asked_anew(url, near):
    near._constant = Scripted("many words in several pieces " * 3, fault="cut")
    assert b'"error"' in ask(url, "one", stream=True)[2]
    near._constant = Scripted("whole")
    status, headers, body = ask(url, "one", stream=True)
    assert (status, headers["idempotent-replayed"]) == (200, None)
    assert b"[DONE]" in body


def test_answers_that_must_not_be_kept_are_not(near, tmp_path):
    text = deployments({"near": near}) + POLICY + "ledger: {content: false}\n"
    with gateway(written(tmp_path, text)) as url:
        assert ask(url, "one")[0] == 200
        status, _, body = ask(url, "one")
    assert status == 409
    assert b"not kept" in body
    assert near.calls == 1
    files = [path for path in (tmp_path / ".aihandler").rglob("*") if path.is_file()]
    assert files
    assert not any(b"Hello" in path.read_bytes() for path in files)


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(url, near, key):
    assert ask(url, key)[0] == 400
    assert near.calls == 0


def test_askers_have_keys_of_their_own(folder, near):
    class Twins:
        def __init__(self):
            self.names = ["a", "b"]

        def admit(self, _headers):
            return Asker(self.names.pop())

    with gateway(folder / "aihandler.yaml", admission=Twins()) as url:
        assert ask(url, "one")[0] == ask(url, "one", "other words")[0] == 200
    assert near.calls == 2


class Stores:
    """Views of several owners; `alive` are those that live. Entries go to the ledger beside."""

    def __init__(self, folder, opened):
        self.clock = FakeClock()
        self.alive = {"mine", "dead", "next", "third"}
        self.path = folder / "ledger.sqlite"
        self._opened = opened
        make_repeats(self.path, wall=self.clock.wall())
        with open_ledger(self.path, clock=self.clock):
            pass

    def of(self, owner, key=None):
        made = Repeats(
            self.path,
            clock=self.clock,
            owner=owner,
            lives=self.alive.__contains__,
            encryption_key=key,
        )
        self._opened.callback(made.close)
        return made

    def attempt(self, call_id, state, outcome=None, *, expected=7):
        with contextlib.closing(sqlite3.connect(self.path)) as ledger, ledger:
            ledger.execute(ENTRY, (call_id, expected, state, outcome))


ENTRY = """
INSERT INTO entry (
    key, call_id, run_id, document_id, step, tenant, tags, task, task_version, deployment, model,
    reason, data_class, clearance, request_chars, started_at, expected_nano, state, outcome
) SELECT x'00', ?1, '', '', '', '', '{}', 't', '1', 'd', 'm', 'first', 'internal', 'c', 1, 1,
    ?2, ?3, ?4
"""


@pytest.fixture
def stores(tmp_path):
    with contextlib.ExitStack() as opened:
        yield Stores(tmp_path, opened)


def test_a_request_that_a_dead_worker_never_sent_is_given_to_the_next(stores):
    dead, next_one = stores.of("dead"), stores.of("next")
    assert dead.claim(b"r", b"asked", call_id="1").state == "ours"
    assert next_one.claim(b"r", b"asked", call_id="2").state == "theirs"
    stores.alive.remove("dead")
    # Its intent was folded, and nothing had gone out.
    stores.attempt("1", "settled", "failed")
    assert next_one.claim(b"r", b"asked", call_id="2").state == "ours"
    # Whoever comes back from the dead changes nothing.
    dead.keep(b"r", 200, SentReply(200, [], b"late"))
    dead.leave(b"r")
    assert stores.of("third").claim(b"r", b"asked", call_id="3").state == "theirs"


@pytest.mark.parametrize(
    ("state", "outcome"), [("in_doubt", "in_doubt"), ("settled", "valid"), ("settled", "refused")]
)
def test_a_request_that_a_dead_worker_sent_is_not_asked_again(stores, state, outcome):
    stores.of("dead").claim(b"r", b"asked", call_id="1")
    stores.attempt("1", "settled", "failed")
    stores.attempt("1", state, outcome)
    stores.alive.remove("dead")
    for owner in ("next", "third"):
        claim = stores.of(owner).claim(b"r", b"asked", call_id="2")
        assert (claim.state, claim.call_id) == ("doubt", "1")
    assert stores.of("next").claim(b"r", b"another", call_id="2").state == "other"
    stores.clock.advance(KEPT_S + 1)
    stores.of("next").forget_old()
    assert stores.of("next").claim(b"r", b"asked", call_id="2").state == "ours"


def test_what_costs_nothing_is_asked_again(stores):
    stores.of("dead").claim(b"r", b"asked", call_id="1")
    stores.attempt("1", "in_doubt", "in_doubt", expected=0)
    stores.alive.remove("dead")
    assert stores.of("next").claim(b"r", b"asked", call_id="2").state == "ours"


@pytest.mark.parametrize("jump_s", [-3600, 3600, 100_000])
def test_clocks_that_jump_neither_free_nor_hold_a_request(stores, jump_s):
    dead, next_one = stores.of("dead"), stores.of("next")
    dead.claim(b"r", b"asked", call_id="1")
    stores.clock.advance(jump_s)
    next_one.forget_old()
    assert next_one.claim(b"r", b"asked", call_id="2").state == "theirs"
    stores.alive.remove("dead")
    assert next_one.claim(b"r", b"asked", call_id="2").state == "ours"


def test_an_end_that_could_not_be_written_is_written_later(stores):
    mine = stores.of("mine")
    repeating = Repeating(mine, keep=True)
    request = HttpRequest("POST", CHAT, "", {"idempotency-key": "k"}, b"{}", "1")
    keep, mine.keep = mine.keep, lambda *_: (_ for _ in ()).throw(StorageError("away"))

    async def answered(send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"words"})

    async def once():
        await repeating.once(request, Asker("a"), discarded, answered)

    asyncio.run(once())
    mine.keep = keep
    repeating._say_again()
    with pytest.raises(UnderWay, match="not kept"):
        asyncio.run(once())


async def discarded(_message):
    pass


def test_answers_are_kept_for_a_day_and_sealed_like_other_texts(stores, tmp_path):
    clock, mine = stores.clock, stores.of("mine", b"k" * 32)
    mine.claim(b"r", b"asked", call_id="1")
    mine.keep(b"r", 200, SentReply(200, [(b"a", b"b")], b"secret words"))
    clock.advance(KEPT_S - 1)
    assert mine.claim(b"r", b"asked", call_id="2").reply.body == b"secret words"
    assert not any(b"secret words" in path.read_bytes() for path in tmp_path.iterdir())
    clock.advance(2)
    mine.forget_old()
    assert mine.claim(b"r", b"other", call_id="2").state == "ours"


def test_after_a_worker_was_killed_the_answer_is_still_there(folder, near):
    with serving(folder, "--insecure-local") as served:
        first = ask(served.url, "one")
        kill_hard(served.workers()[0])
        until(served.workers, within_s=10)
        again = ask(served.url, "one")
    assert again[2] == first[2]
    assert near.calls == 1


def test_after_a_worker_was_killed_over_a_request_it_is_not_paid_a_second_time(tmp_path):
    free = threading.Event()

    def slowly(_request):
        free.wait(20)
        return "at last"

    with FakeServer(slowly) as slow, ThreadPoolExecutor(1) as pool:
        written(tmp_path, deployments({"near": slow}) + POLICY)
        with serving(tmp_path, "--insecure-local") as served:
            asked = pool.submit(ask, served.url, "one")
            until(lambda: slow.calls)
            kill_hard(served.workers()[0])
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                asked.result()
            free.set()
            until(served.workers, within_s=10)
            status, headers, body = ask(served.url, "one")
            ((call_id, *ended),) = served.entries()
            assert (status, headers["x-aihandler-error"]) == (409, "idempotency_in_doubt")
            assert headers["x-should-retry"] == "false"
            assert call_id.encode() in body
            assert ended == ["in_doubt", "in_doubt"]
            assert slow.calls == 1
            assert ask(served.url, "another")[0] == 200
    assert slow.calls == 2


@pytest.mark.nightly
def test_nor_after_the_whole_gateway_was_killed(tmp_path):
    free = threading.Event()
    with (
        FakeServer(lambda _request: free.wait(20) and "at last") as slow,
        ThreadPoolExecutor(1) as pool,
    ):
        written(tmp_path, deployments({"near": slow}) + POLICY)
        with serving(tmp_path, "--insecure-local") as served:
            workers = served.workers()
            asked = pool.submit(ask, served.url, "one")
            until(lambda: slow.calls)
            for pid in (served.process.pid, *workers):
                kill_hard(pid)
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                asked.result()
            free.set()
        with serving(tmp_path, "--insecure-local") as served:
            assert ask(served.url, "one")[0] == 409
            assert slow.calls == 1


def test_a_key_that_may_ask_no_more_gets_no_answer_of_before(folder, near):
    class Narrowing:
        tasks = None

        def admit(self, _headers):
            return Asker("a", api_key=ApiKey(id="a", prefix="a", name="a", tasks=self.tasks))

    admission = Narrowing()
    with gateway(folder / "aihandler.yaml", admission=admission) as url:
        assert ask(url, "one")[0] == 200
        assert ask(url, "one")[1]["idempotent-replayed"] == "true"
        admission.tasks = ("model/other",)
        status, headers, _ = ask(url, "one")
        assert (status, headers["x-aihandler-error"]) == (403, "refused")
    assert near.calls == 1
