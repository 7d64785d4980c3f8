"""Tokens that a minute was charged in advance come back where nobody used them."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.domain.usage import Usage
from aihandler.gateway.admission import Asker
from aihandler.gateway.rates import Rate, Rates
from aihandler.gateway.windows import Windows, make_windows
from aihandler.testing import FakeClock, FakeServer, Scripted
from gateway.running import POLICY, deployments, gateway, until, written

# The fake server counts some ten tokens; what is reserved for an answer is its bound.
BOUND = 5000


class Minute:
    """A gateway before two servers, and what stands in the minute of its only asker."""

    def __init__(self, folder, near, far, *, task="", limits=""):
        self.near, self.far = near, far
        text = deployments({"near": near, "far": far}).replace(
            "profile: vllm", f"profile: vllm{limits}"
        )
        self.path = written(
            folder, text + POLICY + f"tasks: {{both: {{candidates: [near, far]{task}}}}}\n"
        )
        make_windows(folder / "windows", workers=1)
        self.clock = FakeClock()
        self.windows = Windows(folder / "windows", slot=0)
        self.rates = Rates(self.windows, clock=self.clock)

    def admit(self, _headers):
        return Asker("a", rates=(Rate("key:a", tokens=1_000_000),))

    @property
    def tokens(self):
        return self.windows.total("key:a", self.clock.wall())[1]

    def gateway(self, **more):
        return gateway(self.path, admission=self, rates=self.rates, **more)


@pytest.fixture
def minute(tmp_path):
    with FakeServer("Hello.") as near, FakeServer("Hello.") as far:
        yield Minute(tmp_path, near, far)


def ask(url, model="both", *, path="/v1/chat/completions", timeout=20, **more):
    words = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": BOUND}
    body = json.dumps({"model": model, **words, **more}).encode()
    request = urllib.request.Request(url + path, body)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_every_server_uses_nothing(minute, stream):
    minute.near._constant = minute.far._constant = Scripted(status=400)
    with minute.gateway() as url:
        assert ask(url, stream=stream)[0] >= 400
    assert minute.tokens == 0


def test_an_answer_after_a_fallback_counts_what_it_took(minute):
    minute.near._constant = Scripted(status=400)
    with minute.gateway() as url:
        assert ask(url)[0] == 200
    assert 0 < minute.tokens < 100


def test_what_is_refused_before_it_is_sent_uses_nothing(minute):
    into = []
    with minute.gateway(into=into) as url:
        (serving,) = into
        serving._runs.set_apart({"near": "off", "far": "off"})
        assert ask(url)[0] == 503
    assert minute.tokens == 0


@pytest.mark.parametrize("stream", [False, True])
def test_silence_after_the_send_counts_as_it_was_reserved(minute, stream):
    minute.near._constant = minute.far._constant = Scripted(fault="drop")
    with minute.gateway() as url:
        assert ask(url, stream=stream)[0] == 502
    assert minute.tokens > BOUND


def test_an_answer_that_stays_invalid_counts_what_it_took(tmp_path):
    task = ", output: {label: [billing, bug]}, prompt: 'Which? {{ text }}'"
    with FakeServer("no idea") as near, FakeServer("none") as far:
        minute = Minute(tmp_path, near, far, task=task)
        with minute.gateway() as url:
            assert ask(url)[0] == 422
    assert 0 < minute.tokens < 1000


def test_a_client_that_leaves_the_queue_has_used_nothing(tmp_path):
    free = threading.Event()

    def slowly(_request):
        free.wait(20)
        return "ok"

    with FakeServer(slowly) as near, FakeServer("ok") as far:
        minute = Minute(tmp_path, near, far, limits=", limits: {concurrency: 1}")
        with minute.gateway() as url:
            first = threading.Thread(target=ask, args=(url, "near"))
            first.start()
            until(lambda: near.calls)
            held = minute.tokens
            with pytest.raises(TimeoutError):
                ask(url, "near", timeout=1.0)
            until(lambda: minute.tokens == held)
            free.set()
            first.join()
    assert 0 < minute.tokens < 100


def test_a_stream_that_its_client_leaves_counts_what_came(tmp_path):
    text = Scripted("many words in several pieces " * 20, piece_delay_s=0.2)
    with FakeServer(text) as near, FakeServer("ok") as far:
        minute = Minute(tmp_path, near, far)
        with minute.gateway() as url:
            body = {"model": "near", "messages": [{"role": "user", "content": "hi"}]}
            body |= {"max_tokens": BOUND, "stream": True}
            reply = urllib.request.urlopen(
                urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode())
            )
            with reply:
                reply.read(200)
                assert minute.tokens > BOUND
            until(lambda: 0 < minute.tokens < BOUND)


def reserved(folder, *, task="", **asked):
    """What is held while the answer is on its way."""
    seen = []
    with FakeServer(lambda _request: seen.append(minute.tokens) or "ok") as near:
        minute = Minute(folder, near, near, task=task)
        with minute.gateway() as url:
            assert ask(url, **asked)[0] == 200
    return seen[0]


def test_a_task_in_its_own_words_holds_what_it_may_say(tmp_path):
    # The task is asked, and nothing tells it of the client's bound.
    assert reserved(tmp_path, max_tokens=1) > 500
    bound = ", max_output_tokens: 3000"
    assert 3000 < reserved(tmp_path, task=bound, max_tokens=1) < 3500
    # A bound of the client's that is larger holds too.
    assert reserved(tmp_path, max_tokens=9000) > 9000


def test_each_of_several_answers_is_held(tmp_path):
    assert 5 * BOUND < reserved(tmp_path, model="near", n=5.0) < 6 * BOUND


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses"])
def test_a_bound_below_one_takes_nothing_back(minute, path):
    bound = {"max_tokens": -1_000_000, "max_output_tokens": -1_000_000}
    with minute.gateway() as url:
        status, body = ask(url, "near", path=path, prompt="hi", input="hi", **bound)
    assert status == 400
    assert b"at least" in body
    assert (minute.tokens, minute.near.calls) == (0, 0)


def test_vectors_that_fail_use_nothing(tmp_path):
    with FakeServer("x") as near, FakeServer("x") as far:
        minute = Minute(tmp_path, near, far)
        near._constant = Scripted(status=400)
        near_serves = minute.path.read_text().replace(
            "model: near-1", "model: near-1, serves: embeddings"
        )
        minute.path.write_text(near_serves.split("tasks:")[0])
        with minute.gateway() as url:
            status, _ = ask(url, "near", path="/v1/embeddings", input="hi")
            assert status >= 400
    assert minute.tokens == 0


def test_what_comes_back_late_opens_no_hole_in_the_next_minute(tmp_path):
    make_windows(tmp_path / "windows", workers=1)
    clock, windows = FakeClock(), Windows(tmp_path / "windows", slot=0)
    rates, bound = Rates(windows, clock=clock), [Rate("k", tokens=1000)]
    ticket = rates.admit(bound, 1000)
    clock.advance(58)
    ticket.note(Usage(input=5, output=5))
    rates.settle(ticket)
    assert windows.total("k", clock.wall()) == (1, 10)
    # The reservation has left the window, and what came back of it with it.
    clock.advance(7)
    assert windows.total("k", clock.wall()) == (0, 0)
    late = rates.admit(bound, 1000)
    clock.advance(90)
    late.note(Usage(input=1))
    rates.settle(late)
    assert windows.total("k", clock.wall()) == (0, 0)
    # What was used beyond the reservation counts when it is known.
    more = rates.admit(bound, 10)
    clock.advance(30)
    more.note(Usage(output=25))
    rates.settle(more)
    clock.advance(40)
    assert windows.total("k", clock.wall()) == (0, 15)


steps = st.lists(
    st.tuples(st.floats(0, 70), st.integers(0, 500), st.integers(0, 800), st.booleans()),
    max_size=20,
)


@given(steps, st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_no_minute_has_less_than_nothing(tmp_path_factory, asked, together):
    path = tmp_path_factory.mktemp("minutes") / "windows"
    make_windows(path, workers=1)
    clock, windows = FakeClock(), Windows(path, slot=0)
    rates, under_way = Rates(windows, clock=clock), []
    for wait_s, reserved, used, counted in asked:
        under_way.append((rates.admit([Rate("k")], reserved), used, counted))
        clock.advance(wait_s)
        while len(under_way) > together:
            ticket, tokens, known = under_way.pop(0)
            ticket.note(Usage(output=tokens) if known else None)
            rates.settle(ticket)
        assert windows.total("k", clock.wall())[1] >= 0
    windows.close()
