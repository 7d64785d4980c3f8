"""The places of one deployment, and who gets the next one: by turns, interactive before batch."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from aihandler.domain.task import Priority

__all__ = ["Places", "Want"]

# Of so many places that become free one goes to batch work, so that it never starves.
BATCH_EVERY = 8
# Batch work fills at most this share of a bounded queue: the rest is for those who wait.
_BATCH_SHARE = 2

_Waiter = asyncio.Future[bool]


class Want(msgspec.Struct, frozen=True):
    """Who wants a place: askers of one priority take turns. `bounded` refuses a full queue."""

    asker: str = ""
    priority: Priority = "interactive"
    within_s: float = 0.0
    bounded: bool = False


class Places:
    """`concurrency` places, and a queue for them of `queue` at most."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self.waiting = 0
        self._concurrency = concurrency
        self._queue = queue
        self._busy = 0
        self._turn = 0
        self._lines: Mapping[Priority, _Line] = {"interactive": _Line(), "batch": _Line()}

    def take(self) -> bool:
        """Takes a place that is free. Nobody waits while one is."""
        if self._busy >= self._concurrency:
            return False
        self._busy += 1
        return True

    async def wait(self, want: Want) -> bool:
        """Waits for a place; False when there was none in time, or no room to wait.

        Whoever is cancelled while waiting holds nothing.
        """
        if want.within_s <= 0 or (want.bounded and self._is_full(want.priority)):
            return False
        loop = asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        timer = loop.call_later(want.within_s, _give_up, waiter)
        line = self._lines[want.priority]
        line.add(want.asker, waiter)
        self.waiting += 1
        try:
            return await waiter
        except asyncio.CancelledError:
            # The place may have come in the same moment.
            if waiter.done() and not waiter.cancelled() and waiter.result():
                self.give_back()
            raise
        finally:
            timer.cancel()
            self.waiting -= 1
            line.drop(want.asker, waiter)

    def give_back(self) -> None:
        """Hands a place to who is next, or sets it free."""
        while (waiter := self._next()) is not None:
            if not waiter.done():
                waiter.set_result(True)
                return
        self._busy -= 1

    def _is_full(self, priority: Priority) -> bool:
        if priority == "batch" and len(self._lines["batch"]) >= self._queue // _BATCH_SHARE:
            return True
        return self.waiting >= self._queue

    def _next(self) -> _Waiter | None:
        interactive, batch = self._lines["interactive"], self._lines["batch"]
        if interactive and batch:
            self._turn += 1
            if self._turn % BATCH_EVERY == 0:
                return batch.next()
        return interactive.next() if interactive else batch.next()


class _Line:
    """Those who wait, in a line of their own for each asker."""

    def __init__(self) -> None:
        self._askers: OrderedDict[str, OrderedDict[_Waiter, None]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, asker: str, waiter: _Waiter) -> None:
        """Puts a waiter at the end of its asker's line."""
        self._askers.setdefault(asker, OrderedDict())[waiter] = None
        self._count += 1

    def drop(self, asker: str, waiter: _Waiter) -> None:
        """Takes a waiter out, if it is still in."""
        line = self._askers.get(asker)
        if line is not None and waiter in line:
            del line[waiter]
            self._shorten(asker, line)

    def next(self) -> _Waiter | None:
        """Takes out the first waiter of the asker whose turn it is."""
        if not self._askers:
            return None
        asker, line = next(iter(self._askers.items()))
        waiter, _ = line.popitem(last=False)
        self._askers.move_to_end(asker)
        self._shorten(asker, line)
        return waiter

    def _shorten(self, asker: str, line: OrderedDict[_Waiter, None]) -> None:
        self._count -= 1
        if not line:
            del self._askers[asker]


def _give_up(waiter: _Waiter) -> None:
    if not waiter.done():
        waiter.set_result(False)
