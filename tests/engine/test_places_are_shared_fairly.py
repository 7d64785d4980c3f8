"""Who gets a place when many want one: askers in turn, people before batch work, no place lost."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.domain.deployment import Deployment, Hosting, Limits, Model
from aihandler.engine.queueing import BATCH_EVERY, Places, Want
from aihandler.engine.slots import Slots
from aihandler.errors import AllAttemptsFailed, BackendUnavailable, Overloaded
from aihandler.testing import FakeClock
from engine.bench_of_fakes import call, near_and_far, task


def wants(asker="", priority="interactive", within_s=5.0, **more):
    return Want(asker, priority, within_s=within_s, **more)


async def served(places, *queued):
    """The order in which those who wait get the one place that there is."""
    order = []

    async def one(want):
        assert await places.wait(want)
        order.append((want.asker, want.priority))
        places.give_back()

    assert places.take()
    waiting = [asyncio.ensure_future(one(want)) for want in queued]
    await asyncio.sleep(0)
    places.give_back()
    await asyncio.gather(*waiting)
    return order


def test_askers_take_turns_however_much_one_of_them_wants():
    queued = [*[wants("greedy")] * 4, *[wants("modest")] * 2]
    order = asyncio.run(served(Places(1, 100), *queued))
    assert [asker for asker, _ in order] == [
        "greedy", "modest", "greedy", "modest", "greedy", "greedy",
    ]  # fmt: skip


def test_people_go_before_batch_work_which_still_gets_its_share():
    queued = [*[wants("b", "batch")] * 3, *[wants("p")] * 20]
    order = [priority for _, priority in asyncio.run(served(Places(1, 100), *queued))]
    assert order[:BATCH_EVERY] == ["interactive"] * (BATCH_EVERY - 1) + ["batch"]
    assert order.count("batch") == 3
    assert order[2 * BATCH_EVERY - 1] == "batch"


def test_a_full_queue_refuses_at_once():
    async def full():
        places = Places(1, 2)
        assert places.take()
        waiting = [asyncio.ensure_future(places.wait(wants(bounded=True))) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await places.wait(wants(bounded=True))
        # What bounds itself is not refused.
        own = asyncio.ensure_future(places.wait(wants()))
        await asyncio.sleep(0)
        assert not own.done()
        for _ in range(4):
            places.give_back()
        assert await asyncio.gather(*waiting, own) == [True] * 3
        return refused

    assert asyncio.run(full()) is False


def test_batch_work_fills_only_half_of_the_queue():
    async def half():
        places = Places(1, 4)
        assert places.take()
        batch = wants(priority="batch", bounded=True)
        waiting = [asyncio.ensure_future(places.wait(batch)) for _ in range(2)]
        await asyncio.sleep(0)
        assert await places.wait(batch) is False
        person = asyncio.ensure_future(places.wait(wants(bounded=True)))
        await asyncio.sleep(0)
        for _ in range(4):
            places.give_back()
        return await asyncio.gather(*waiting, person)

    assert asyncio.run(half()) == [True] * 3


def test_waiting_ends_in_time():
    async def late():
        places = Places(1, 4)
        assert places.take()
        assert await places.wait(wants(within_s=0.01)) is False
        assert places.waiting == 0
        places.give_back()
        assert places.take()

    asyncio.run(late())


moves = st.lists(
    st.tuples(
        st.sampled_from(["ask", "cancel", "end", "pass", "end and cancel"]),
        st.integers(0, 7),
        st.sampled_from(["interactive", "batch"]),
    ),
    max_size=60,
)


class Crowd:
    """Tasks that want places, hold them until they are told to end, and leave when cancelled."""

    def __init__(self, concurrency, queue):
        self.places = Places(concurrency, queue)
        self.tasks = []
        self._concurrency = concurrency
        self._ends = []
        self._held = set()

    async def move(self, what, which, priority):
        if what == "ask":
            self._ends.append(asyncio.Event())
            want = wants(str(which), priority, bounded=which % 2 == 0)
            self.tasks.append(asyncio.ensure_future(self._one(len(self.tasks), want)))
        elif what == "pass" or not self.tasks:
            await asyncio.sleep(0)
        elif what == "cancel":
            self.tasks[which % len(self.tasks)].cancel()
        else:
            self._ends[which % len(self.tasks)].set()
            if what == "end and cancel":
                # The place is handed on in the same moment in which the next one leaves.
                await asyncio.sleep(0)
                self.tasks[(which + 1) % len(self.tasks)].cancel()

    async def close(self):
        for end in self._ends:
            end.set()
        ended = await asyncio.gather(*self.tasks, return_exceptions=True)
        assert all(e is None or isinstance(e, asyncio.CancelledError) for e in ended)

    async def _one(self, number, want):
        if not self.places.take() and not await self.places.wait(want):
            return
        self._held.add(number)
        try:
            assert len(self._held) <= self._concurrency
            await self._ends[number].wait()
        finally:
            self._held.discard(number)
            self.places.give_back()


@settings(max_examples=200, deadline=None)
@given(moves=moves, concurrency=st.integers(1, 3), queue=st.integers(0, 6))
def test_no_place_is_lost_or_given_twice_whoever_leaves_whenever(moves, concurrency, queue):
    async def play():
        crowd = Crowd(concurrency, queue)
        for move in moves:
            await crowd.move(*move)
        await crowd.close()
        assert crowd.places.waiting == 0
        free = [crowd.places.take() for _ in range(concurrency + 1)]
        assert free == [True] * concurrency + [False]

    asyncio.run(play())


def deployment(**limits):
    return Deployment("near", "near", Model("m"), Hosting.SELF, limits=Limits(**limits))


def test_whoever_is_refused_hears_when_a_place_may_be_free():
    async def told():
        clock = FakeClock()
        slots, near = Slots(clock), deployment(concurrency=2)
        assert slots.wait_s(near) == 1
        with slots.place(near, wants()):
            clock.now += 30
        return slots.wait_s(near)

    assert asyncio.run(told()) == 15


def crowded(fakes, **limits):
    """The same fakes with tighter limits of the first deployment."""
    known = fakes.configuration.deployments
    known["near"] = msgspec.structs.replace(known["near"], limits=Limits(**limits))
    return fakes


def test_a_call_without_a_place_goes_to_the_next_candidate():
    fakes, near, far = near_and_far("billing")
    crowded(fakes, concurrency=1, queue=0)

    async def both():
        slots = fakes.engine._attempts._slots
        near_now = fakes.configuration.deployments["near"]
        with slots.place(near_now, wants()):
            return await fakes.engine.run(call(task(), patience_s=3.0))

    assert asyncio.run(both()).route == "far"
    assert (len(near.calls), len(far.calls)) == (0, 1)


@pytest.mark.parametrize("otherwise", ["error", "review"])
def test_when_nobody_has_a_place_the_client_is_told_to_come_later(otherwise):
    fakes, near, _ = near_and_far("billing")
    crowded(fakes, concurrency=1, queue=0)

    async def alone():
        near_now = fakes.configuration.deployments["near"]
        with fakes.engine._attempts._slots.place(near_now, wants()):
            asked = task(candidates=("near",), otherwise=otherwise)
            await fakes.engine.run(call(asked, patience_s=3.0))

    with pytest.raises(Overloaded) as caught:
        asyncio.run(alone())
    assert caught.value.retry_after_s == 1
    assert not near.calls
    assert not fakes.journal.entries


def test_one_that_failed_and_one_without_a_place_are_told_as_failures():
    down = BackendUnavailable("far is down", deployment="far", status=503)
    fakes, _, _ = near_and_far("billing", down)
    crowded(fakes, concurrency=1, queue=0)

    async def pair():
        near_now = fakes.configuration.deployments["near"]
        with fakes.engine._attempts._slots.place(near_now, wants()):
            await fakes.engine.run(call(task(), patience_s=3.0))

    with pytest.raises(AllAttemptsFailed, match="far is down"):
        asyncio.run(pair())
