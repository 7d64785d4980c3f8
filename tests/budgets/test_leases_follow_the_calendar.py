"""Periods are those of the calendar in UTC; what a process holds follows them."""

import asyncio
import datetime
import threading
from contextlib import closing

import pytest

from aihandler.domain.budget import Budget, per_of, period_at
from aihandler.errors import BudgetExceeded, StorageError
from aihandler.ledger.budgets import LeaseStore, states
from aihandler.ledger.leases import Leases
from aihandler.ledger.store import open_for_writing
from aihandler.testing import FakeClock


def at(text):
    return datetime.datetime.fromisoformat(f"{text}+00:00").timestamp()


@pytest.mark.parametrize(
    ("per", "moment", "name", "ends"),
    [
        ("day", "2026-11-21T23:59:59", "2026-11-21", "2026-11-22T00:00"),
        ("day", "2024-02-28T12:00", "2024-02-28", "2024-02-29T00:00"),
        ("week", "2026-01-01T00:00", "2026-W01", "2026-01-05T00:00"),
        ("week", "2027-01-03T23:59", "2026-W53", "2027-01-04T00:00"),
        ("week", "2026-11-23T00:00", "2026-W48", "2026-11-30T00:00"),
        ("month", "2026-12-31T10:00", "2026-12", "2027-01-01T00:00"),
        ("month", "2024-02-29T10:00", "2024-02", "2024-03-01T00:00"),
        ("month", "2026-11-01T00:00", "2026-11", "2026-12-01T00:00"),
    ],
)
def test_a_period_is_one_of_the_calendar(per, moment, name, ends):
    period = period_at(per, at(moment))
    assert (period.name, period.ends_at) == (name, at(ends))
    assert per_of(name) == per


def test_what_is_for_ever_has_no_end():
    assert period_at("total", 0.0).ends_at is None
    assert per_of("total") == "total"


class House:
    """One process that leases, on a clock of its own."""

    def __init__(self, folder, wall):
        self.path = folder / "ledger.sqlite"
        self.ledger = open_for_writing(self.path, "ledger", wall=0.0)
        self.clock = FakeClock(wall=wall)
        self.leases = self.another("h")

    def another(self, name):
        return Leases(LeaseStore(self.path, name), clock=self.clock)

    async def reserve(self, nano, budget, *, leases=None, patience_s=0.0):
        return await (leases or self.leases).reserve(
            [budget], nano, purpose="a call", patience_s=patience_s
        )

    def rows(self):
        return list(
            self.ledger.execute("SELECT period, spent_nano, leased_nano FROM budget ORDER BY 1")
        )

    def close(self):
        self.ledger.close()


@pytest.fixture
def house(tmp_path):
    with closing(House(tmp_path, at("2026-11-30T23:59:00"))) as made:
        yield made


MONTH = Budget("team:search", 1_000, "month")


def test_a_new_month_has_the_whole_budget_and_the_old_one_gets_back_what_is_left(house):
    async def go():
        held = await house.reserve(900, MONTH)
        with pytest.raises(BudgetExceeded, match="2026-11 "):
            await house.reserve(900, MONTH)
        house.clock.advance(61)
        assert (await house.reserve(900, MONTH)).budgets == (("team:search", "2026-12"),)
        house.leases.settle(held, 100)
        house.clock.advance(10)
        house.leases._look_for_spare()
        await house.leases.close()

    asyncio.run(go())
    # Nothing was folded here, so what was spent stands as leased.
    assert house.rows() == [("2026-11", 0, 100), ("2026-12", 0, 900)]
    assert [state.period for state in states(house.ledger, house.clock.wall())] == ["2026-12"]


def test_a_clock_that_is_set_back_finds_its_old_period_again(house):
    async def go():
        house.clock.advance(61)
        await house.reserve(900, MONTH)
        house.clock.advance(-3600)
        held = await house.reserve(900, MONTH)
        await house.leases.close()
        return held

    assert asyncio.run(go()).budgets == (("team:search", "2026-11"),)


def test_what_one_process_does_not_need_another_gets(house):
    big = Budget("all", 100_000, "total")

    async def go():
        other = house.another("other")
        held = await house.reserve(100, big)
        house.leases.settle(held, 100)
        await house.reserve(95_000, big, leases=other)
        with pytest.raises(BudgetExceeded) as raised:
            await house.reserve(4_900, big, leases=other)
        assert raised.value.http_status == 429
        assert raised.value.retry_after_s == 1.0
        for _ in range(2):
            house.leases._look_for_spare()
            await asyncio.sleep(0.05)
        house.clock.advance(1)
        await house.reserve(4_900, big, leases=other)
        await house.leases.close()
        await other.close()

    asyncio.run(go())


def test_a_reservation_out_of_a_lease_waits_for_nothing(house):
    big = Budget("all", 10**9, "total")

    async def go():
        await house.reserve(10, big)
        asked = []
        house.leases._store.ask = asked.append
        for _ in range(50):
            coroutine = house.reserve(10, big)
            with pytest.raises(StopIteration):
                coroutine.send(None)
        await house.leases.close()
        return asked

    assert asyncio.run(go()) == []


def test_a_store_that_cannot_be_reached_holds_nothing(house):
    class Broken(LeaseStore):
        def ask(self, wishes):
            raise StorageError("the disk is gone", hint="look for it")

    async def go():
        leases = Leases(Broken(house.path, "h"), clock=house.clock)
        with pytest.raises(StorageError, match="disk is gone"):
            await house.reserve(10, MONTH, leases=leases)
        leases._store = LeaseStore(house.path, "h")
        await house.reserve(10, MONTH, leases=leases)
        await leases.close()

    asyncio.run(go())


def test_many_who_wait_share_a_look_into_the_store(house):
    big = Budget("all", 10**9, "total")
    asked = []
    ask = house.leases._store.ask

    def counted(wishes):
        asked.append(threading.current_thread())
        return ask(wishes)

    house.leases._store.ask = counted

    async def go():
        await asyncio.gather(*(house.reserve(10, big) for _ in range(200)))
        await house.leases.close()

    asyncio.run(go())
    assert len(asked) <= 2
    assert threading.main_thread() not in asked


def test_a_limit_that_is_lowered_gives_back_what_was_leased_of_the_higher_one(house):
    async def go():
        held = await house.reserve(10, Budget("all", 100_000, "total"))
        house.leases.settle(held, 10)
        with pytest.raises(BudgetExceeded):
            await house.reserve(100, Budget("all", 50, "total"))
        await house.leases.close()

    asyncio.run(go())
    assert house.rows() == [("total", 0, 10)]
