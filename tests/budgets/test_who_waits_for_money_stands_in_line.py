"""What calls under way hold and do not spend goes to those who wait, as long as it keeps coming."""

import asyncio
import contextlib
from contextlib import closing

import pytest

from aihandler.domain.budget import Budget
from aihandler.errors import BudgetExceeded
from aihandler.ledger.budgets import LeaseStore
from aihandler.ledger.leases import Leases
from aihandler.ledger.store import open_for_writing
from aihandler.surroundings import SystemClock
from aihandler.testing import FakeClock

BOUND, COST = 282, 210
BUDGET = Budget("key:a", 10_000)


class Clock(FakeClock):
    """Knows how many slept at once."""

    at_once = most_at_once = 0

    async def sleep(self, seconds):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await super().sleep(seconds)
        self.at_once -= 1


class Till:
    """One process that leases, and one server that answers one call after another."""

    def __init__(self, folder):
        path = folder / "ledger.sqlite"
        self.ledger = open_for_writing(path, "ledger", wall=0.0)
        self.clock = Clock()
        self.leases = Leases(LeaseStore(path, "h"), clock=self.clock)
        self.order = []
        self._server = asyncio.Semaphore(1)

    async def call(self, number, *, patience_s, longest_s, takes_s):
        held = await self.leases.reserve(
            [BUDGET], BOUND, purpose="a call", patience_s=patience_s, longest_s=longest_s
        )
        self.order.append(number)
        async with self._server:
            self.clock.advance(takes_s)
            # Others wait meanwhile.
            await asyncio.sleep(0.001)
        self.leases.settle(held, COST)

    async def calls(self, many, **how):
        ends = await asyncio.gather(
            *(self.call(number, **how) for number in range(many)), return_exceptions=True
        )
        await self.leases.close()
        assert {type(end) for end in ends if end} <= {BudgetExceeded}
        return [end for end in ends if end is None], [end for end in ends if end]


@pytest.fixture
def till(tmp_path):
    made = Till(tmp_path)
    with closing(made.ledger):
        yield made


def test_nearly_all_of_a_budget_is_used_however_slow_the_calls_are(till):
    # One answer each 0.2 s: nobody would be patient for the seven seconds of those who were first.
    served, refused = asyncio.run(till.calls(200, patience_s=3.0, longest_s=60.0, takes_s=0.2))
    assert len(served) * COST >= 0.95 * BUDGET.limit_nano
    assert len(refused) == 200 - len(served)


def test_who_came_first_is_served_first(till):
    asyncio.run(till.calls(60, patience_s=3.0, longest_s=60.0, takes_s=0.1))
    assert till.order == sorted(till.order)


def test_where_nothing_comes_back_patience_ends(till):
    async def go():
        held = [
            await till.leases.reserve([BUDGET], BOUND, purpose="a call", patience_s=0.0)
            for _ in range(35)
        ]
        _, refused = await till.calls(20, patience_s=3.0, longest_s=60.0, takes_s=0.1)
        return len(held), refused

    assert asyncio.run(go())[0] == 35
    assert 3.0 <= till.clock.now < 5.0


async def waited_s(till, *, longest_s):
    """How long one waits for all of a budget, of which a little comes back each second."""
    held = [
        await till.leases.reserve([BUDGET], BOUND, purpose="a call", patience_s=0.0)
        for _ in range(20)
    ]

    async def give_back():
        for second in range(20):
            while till.clock.now < second:
                await asyncio.sleep(0)
            till.leases.settle(held[second], 0)

    giving = asyncio.ensure_future(give_back())
    with contextlib.suppress(BudgetExceeded):
        await till.leases.reserve(
            [BUDGET], BUDGET.limit_nano, purpose="a call", patience_s=3.0, longest_s=longest_s
        )
    giving.cancel()
    await till.leases.close()
    return till.clock.now


@pytest.mark.parametrize(("longest_s", "waits_s"), [(60.0, 19.0), (4.0, 4.0)])
def test_nobody_waits_longer_than_the_longest(till, longest_s, waits_s):
    # Patience alone would begin anew with all that comes back.
    assert waits_s <= asyncio.run(waited_s(till, longest_s=longest_s)) < waits_s + 1.0


def test_nobody_waits_longer_behind_one_who_is_more_patient(tmp_path):
    path = tmp_path / "ledger.sqlite"
    leases = Leases(LeaseStore(path, "h"), clock=SystemClock())

    async def go():
        def reserve(nano, patience_s):
            return leases.reserve([BUDGET], nano, purpose="a call", patience_s=patience_s)

        held = await reserve(BUDGET.limit_nano, 0.0)
        patient = asyncio.ensure_future(reserve(BOUND, 60.0))
        await asyncio.sleep(0.1)
        with pytest.raises(BudgetExceeded, match="calls under way hold") as refused:
            await asyncio.wait_for(reserve(BOUND, 0.1), 20)
        assert refused.value.retry_after_s
        assert not patient.done()
        leases.settle(held, 0)
        await asyncio.wait_for(patient, 20)
        await leases.close()

    with closing(open_for_writing(path, "ledger", wall=0.0)):
        asyncio.run(go())


def test_one_looks_for_all_who_wait(till):
    asyncio.run(till.calls(300, patience_s=3.0, longest_s=60.0, takes_s=0.05))
    assert till.clock.most_at_once == 1
