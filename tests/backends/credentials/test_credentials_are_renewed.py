"""Credentials are fetched once for all who wait, ahead of their end, and never in a storm."""

import asyncio

import pytest

from aihandler.backends.credentials.credential import BearerToken
from aihandler.backends.credentials.renewal import Renewal
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable, ConfigError
from aihandler.testing import FakeClock


class Source:
    """Counts fetches; each gives a token for an hour, unless told otherwise."""

    def __init__(self, clock, life_s=3600.0):
        self.clock = clock
        self.life_s = life_s
        self.fetches = 0
        self.error = None
        self.gate = None

    async def __call__(self):
        self.fetches += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        ends = None if self.life_s is None else self.clock.wall() + self.life_s
        return BearerToken(f"token-{self.fetches}" if self.life_s else "token", ends, "test")


def renewing(test, life_s=3600.0, chance=0.0):
    async def body():
        clock = FakeClock()
        source = Source(clock, life_s)
        renewal = Renewal(source, deployment="d", clock=clock, random=lambda: chance)
        try:
            await asyncio.wait_for(test(renewal, source, clock), 5)
        finally:
            await renewal.close()

    asyncio.run(body())


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def unreachable():
    return BackendUnavailable("deployment 'd' has no credentials: down", deployment="d", hint="h")


def test_all_who_wait_share_one_fetch():
    async def use(renewal, source, clock):
        source.gate = asyncio.Event()
        waiting = [asyncio.ensure_future(renewal.get(within_s=4)) for _ in range(100)]
        await settle()
        source.gate.set()
        assert {t.token for t in await asyncio.gather(*waiting)} == {"token-1"}
        assert source.fetches == 1

    renewing(use)


def test_one_who_gives_up_leaves_the_fetch_to_the_others():
    async def use(renewal, source, clock):
        source.gate = asyncio.Event()
        first = asyncio.ensure_future(renewal.get(within_s=4))
        second = asyncio.ensure_future(renewal.get(within_s=4))
        await settle()
        first.cancel()
        await settle()
        source.gate.set()
        assert (await second).token == "token-1"
        assert source.fetches == 1

    renewing(use)


def test_nobody_waits_longer_than_they_may():
    async def use(renewal, source, clock):
        source.gate = asyncio.Event()
        with pytest.raises(BackendUnavailable, match=r"did not come within 0\.01 s"):
            await renewal.get(within_s=0.01)
        source.gate.set()
        assert (await renewal.get(within_s=4)).token == "token-1"
        assert source.fetches == 1

    renewing(use)


def test_a_credential_is_kept_while_it_is_fresh_and_renewed_beside_before_it_ends():
    async def use(renewal, source, clock):
        assert (await renewal.get(within_s=1)).token == "token-1"
        clock.advance(3600 - 301)
        assert (await renewal.get(within_s=1)).token == "token-1"
        assert source.fetches == 1
        clock.advance(2)
        source.gate = asyncio.Event()
        # Nobody waits for the new one while the old one holds.
        assert (await renewal.get(within_s=0)).token == "token-1"
        await settle()
        assert source.fetches == 2
        assert (await renewal.get(within_s=0)).token == "token-1"
        source.gate.set()
        await settle()
        assert (await renewal.get(within_s=0)).token == "token-2"
        assert source.fetches == 2

    renewing(use)


def test_processes_renew_at_different_moments():
    async def use(renewal, source, clock):
        await renewal.get(within_s=1)
        clock.advance(3600 - 449)
        await renewal.get(within_s=1)
        await settle()
        assert source.fetches == 2

    renewing(use, chance=1.0)


def test_a_short_life_is_used_for_most_of_it():
    async def use(renewal, source, clock):
        await renewal.get(within_s=1)
        clock.advance(47)
        await renewal.get(within_s=1)
        assert source.fetches == 1
        clock.advance(9)
        assert (await renewal.get(within_s=1)).token == "token-1"
        await settle()
        assert (await renewal.get(within_s=1)).token == "token-2"

    renewing(use, life_s=60.0)


def test_one_that_has_ended_is_waited_for():
    async def use(renewal, source, clock):
        await renewal.get(within_s=1)
        clock.advance(3600)
        assert (await renewal.get(within_s=1)).token == "token-2"

    renewing(use)


