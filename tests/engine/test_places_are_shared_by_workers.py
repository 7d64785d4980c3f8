"""The places of a deployment are those of all workers of a gateway; none is lost or given twice."""

import asyncio
import multiprocessing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.domain.board import CELLS, Numbers
from aihandler.domain.deployment import Deployment, Hosting, Limits, Model
from aihandler.engine.queueing import HELD, Places, Want
from aihandler.engine.slots import Slots
from aihandler.gateway.board import SharedBoard, make_board
from aihandler.testing import FakeClock

_LET_IN = CELLS - 1


def wants(asker="", priority="interactive", within_s=5.0, **more):
    return Want(asker, priority, within_s=within_s, **more)


def workers(count, concurrency, queue=100):
    """The places of one deployment as so many workers have them."""
    rows = [[0] * CELLS for _ in range(count)]
    return [
        Places(concurrency, queue, Numbers(row, [other for other in rows if other is not row]))
        for row in rows
    ]


def held(*places):
    return sum(one._own[HELD] for one in places)


def test_workers_together_hold_no_more_than_the_limit():
    here, there = workers(2, concurrency=3)
    assert [here.take(), there.take(), here.take()] == [True] * 3
    assert not here.take()
    assert not there.take()
    here.give_back()
    assert there.take()


def test_whoever_waits_gets_a_place_that_another_worker_sets_free():
    async def play():
        here, there = workers(2, concurrency=1)
        assert here.take()
        waiting = asyncio.ensure_future(there.wait(wants()))
        await asyncio.sleep(0)
        here.give_back()
        assert await waiting
        assert held(here, there) == 1
        assert here.waiting == 0

    asyncio.run(play())


def test_a_busy_worker_does_not_keep_the_places_to_itself():
    """One worker always has somebody who wants the only place; those of the other get it too."""

    async def play():
        here, there = workers(2, concurrency=1)
        served = []

        async def one(places, name):
            if places.take() or await places.wait(wants()):
                served.append(name)
                await asyncio.sleep(0)
                places.give_back()

        crowd = [asyncio.ensure_future(one(here, "here")) for _ in range(40)]
        await asyncio.sleep(0)
        crowd += [asyncio.ensure_future(one(there, "there")) for _ in range(5)]
        await asyncio.gather(*crowd)
        assert len(served) == 45
        return [place for place, name in enumerate(served) if name == "there"]

    assert max(asyncio.run(play())) < 25


def test_people_go_before_batch_work_of_another_worker():
    async def play():
        here, there = workers(2, concurrency=1)
        served = []

        async def one(places, name, priority):
            assert await places.wait(wants(priority=priority))
            served.append(name)
            places.give_back()

        assert here.take()
        crowd = [asyncio.ensure_future(one(here, "batch", "batch")) for _ in range(6)]
        crowd += [asyncio.ensure_future(one(there, "person", "interactive")) for _ in range(6)]
        await asyncio.sleep(0)
        here.give_back()
        await asyncio.gather(*crowd)
        return served

    served = asyncio.run(play())
    assert served[:5] == ["person"] * 5
    assert sorted(served) == ["batch"] * 6 + ["person"] * 6


