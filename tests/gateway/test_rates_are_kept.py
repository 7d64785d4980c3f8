"""A minute's requests and tokens are counted by all workers together."""

import json
import multiprocessing

import pytest

from aihandler.domain.usage import Usage
from aihandler.gateway.http import error_headers
from aihandler.gateway.rates import Rate, RateLimited, Rates
from aihandler.gateway.windows import Windows, make_windows
from aihandler.testing import FakeClock, FakeServer
from gateway.running import POLICY, deployments, written
from gateway.serving import run, serving, until


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "windows"
    make_windows(place, workers=3)
    return place


def test_every_worker_sees_what_all_have_counted(path):
    workers = [Windows(path, slot=slot) for slot in range(3)]
    for number, worker in enumerate(workers, 1):
        worker.add("key:a", 100.0, requests=number, tokens=10)
        worker.add("key:b", 100.0, requests=1)
    assert [worker.total("key:a", 101.0) for worker in workers] == [(6, 30)] * 3
    assert workers[0].total("key:c", 101.0) == (0, 0)


def test_a_minute_later_nothing_counts(path):
    worker = Windows(path, slot=0)
    for second in range(0, 60, 5):
        worker.add("k", 1000.0 + second, requests=1)
    assert worker.total("k", 1059.0)[0] == 12
    assert worker.total("k", 1085.0)[0] == 6
    assert worker.total("k", 1200.0)[0] == 0
    worker.add("k", 1200.0, requests=1)
    assert worker.total("k", 1200.0)[0] == 1


def test_rows_of_a_minute_that_is_over_are_given_to_others(path):
    worker, other = Windows(path, slot=0), Windows(path, slot=1)
    for minute in range(3):
        now = 1000.0 + 100 * minute
        for number in range(7000):
            worker.add(f"{minute}:{number}", now, requests=1)
        for scope in (f"{minute}:0", f"{minute}:6999"):
            assert [one.total(scope, now)[0] for one in (worker, other)] == [1, 1]
    # Who had a row before has none of the counts of who has it now.
    assert {other.total(f"0:{number}", now)[0] for number in range(0, 7000, 7)} == {0}


def test_a_limit_holds_also_where_all_rows_are_taken(path, monkeypatch):
    monkeypatch.setattr("aihandler.gateway.windows._ROWS", 64)
    worker, other, clock = Windows(path, slot=0), Windows(path, slot=1), FakeClock()
    rates = Rates(worker, clock=clock)
    tickets = {}
    for number in range(500):
        bound = [Rate(f"k{number}", requests=2, tokens=100)]
        tickets[number] = rates.admit(bound, 50)
        rates.admit(bound, 50)
        with pytest.raises(RateLimited):
            rates.admit(bound, 50)
    # Those that found no row are counted by each worker for itself.
    unseen = [n for n in range(500) if other.total(f"k{n}", clock.wall())[0] == 0]
    assert 400 < len(unseen) < 450
    for number in (0, unseen[0]):
        tickets[number].note(Usage(input=5))
        rates.settle(tickets[number])
        assert worker.total(f"k{number}", clock.wall()) == (2, 55)
    # They find one when a minute is over, with what counts of them, and all see them again.
    clock.advance(30)
    worker.add(f"k{unseen[0]}", clock.wall(), requests=1)
    clock.advance(31)
    worker.add(f"k{unseen[0]}", clock.wall(), requests=1)
    assert other.total(f"k{unseen[0]}", clock.wall())[0] == 2
    for number in unseen[1:]:
        rates.admit([Rate(f"k{number}", requests=1)], 0)


def test_what_comes_back_after_its_row_is_given_on_is_nobody_elses(path, monkeypatch):
    monkeypatch.setattr("aihandler.gateway.windows._ROWS", 1)
    worker, clock = Windows(path, slot=0), FakeClock()
    rates = Rates(worker, clock=clock)
    ticket = rates.admit([Rate("a", tokens=100)], 100)
    clock.advance(120)
    rates.admit([Rate("b", tokens=100)], 100)
    ticket.note(Usage(input=1))
    rates.settle(ticket)
    assert worker.total("b", clock.wall()) == (1, 100)


