"""Calls are looked up in the ledger: few at a time, so that who looks holds up nobody who asks."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from aihandler.domain.ports import Clock
from aihandler.errors import InputError
from aihandler.gateway.rates import RateLimited
from aihandler.ledger import CallRecord

# Of the threads that repeats wait for as well.
AT_ONCE = 2
OF_ONE_KEY = 16
# A call is in the ledger some 50 ms after its answer.
_FOLDED_WITHIN_S = 0.5
_LOOK_S = 0.05


class Lookups:
    """Looks calls up. `calls` reads the ledger, and raises InputError where it knows none."""

    def __init__(self, calls: Callable[[str], Sequence[CallRecord]], clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)
        self._under_way: Counter[str] = Counter()

    async def find(self, call_id: str, key: str) -> CallRecord | None:
        """A call, which may be on its way into the ledger; None when there is none. An asker
        without a key is "". Raises RateLimited."""
        if key and self._under_way[key] >= OF_ONE_KEY:
            raise RateLimited(
                f"key {key!r} has {OF_ONE_KEY} calls looked up at once",
                retry_after_s=1.0,
                hint="look up one after the other",
            )
        self._under_way[key] += 1
        try:
            return await self._found(call_id)
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    async def _found(self, call_id: str) -> CallRecord | None:
        until, wait_s = self._clock.monotonic() + _FOLDED_WITHIN_S, _LOOK_S
        while True:
            try:
                async with self._places:
                    return (await asyncio.to_thread(self._calls, call_id))[0]
            except InputError:
                if self._clock.monotonic() >= until:
                    return None
            await asyncio.sleep(wait_s)
            # Most that are not there at once will not come.
            wait_s *= 2
