"""What happens between attempts: waiting, giving up, and leaving a deployment alone."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routes import FakeClock

from aihandler.config.configuration import HealthSettings
from aihandler.domain.attempt import Snapshot
from aihandler.errors import BackendRejected, BackendUnavailable, ContentRefused
from aihandler.routing import Health, RetryBudget, delay_s, may_retry

DOWN = BackendUnavailable("no answer", deployment="a")
WRONG = BackendRejected("bad request", deployment="a", status=400)
FILTERED = ContentRefused("filtered", deployment="a")


def fail(health, times, name="a"):
    for _ in range(times):
        health.note(name, DOWN)


def test_only_what_may_pass_is_tried_again():
    assert may_retry(DOWN)
    assert not may_retry(WRONG)
    assert not may_retry(FILTERED)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_anywhere_between_nothing_and_a_bound_that_doubles(attempt, chance):
    wait_s = delay_s(attempt, random=lambda: chance)
    assert 0 <= wait_s <= min(8, 0.25 * 2 ** min(attempt, 30))


def test_the_wait_fills_its_whole_range():
    chances = random.Random(7)
    waits = [delay_s(3, random=chances.random) for _ in range(1000)]
    assert min(waits) < 0.1
    assert max(waits) > 1.9
    assert 0.9 < sum(waits) / len(waits) < 1.1


def test_a_server_that_says_when_is_not_asked_sooner():
    assert delay_s(0, random=lambda: 0.0, retry_after_s=30) == 30
    assert 30 <= delay_s(0, random=lambda: 0.9, retry_after_s=30) <= 30.25
    assert delay_s(0, random=lambda: 0.0, retry_after_s=-5) == 0


def test_a_few_retries_a_second_are_always_there():
    clock = FakeClock()
    budget = RetryBudget(clock, per_s=10)
    assert sum(budget.spend() for _ in range(50)) == 10
    clock.now += 0.5
    assert sum(budget.spend() for _ in range(50)) == 5


def test_requests_earn_a_fifth_of_a_retry_each():
    budget = RetryBudget(FakeClock(), per_s=0)
    for _ in range(100):
        budget.note_request()
    assert sum(budget.spend() for _ in range(100)) == 20


def test_in_an_outage_retries_stay_a_fifth_of_requests_and_ten_a_second():
    clock = FakeClock()
    budget = RetryBudget(clock)
    retries = 0
    for _ in range(100 * 60):
        clock.now += 0.01
        budget.note_request()
        retries += budget.spend() + budget.spend()
    # 60 seconds of 100 requests: 20 + 10 a second, and what the start held.
    assert 28 * 60 <= retries <= 30 * 60 + 11


def test_what_requests_earned_does_not_outlast_a_quiet_time():
    clock = FakeClock()
    budget = RetryBudget(clock, per_s=0)
    for _ in range(1000):
        budget.note_request()
    clock.now += 3600
    assert not budget.spend()


def test_time_that_stands_still_or_goes_back_earns_nothing():
    clock = FakeClock()
    budget = RetryBudget(clock, per_s=10)
    assert sum(budget.spend() for _ in range(20)) == 10
    clock.now -= 5
    assert not budget.spend()


def test_five_failures_in_a_row_set_a_deployment_aside():
    clock = FakeClock()
    health = Health(clock)
    fail(health, 4)
    assert health.set_aside() == {}
    fail(health, 1)
    assert set(health.set_aside()) == {"a"}
    clock.now += 30
    assert health.set_aside() == {}


def test_a_success_between_failures_starts_the_count_afresh():
    health = Health(FakeClock())
    fail(health, 4)
    health.note("a", None)
    fail(health, 4)
    assert health.set_aside() == {}


@pytest.mark.parametrize("error", [WRONG, FILTERED])
def test_a_server_that_refuses_a_request_is_well(error):
    health = Health(FakeClock())
    fail(health, 4)
    health.note("a", error)
    fail(health, 4)
    assert health.set_aside() == {}


def test_each_further_ejection_is_longer_by_the_base_time_up_to_a_bound():
    clock = FakeClock()
    health = Health(clock, HealthSettings(max_ejection_time_s=100))
    fail(health, 5)
    for aside_s in (30, 60, 90, 100, 100):
        clock.now += aside_s - 1
        assert health.set_aside()
        clock.now += 1
        assert not health.set_aside()
        fail(health, 1)


def test_a_time_without_failures_shortens_the_next_ejection():
    clock = FakeClock()
    health = Health(clock)
    fail(health, 5)
    clock.now += 30
    fail(health, 1)
    clock.now += 60 + 20
    health.note("a", None)
    fail(health, 5)
    clock.now += 29
    assert health.set_aside()
    clock.now += 1
    assert not health.set_aside()


def test_connections_stalls_and_gateways_have_a_count_of_their_own():
    health = Health(FakeClock(), HealthSettings(consecutive_gateway_failure=2))
    fail(health, 1)
    health.note("a", BackendUnavailable("broke", deployment="a", status=500))
    fail(health, 1)
    assert not health.set_aside()
    health.note("a", BackendUnavailable("stalled", deployment="a", status=504))
    assert health.set_aside()


def test_a_server_that_says_later_is_neither_ill_nor_well():
    health = Health(FakeClock())
    later = BackendUnavailable("busy", deployment="a", status=429)
    for _ in range(9):
        health.note("a", later)
    assert not health.set_aside()
    fail(health, 4)
    health.note("a", later)
    fail(health, 1)
    assert health.set_aside()


def test_attempts_that_were_on_their_way_do_not_lengthen_the_time():
    clock = FakeClock()
    health = Health(clock)
    fail(health, 50)
    clock.now += 30
    assert health.set_aside() == {}


def test_one_deployment_does_not_pay_for_another():
    health = Health(FakeClock())
    fail(health, 4, "a")
    fail(health, 4, "b")
    assert health.set_aside() == {}


def test_the_snapshot_gets_what_is_set_aside_and_stays_as_it_was():
    health = Health(FakeClock())
    before = Snapshot(unavailable={"c": "no key"}, set_aside={"b": "by hand"})
    assert health.apply(before) is before
    fail(health, 5)
    after = health.apply(before)
    assert set(after.set_aside) == {"a", "b"}
    assert after.unavailable == before.unavailable
    assert before.set_aside == {"b": "by hand"}
