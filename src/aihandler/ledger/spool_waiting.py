"""Waits until what stands in a spool is in the ledger: one look for all who wait."""

import asyncio
from collections import deque
from collections.abc import Callable

from aihandler.domain.ports import Clock
from aihandler.errors import StorageError
from aihandler.ledger.spool import Spool

# The other side folds every 20 ms; a look is a read of shared memory.
_LOOK_S = 0.002


class NotSynced(StorageError):
    """What a call has written is not on the disk, so its answer may not be shown.

    The call may be paid all the same: asking again without looking could pay twice.
    """

    code = "not_synced"
    final = True


class Waiting:
    """Who waits for a spool's other side. `taken_from` says whether there still is one."""

    def __init__(self, spool: Spool, *, clock: Clock, taken_from: Callable[[], bool]) -> None:
        self._spool = spool
        self._clock = clock
        self._taken_from = taken_from
        # Positions only grow, so who came first is free first.
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._looking: asyncio.Task[None] | None = None

    async def passed(self, position: int, *, until: float) -> None:
        """Returns once the ledger has committed all before `position`. Raises NotSynced."""
        if self._spool.taken >= position:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((position, waiter))
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look())
        try:
            async with asyncio.timeout(until - self._clock.monotonic()):
                await waiter
        except TimeoutError:
            raise NotSynced(
                "the ledger did not take what this call has written in the time that it has",
                hint="its disk may be full, held or slow: the gateway's log says which",
            ) from None

    async def _look(self) -> None:
        try:
            while self._waiters:
                await asyncio.sleep(_LOOK_S)
                self._wake()
        finally:
            self._looking = None

    def _wake(self) -> None:
        taken, alone = self._spool.taken, not self._taken_from()
        while self._waiters and (alone or self._waiters[0][0] <= taken):
            position, waiter = self._waiters.popleft()
            if waiter.done():
                continue
            if position <= taken:
                waiter.set_result(None)
            else:
                waiter.set_exception(_left_alone())


def _left_alone() -> NotSynced:
    return NotSynced(
        "the supervisor is gone, and what this call has written waits in a spool",
        hint="start the gateway again: it books what is there, and `aihandler show` tells of it",
    )
