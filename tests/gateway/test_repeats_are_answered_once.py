"""A request that is sent again under one key is asked once, and answered each time alike."""

import contextlib
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from aihandler.gateway.admission import Asker
from aihandler.ledger.repeats import KEPT_S, LEASE_S, Repeats, SentReply, make_repeats
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


@pytest.fixture
def stores(tmp_path):
    clock = FakeClock()
    make_repeats(tmp_path / "ledger.sqlite", wall=clock.wall())

    with contextlib.ExitStack() as opened:

        def store(owner, key=None):
            made = Repeats(tmp_path / "ledger.sqlite", clock=clock, owner=owner, encryption_key=key)
            opened.callback(made.close)
            return made

        yield clock, store


def test_a_request_of_a_worker_that_died_is_given_to_the_next(stores):
    clock, store = stores
    dead, next_one = store("dead"), store("next")
    assert dead.claim(b"r", b"asked").state == "ours"
    clock.advance(LEASE_S - 1)
    assert next_one.claim(b"r", b"asked").state == "theirs"
    clock.advance(2)
    assert next_one.claim(b"r", b"asked").state == "ours"
    # Whoever comes back from the dead changes nothing.
    dead.keep(b"r", 200, SentReply(200, [], b"late"))
    dead.leave(b"r")
    assert store("third").claim(b"r", b"asked").state == "theirs"


def test_a_worker_that_lives_keeps_its_request_however_long_it_takes(stores):
    clock, store = stores
    mine = store("mine")
    mine.claim(b"r", b"asked")
    for _ in range(9):
        clock.advance(LEASE_S - 1)
        mine.hold(b"r")
    assert store("next").claim(b"r", b"asked").state == "theirs"


def test_answers_are_kept_for_a_day_and_sealed_like_other_texts(stores, tmp_path):
    clock, store = stores
    mine = store("mine", b"k" * 32)
    mine.claim(b"r", b"asked")
    mine.keep(b"r", 200, SentReply(200, [(b"a", b"b")], b"secret words"))
    clock.advance(KEPT_S - 1)
    assert mine.claim(b"r", b"asked").reply.body == b"secret words"
    assert not any(b"secret words" in path.read_bytes() for path in tmp_path.iterdir())
    clock.advance(2)
    mine.forget_old()
    assert mine.claim(b"r", b"other").state == "ours"


def test_after_a_worker_was_killed_the_answer_is_still_there(folder, near):
    with serving(folder, "--insecure-local") as served:
        first = ask(served.url, "one")
        kill_hard(served.workers()[0])
        until(served.workers, within_s=10)
        again = ask(served.url, "one")
    assert again[2] == first[2]
    assert near.calls == 1
