"""What one worker of a gateway learns of a deployment holds for all of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routes import FakeClock

from aihandler.config.configuration import HealthSettings
from aihandler.domain.board import CELLS, Numbers
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import BackendRejected, BackendUnavailable
from aihandler.routing import Health, RetryBudget

DOWN = BackendUnavailable("no answer", deployment="a")
BROKEN = BackendUnavailable("broke", deployment="a", status=500)
WRONG = BackendRejected("bad request", deployment="a", status=400)
A = Deployment("a", "openai", Model("m"), Hosting.SELF)


class Boards:
    """The boards of workers that share."""

    def __init__(self, count):
        self._rows = [{} for _ in range(count)]

    def of(self, slot):
        boards = self

        class Board:
            def numbers(self, subject):
                rows = [r.setdefault(subject, [0] * CELLS) for r in boards._rows]
                return Numbers(rows.pop(slot), rows)

        return Board()

    def end(self, slot):
        for row in self._rows[slot].values():
            row[:] = [0] * CELLS


def healths(count=2, *, clock=None, **kept):
    clock, boards = clock or FakeClock(), Boards(count)
    settings = HealthSettings(**kept)
    return [
        Health(clock, settings, board=boards.of(slot), deployments=[A]) for slot in range(count)
    ]


def test_failures_in_a_row_are_those_of_all_workers():
    clock = FakeClock()
    here, there = healths(clock=clock)
    for health in (here, there, here, there):
        clock.now += 0.1
        health.note("a", DOWN)
    assert not here.set_aside()
    here.note("a", DOWN)
    assert set(here.set_aside()) == set(there.set_aside()) == {"a"}
    clock.now += 31
    assert not there.set_aside()


@pytest.mark.parametrize("answer", [None, WRONG])
def test_an_answer_to_one_worker_starts_the_count_of_all_afresh(answer):
    clock = FakeClock()
    here, there = healths(clock=clock)
    for _ in range(4):
        here.note("a", DOWN)
    clock.now += 0.1
    there.note("a", answer)
    clock.now += 0.1
    for _ in range(4):
        here.note("a", DOWN)
    assert not here.set_aside()
    there.note("a", DOWN)
    assert here.set_aside()


def test_after_an_ejection_one_failure_of_any_worker_ejects_again_and_for_longer():
    clock = FakeClock()
    here, there = healths(clock=clock)
    for _ in range(5):
        here.note("a", DOWN)
    clock.now += 30
    assert not there.set_aside()
    there.note("a", DOWN)
    clock.now += 59
    assert here.set_aside()
    clock.now += 1
    assert not here.set_aside()
    here.note("a", None)
    clock.now += 0.1
    there.note("a", DOWN)
    assert not there.set_aside()


def test_one_that_reaches_the_server_ends_the_count_of_those_that_do_not():
    clock = FakeClock()
    here, there = healths(clock=clock, consecutive_gateway_failure=2)
    here.note("a", DOWN)
    clock.now += 0.1
    there.note("a", BROKEN)
    clock.now += 0.1
    here.note("a", DOWN)
    assert not here.set_aside()
    clock.now += 0.1
    there.note("a", DOWN)
    assert here.set_aside()


notes = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([DOWN, BROKEN, WRONG, None, "wait"])), max_size=60
)


@settings(max_examples=200, deadline=None)
@given(notes=notes)
def test_workers_together_decide_as_one_alone(notes):
    clock = FakeClock()
    shared = healths(3, clock=clock, consecutive_gateway_failure=3)
    alone = Health(clock, HealthSettings(consecutive_gateway_failure=3))
    for slot, note in notes:
        clock.now += 17.0 if note == "wait" else 0.001
        if note != "wait":
            shared[slot].note("a", note)
            alone.note("a", note)
        assert {frozenset(one.set_aside().items()) for one in shared} == {
            frozenset(alone.set_aside().items())
        }


def test_ten_retries_a_second_are_those_of_all_workers():
    clock, boards = FakeClock(), Boards(4)
    budgets = [RetryBudget(clock, board=boards.of(slot)) for slot in range(4)]
    retries = 0
    for _ in range(60 * 10):
        clock.now += 0.1
        retries += sum(budget.spend() for budget in budgets for _ in range(3))
    # Each keeps one at least, and hears of the others within a second.
    assert 9 * 60 <= retries <= 10 * 60 + 10 + 4


def test_the_parts_of_workers_that_end_go_to_those_that_stay():
    clock, boards = FakeClock(), Boards(2)
    stays, ends = (RetryBudget(clock, board=boards.of(slot)) for slot in range(2))
    clock.now += 1
    assert sum(stays.spend() for _ in range(20)) == sum(ends.spend() for _ in range(20)) == 5
    boards.end(1)
    clock.now += 1.1
    stays.spend()
    clock.now += 1
    assert sum(stays.spend() for _ in range(20)) == 10


@settings(max_examples=50, deadline=None)
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["request", "retry", "wait"])), max_size=200
    )
)
def test_retries_stay_a_fifth_of_all_requests_and_ten_a_second(moves):
    clock, boards = FakeClock(), Boards(3)
    budgets = [RetryBudget(clock, board=boards.of(slot)) for slot in range(3)]
    began, requests, retries = clock.now, 0, 0
    for slot, what in moves:
        if what == "wait":
            clock.now += 0.3
        elif what == "request":
            requests += 1
            budgets[slot].note_request()
        else:
            retries += budgets[slot].spend()
    assert retries <= 0.2 * requests + 10 * (clock.now - began + 1)
