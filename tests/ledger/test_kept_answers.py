"""The file in which answers are kept for equal requests: bounded, sealed, and really forgotten."""

import contextlib
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aihandler.backends.anthropic_messages import AnthropicMessages
from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.completions import Completions
from aihandler.backends.openai_chat import OpenAIChat
from aihandler.backends.openai_responses import OpenAIResponses
from aihandler.domain.answer import Reply, ReplyDone, Validity
from aihandler.domain.conversation import Text, Thinking
from aihandler.domain.kept import KeptAnswer, Owner
from aihandler.domain.task import CacheSettings
from aihandler.domain.usage import Usage
from aihandler.errors import StorageError
from aihandler.ledger import cache
from aihandler.ledger.cache import AnswerCache, cache_path, make_cache
from aihandler.testing import FakeClock

MINE = Owner("triage", "acme")
HOUR = CacheSettings(3600.0, 3)
KEY = b"k" * 32


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    make_cache(tmp_path / "ledger.sqlite", wall=clock.wall())
    with contextlib.ExitStack() as opened:

        def open_one(key=None):
            made = AnswerCache(tmp_path / "ledger.sqlite", clock=clock, encryption_key=key)
            opened.callback(made.close)
            return made

        yield open_one


def kept(clock, call="c", text="billing", **more):
    return KeptAnswer(call, clock.wall(), "near", text, Validity.EXACT, **more)


def rows(tmp_path):
    with contextlib.closing(sqlite3.connect(cache_path(tmp_path / "ledger.sqlite"))) as file:
        told = file.execute("SELECT answers, bytes FROM kept").fetchall()
        real = file.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM answer")
        return told, real.fetchall()


def test_an_answer_comes_back_as_it_was_for_every_process(store, clock):
    reply = Reply(
        (Text("Hällo\u2028"),),
        "stop",
        usage=Usage(3, output=4),
        extra={"openai.chat": {"reply": {"id": "x", "n": 2**60, "f": 0.1}}},
        origin="openai.chat",
        raw=b'{"a": \xe2\x82\xac "\\u00e9"}',
    )
    answer = kept(clock, reply=reply, usage=Usage(1), notes=("n",), confidence=0.5)
    store().keep(b"q", answer, owner=MINE, settings=HOUR)
    assert store().find(b"q") == answer
    assert store().find(b"r") is None


def test_the_newest_answer_counts(store, clock):
    one = store()
    for text in ("old", "new"):
        one.keep(b"q", kept(clock, text=text), owner=MINE, settings=HOUR)
    assert one.find(b"q").value == "new"


def test_of_a_task_the_oldest_leave_when_there_are_too_many(store, clock, tmp_path):
    one = store()
    one.keep(b"other", kept(clock), owner=Owner("other", ""), settings=HOUR)
    for number in range(5):
        clock.advance(1)
        one.keep(b"%d" % number, kept(clock), owner=MINE, settings=HOUR)
    assert [one.find(b"%d" % number) is None for number in range(5)] == [True, True] + [False] * 3
    assert one.find(b"other") is not None
    # What is counted on the way is what is there.
    told, real = rows(tmp_path)
    assert tuple(map(sum, zip(*told, strict=True))) == real[0]


def test_answers_have_a_bound_of_bytes_too(store, clock, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "MOST_BYTES_EACH", 3000)
    monkeypatch.setattr(cache, "MOST_BYTES", 5000)
    one, many = store(), CacheSettings(3600.0)
    one.keep(b"large", kept(clock, text="x" * 4000), owner=MINE, settings=many)
    assert one.find(b"large") is None
    for number in range(4):
        clock.advance(1)
        one.keep(b"%d" % number, kept(clock, text="x" * 2000), owner=MINE, settings=many)
    assert rows(tmp_path)[1][0][0] == 2