def test_batch_work_is_not_starved_by_people_of_another_worker():
    async def play():
        here, there = workers(2, concurrency=1)
        served = []

        async def person():
            while "batch" not in served:
                if there.take() or await there.wait(wants()):
                    served.append("person")
                    await asyncio.sleep(0)
                    there.give_back()

        async def batch():
            assert await here.wait(wants(priority="batch"))
            served.append("batch")
            here.give_back()

        people = [asyncio.ensure_future(person()) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.wait_for(batch(), 10)
        await asyncio.gather(*people)

    asyncio.run(play())


def test_a_worker_that_stands_still_while_it_waits_holds_nobody_up():
    async def play():
        here, there = workers(2, concurrency=1)
        # As one that was stopped: its row says that somebody waits, and nobody takes the place.
        there._own[1] = 1
        assert not here.take()
        assert await here.wait(wants())
        here.give_back()
        assert await here.wait(wants())

    asyncio.run(play())


def test_the_queue_is_bounded_for_all_workers_together():
    async def play():
        here, there = workers(2, concurrency=1, queue=2)
        assert here.take()
        waiting = [
            asyncio.ensure_future(places.wait(wants(bounded=True))) for places in (here, there)
        ]
        await asyncio.sleep(0)
        assert not await there.wait(wants(bounded=True))
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert here.waiting == 0

    asyncio.run(play())


def test_fewer_places_in_another_configuration_hold_for_what_comes_then():
    rows = [[0] * CELLS for _ in range(2)]
    old = Places(4, 9, Numbers(rows[0], [rows[1]]))
    new = Places(1, 9, Numbers(rows[1], [rows[0]]))
    assert [old.take() for _ in range(3)] == [True] * 3
    assert not new.take()
    for _ in range(3):
        old.give_back()
    assert new.take()


moves = st.lists(
    st.tuples(
        st.sampled_from(["ask", "cancel", "end", "pass"]),
        st.integers(0, 7),
        st.sampled_from(["interactive", "batch"]),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(moves=moves, concurrency=st.integers(1, 3), count=st.integers(2, 3))
def test_no_place_is_lost_or_given_twice_whoever_leaves_whenever(moves, concurrency, count):
    async def play():
        shared = workers(count, concurrency)
        tasks, ends, inside = [], [], set()

        async def one(number, places, want):
            if not places.take(want.priority) and not await places.wait(want):
                return
            inside.add(number)
            try:
                assert len(inside) <= concurrency
                await ends[number].wait()
            finally:
                inside.discard(number)
                places.give_back()

        for what, which, priority in moves:
            if what == "ask":
                ends.append(asyncio.Event())
                places = shared[which % count]
                tasks.append(
                    asyncio.ensure_future(one(len(tasks), places, wants(str(which), priority)))
                )
            elif what == "cancel" and tasks:
                tasks[which % len(tasks)].cancel()
            elif what == "end" and tasks:
                ends[which % len(tasks)].set()
            else:
                await asyncio.sleep(0.002)
        for end in ends:
            end.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(e is None or isinstance(e, asyncio.CancelledError) for e in ended)
        assert held(*shared) == 0
        assert shared[0].waiting == 0

    asyncio.run(play())


def _hammer(path, slot, concurrency, times, most):
    numbers = SharedBoard(path, slot=slot).numbers("places near")
    places = Places(concurrency, 0, numbers)
    got = 0
    for _ in range(times):
        if places.take():
            got += 1
            numbers.own[_LET_IN] += 1
            most.value = max(most.value, numbers.total(_LET_IN))
            numbers.own[_LET_IN] -= 1
            places.give_back()
    assert got


class Overtaken(list):
    """A row of another worker, which takes a place just after it was read for the first time."""

    taker = None

    def __getitem__(self, cell):
        was = super().__getitem__(cell)
        taker, self.taker = self.taker, None
        if cell == HELD and taker is not None:
            assert taker.take()
        elif cell != HELD:
            self.taker = taker
        return was


def test_of_two_that_take_the_last_place_at_once_one_steps_back():
    mine, theirs = [0] * CELLS, Overtaken([0] * CELLS)
    here = Places(1, 0, Numbers(mine, [theirs]))
    theirs.taker = there = Places(1, 0, Numbers(theirs, [mine]))
    assert not here.take()
    assert (here._own[HELD], there._own[HELD]) == (0, 1)
    there.give_back()
    assert here.take()


@pytest.mark.nightly
def test_processes_that_take_the_last_place_at_once_do_not_both_get_it(tmp_path):
    make_board(tmp_path / "board", slots=3).name(["places near"])
    forking = multiprocessing.get_context("spawn")
    most = [forking.RawValue("q", 0) for _ in range(3)]
    crowd = [
        forking.Process(target=_hammer, args=(tmp_path / "board", slot, 2, 3000, most[slot]))
        for slot in range(3)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert [one.exitcode for one in crowd] == [0] * 3
    assert max(one.value for one in most) <= 2


@pytest.fixture
def board(tmp_path):
    return tmp_path / "board"


def deployment(name="near", **limits):
    return Deployment(name, "near", Model("m"), Hosting.SELF, limits=Limits(**limits))


def test_the_places_of_a_dead_worker_are_free_again(board):
    keeper = make_board(board, slots=2)
    keeper.name(["places near", "places far"])

    async def play():
        near = deployment(concurrency=1)
        dead, alive = (Slots(FakeClock(), SharedBoard(board, slot=slot)) for slot in range(2))
        assert dead.place(near, wants()).__enter__().free
        with alive.place(near, wants(within_s=0.0)) as place:
            assert not place.free
            assert not await place.wait()
        keeper.clear(0)
        with alive.place(near, wants(within_s=0.0)) as place:
            assert place.free

    asyncio.run(play())


def test_names_that_come_later_have_the_same_place_for_everybody(board):
    keeper = make_board(board, slots=2)
    keeper.name(["places near"])
    old = SharedBoard(board, slot=0)
    keeper.name(["places far", "places near"])
    new = SharedBoard(board, slot=1)
    old.numbers("places near").own[0] = 3
    assert new.numbers("places near").total(0) == 3
    assert new.numbers("places far").total(0) == 0
    # Whom the old ones do not know is theirs alone.
    old.numbers("places far").own[0] = 9
    assert new.numbers("places far").total(0) == 0