def test_who_comes_back_when_told_is_let_in(path):
    clock = FakeClock()
    rates = Rates(Windows(path, slot=0), clock=clock)
    others = Rates(Windows(path, slot=1), clock=clock)
    bound = [Rate("team:t", requests=4), Rate("key:a", requests=2, tokens=100)]
    rates.admit(bound, 10)
    clock.advance(20)
    others.admit(bound, 60)
    clock.advance(3)
    for tokens in (10, 40):
        with pytest.raises(RateLimited) as raised:
            rates.admit(bound, tokens)
        # The first of the two leaves the window; its tokens are enough.
        assert 32 < raised.value.retry_after_s <= 37
    with pytest.raises(RateLimited) as raised:
        rates.admit(bound, 95)
    # All of it has to leave.
    assert 52 < raised.value.retry_after_s <= 57
    rates.admit(bound[:1], 0)
    rates.admit(bound[:1], 0)
    with pytest.raises(RateLimited, match="key:a") as raised:
        rates.admit(bound, 95)
    clock.advance(raised.value.retry_after_s)
    rates.admit(bound, 95)


def count(path, slot, times):
    worker = Windows(path, slot=slot)
    for _ in range(times):
        worker.add("k", 100.0, requests=1)


def test_no_count_is_lost_between_processes(path):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=count, args=(path, slot, 2000)) for slot in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert Windows(path, slot=0).total("k", 100.0)[0] == 6000


def test_tokens_are_reserved_and_put_right(path):
    rates = Rates(Windows(path, slot=0), clock=FakeClock())
    bound = [Rate("key:a", tokens=100)]
    ticket = rates.admit(bound, 80)
    with pytest.raises(RateLimited, match="100 tokens"):
        rates.admit(bound, 30)
    ticket.note(Usage(input=4, output=6))
    rates.settle(ticket)
    rates.admit(bound, 90)


def test_what_is_refused_is_not_counted(path):
    rates = Rates(Windows(path, slot=0), clock=FakeClock())
    bound = [Rate("team:t", requests=5), Rate("key:a", requests=1)]
    rates.admit(bound, 0)
    for _ in range(3):
        with pytest.raises(RateLimited) as raised:
            rates.admit(bound, 0)
        assert 55 < raised.value.retry_after_s <= 60
    assert Windows(path, slot=0).total("team:t", FakeClock().wall())[0] == 1


def test_what_no_minute_could_hold_is_told_so_and_not_to_come_back(path):
    rates = Rates(Windows(path, slot=0), clock=FakeClock())
    with pytest.raises(RateLimited, match=r"100 tokens a minute, .* up to 101") as raised:
        rates.admit([Rate("key:a", tokens=100)], 101)
    assert raised.value.retry_after_s is None
    assert (b"x-should-retry", b"false") in error_headers(raised.value)


def test_a_key_has_its_minute_over_two_workers(tmp_path):
    with FakeServer("Hello.") as near:
        written(tmp_path, deployments({"near": near}) + POLICY)
        key = run(tmp_path, "keys", "create", "ci", "--requests-per-minute", "6").strip()
        free = run(tmp_path, "keys", "create", "free").strip()
        with serving(tmp_path, "--workers", "2") as gateway:
            until(lambda: len(gateway.workers()) == 2)
            asked = [gateway.ask(key=key) for _ in range(10)]
            statuses = [status for status, _, _ in asked]
            assert sorted(statuses) == [200] * 6 + [429] * 4
            _, headers, body = next(one for one in asked if one[0] == 429)
            assert int(headers["retry-after"]) >= 1
            assert json.loads(body)["error"]["type"] == "rate_limit_error"
            assert gateway.ask(key=free)[0] == 200
            assert near.calls == 7