def test_what_is_of_no_more_use_leaves_the_disk(store, clock, tmp_path):
    one = store()
    for number in range(2):
        one.keep(b"%d" % number, kept(clock), owner=MINE, settings=HOUR)
    clock.advance(3599)
    one.forget_expired()
    assert rows(tmp_path)[1][0][0] == 2
    clock.advance(1)
    one.keep(b"new", kept(clock), owner=MINE, settings=HOUR)
    assert rows(tmp_path)[1][0][0] == 1
    clock.advance(3600)
    make_cache(tmp_path / "ledger.sqlite", wall=clock.wall())
    assert rows(tmp_path)[1] == [(0, 0)]


def test_texts_are_sealed_with_the_key_and_open_with_no_other(store, clock, tmp_path):
    sealed = store(KEY)
    sealed.keep(b"q", kept(clock, text="secret words"), owner=MINE, settings=HOUR)
    assert sealed.find(b"q").value == "secret words"
    files = list(tmp_path.iterdir())
    assert not any(b"secret words" in file.read_bytes() for file in files)
    # Whoever guesses the question does not find it there, and one who moves it opens nothing.
    assert store().find(b"q") is None
    assert store(b"x" * 32).find(b"q") is None
    sealed.keep(b"r", kept(clock), owner=MINE, settings=HOUR)
    with contextlib.closing(
        sqlite3.connect(tmp_path / "ledger.cache.sqlite", isolation_level=None)
    ) as file:
        file.execute("UPDATE answer SET body = (SELECT max(body) FROM answer)")
    with pytest.raises(StorageError):
        (sealed.find(b"q"), sealed.find(b"r"))


def test_while_another_process_holds_the_file_it_is_read_and_not_written(store, clock, tmp_path):
    one = store()
    one.keep(b"q", kept(clock), owner=MINE, settings=HOUR)
    file = sqlite3.connect(cache_path(tmp_path / "ledger.sqlite"), isolation_level=None)
    with contextlib.closing(file) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert one.find(b"q") is not None
        with pytest.raises(StorageError):
            one.keep(b"r", kept(clock), owner=MINE, settings=HOUR)
    one.keep(b"r", kept(clock), owner=MINE, settings=HOUR)


def test_a_file_of_garbage_is_a_storage_error(tmp_path, clock):
    path = cache_path(tmp_path / "ledger.sqlite")
    path.write_bytes(b"no database " * 500)
    with pytest.raises(StorageError):
        make_cache(tmp_path / "ledger.sqlite", wall=clock.wall())


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
PARTS = st.one_of(
    st.builds(Text, TEXTS),
    st.builds(Thinking, TEXTS, signature=TEXTS),
)
REPLIES = st.builds(
    Reply,
    st.lists(PARTS, min_size=1, max_size=3).map(tuple),
    st.just("stop"),
    usage=st.none() | st.builds(Usage, st.integers(0, 2**40), output=st.integers(0, 9)),
    model=TEXTS,
    fingerprint=TEXTS,
    raw=st.binary(max_size=40),
    vectors=st.lists(st.floats(width=64, allow_nan=False, allow_infinity=False), max_size=3).map(
        lambda numbers: (tuple(numbers),)
    ),
)


@given(REPLIES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_clients_are_told_of_a_kept_reply_is_the_same_to_the_byte(made_store, clock, reply):
    made_store.keep(b"q", kept(clock, reply=reply), owner=MINE, settings=HOUR)
    found = made_store.find(b"q").reply
    assert found == reply
    identity = ReplyIdentity("id", "model", 7)
    for codec in (OpenAIChat(), Completions(), AnthropicMessages(), OpenAIResponses()):
        assert codec.write_reply(found, identity) == codec.write_reply(reply, identity)
        streams = [codec.stream_writer(identity, usage=True) for _ in range(2)]
        first, second = (
            writer.write(ReplyDone(one))
            for writer, one in zip(streams, (found, reply), strict=True)
        )
        assert first == second


@pytest.fixture
def made_store(store):
    return store(KEY)