def test_a_renewal_that_fails_is_tried_again_later_while_the_old_one_serves():
    async def use(renewal, source, clock):
        await renewal.get(within_s=1)
        clock.advance(3350)
        source.error = unreachable()
        for _ in range(50):
            assert (await renewal.get(within_s=1)).token == "token-1"
            await settle()
        assert source.fetches == 2
        clock.advance(1.1)
        await renewal.get(within_s=1)
        await settle()
        assert source.fetches == 3
        source.error = None
        clock.advance(2.1)
        await renewal.get(within_s=1)
        await settle()
        assert (await renewal.get(within_s=1)).token == "token-4"

    renewing(use)


def test_a_failure_is_told_to_all_and_not_asked_for_by_each():
    async def use(renewal, source, clock):
        source.error = unreachable()
        failures = await asyncio.gather(
            *(renewal.get(within_s=1) for _ in range(20)), return_exceptions=True
        )
        failures += [await _failure(renewal) for _ in range(20)]
        assert source.fetches == 1
        assert {type(f) for f in failures} == {BackendUnavailable}
        assert len({id(f) for f in failures}) == 40
        assert failures[-1].hint == "h"
        assert failures[-1].retry_after_s == pytest.approx(0.5)
        for _ in range(20):
            clock.advance(61)
            await _failure(renewal)
        assert source.fetches == 21
        # The pause grows, to a minute at most.
        assert 29 < (await _failure(renewal)).retry_after_s <= 60
        clock.advance(61)
        source.error = None
        assert (await renewal.get(within_s=1)).token == "token-22"

    renewing(use)


async def _failure(renewal):
    with pytest.raises(BackendError) as caught:
        await renewal.get(within_s=1)
    return caught.value


def test_a_variable_that_is_not_set_is_an_error_of_this_deployment():
    async def use(renewal, source, clock):
        source.error = ConfigError(
            "no value for ${AZ}: it is not set", hint="set it: export AZ=..."
        )
        error = await _failure(renewal)
        assert isinstance(error, BackendRejected)
        assert str(error) == "deployment 'd' has no credentials: no value for ${AZ}: it is not set"
        assert error.hint == "set it: export AZ=..."

    renewing(use)


def test_a_mistake_of_ours_is_not_hidden():
    async def use(renewal, source, clock):
        source.error = KeyError("x")
        with pytest.raises(KeyError):
            await renewal.get(within_s=1)

    renewing(use)


def test_what_came_after_its_end_is_an_error_and_not_used():
    async def use(renewal, source, clock):
        error = await _failure(renewal)
        assert "already expired" in str(error)
        assert "clock" in error.hint

    renewing(use, life_s=-1.0)


def test_a_credential_that_a_server_calls_expired_is_replaced_once():
    async def use(renewal, source, clock):
        used = await renewal.get(within_s=1)
        replaced = await asyncio.gather(*(renewal.replaced(used, within_s=1) for _ in range(20)))
        assert {t.token for t in replaced} == {"token-2"}
        assert source.fetches == 2
        # A server that says so of every one is not believed again at once.
        assert await renewal.replaced(replaced[0], within_s=1) is None
        assert source.fetches == 2
        clock.advance(31)
        assert (await renewal.replaced(replaced[0], within_s=1)).token == "token-3"

    renewing(use)


def test_no_other_one_is_no_reason_to_ask_again():
    async def use(renewal, source, clock):
        used = await renewal.get(within_s=1)
        assert await renewal.replaced(used, within_s=1) is None
        source.error = unreachable()
        clock.advance(31)
        assert await renewal.replaced(used, within_s=1) is None
        assert (await renewal.get(within_s=1)) == used
        assert source.fetches == 3

    renewing(use, life_s=None)


def test_the_credential_before_is_still_known_as_a_secret():
    async def use(renewal, source, clock):
        used = await renewal.get(within_s=1)
        await renewal.replaced(used, within_s=1)
        assert [c.token for c in renewal.known] == ["token-2", "token-1"]

    renewing(use)


def test_closing_ends_a_fetch_and_tells_who_waits():
    async def use(renewal, source, clock):
        source.gate = asyncio.Event()
        waiting = asyncio.ensure_future(renewal.get(within_s=4))
        await settle()
        await renewal.close()
        with pytest.raises(BackendUnavailable, match="being closed"):
            await waiting

    renewing(use)


def test_another_event_loop_fetches_for_itself():
    clock = FakeClock()
    source = Source(clock)
    renewal = Renewal(source, deployment="d", clock=clock, random=lambda: 0.0)

    async def begun():
        source.gate = asyncio.Event()
        with pytest.raises(BackendUnavailable):
            await renewal.get(within_s=0)
        await settle()

    asyncio.run(begun())
    source.gate = None
    assert asyncio.run(renewal.get(within_s=1)).token == "token-2"
