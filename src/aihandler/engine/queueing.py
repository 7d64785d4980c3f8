"""The places of one deployment, and who gets the next one: by turns, interactive before batch."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from aihandler.domain.board import CELLS, Numbers
from aihandler.domain.task import Priority

__all__ = ["BATCH", "HELD", "WAITING", "Places", "Want"]

# The cells of a deployment's row: places held, those who wait, and how many of them are batch work.
HELD, WAITING, BATCH = range(3)

# Of so many places that become free one goes to batch work, so that it never starves.
BATCH_EVERY = 8
# Batch work fills at most this share of a bounded queue: the rest is for those who wait.
_BATCH_SHARE = 2
# How often a process in which somebody waits looks for places that another has set free.
LOOK_S = 0.002
_LOOKS_LEFT = 2

_Waiter = asyncio.Future[bool]


class Want(msgspec.Struct, frozen=True):
    """Who wants a place: askers of one priority take turns. `bounded` refuses a full queue."""

    asker: str = ""
    priority: Priority = "interactive"
    within_s: float = 0.0
    bounded: bool = False


class Places:
    """`concurrency` places, and a queue for them of `queue` at most, in all processes together.

    Who waits in this process is served by turns. Between processes places go where fewer are held
    while somebody waits, people before batch work.
    """

    def __init__(self, concurrency: int, queue: int, numbers: Numbers | None = None) -> None:
        self._numbers = numbers or Numbers([0] * CELLS)
        self._own = self._numbers.own
        self._others = self._numbers.others
        self._concurrency = concurrency
        self._queue = queue
        self._turn = 0
        self._lines: Mapping[Priority, _Line] = {"interactive": _Line(), "batch": _Line()}
        self._timer: asyncio.TimerHandle | None = None
        # So many looks leave a free place to who waits elsewhere.
        self._left_to_others = 0

    @property
    def waiting(self) -> int:
        """How many wait, here and elsewhere."""
        return self._numbers.total(WAITING)

    def take(self, priority: Priority = "interactive") -> bool:
        """Takes a place that is free, unless it is somebody else's turn."""
        own, others = self._own, self._others
        if not others:
            # Nobody waits while a place is free.
            if own[HELD] >= self._concurrency:
                return False
            own[HELD] += 1
            return True
        if own[WAITING]:
            return False
        for row in others:
            if row[WAITING] and self._is_theirs(own[HELD] + 1, batch=priority == "batch"):
                return False
        return self._hold()

    async def wait(self, want: Want) -> bool:
        """Waits for a place; False when there was none in time, or no room to wait.

        Whoever is cancelled while waiting holds nothing.
        """
        if want.within_s <= 0 or (want.bounded and self._is_full(want.priority)):
            return False
        loop = asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        timer = loop.call_later(want.within_s, _give_up, waiter)
        line, is_batch = self._lines[want.priority], int(want.priority == "batch")
        line.add(want.asker, waiter)
        self._own[WAITING] += 1
        self._own[BATCH] += is_batch
        self._look_later()
        try:
            return await waiter
        except asyncio.CancelledError:
            # The place may have come in the same moment.
            if waiter.done() and not waiter.cancelled() and waiter.result():
                self.give_back()
            raise
        finally:
            timer.cancel()
            self._own[WAITING] -= 1
            self._own[BATCH] -= is_batch
            line.drop(want.asker, waiter)

    def give_back(self) -> None:
        """Hands a place to who is next, or sets it free."""
        own = self._own
        # Without anybody who waits here there is nobody to hand it to.
        if own[WAITING]:
            if self._others and self._is_for_others():
                self._left_to_others = _LOOKS_LEFT
            elif self._hand_on():
                return
        own[HELD] -= 1

    def _hand_on(self) -> bool:
        while (waiter := self._next()) is not None:
            if not waiter.done():
                waiter.set_result(True)
                return True
        return False

    def _hold(self) -> bool:
        """Takes a free place, if there is one in all processes together."""
        own = self._own
        for _ in range(2):
            if own[HELD] + self._held_elsewhere() >= self._concurrency:
                return False
            own[HELD] += 1
            # Written before it is read again: of two that take the last place at once neither
            # overlooks the other. Both may step back; then one looks again.
            if own[HELD] + self._held_elsewhere() <= self._concurrency:
                return True
            own[HELD] -= 1
        return False

    def _held_elsewhere(self) -> int:
        # In the way of every request: a generator would take twice as long.
        held = 0
        for row in self._others:
            held += row[HELD]
        return held

    def _is_theirs(self, held: int, *, batch: bool) -> bool:
        """Whether one waits elsewhere who goes before a process that would hold so many."""
        for row in self._others:
            waiting = row[WAITING]
            if waiting:
                all_batch = waiting <= row[BATCH]
                if batch and not all_batch:
                    return True
                if row[HELD] < held and (batch or not all_batch):
                    return True
        return False

    def _is_for_others(self) -> bool:
        """Whether a place that comes back goes to who waits elsewhere."""
        if self._numbers.total(HELD) > self._concurrency:
            # Another configuration has fewer places.
            return True
        people = bool(self._lines["interactive"])
        if self._is_theirs(self._own[HELD], batch=not people):
            return True
        if people and any(row[BATCH] for row in self._others) and not self._own[BATCH]:
            self._turn += 1
            return self._turn % BATCH_EVERY == 0
        return False

    def _look_later(self) -> None:
        # A place that becomes free in this process is handed on at once; only of others nobody
        # tells, so they are looked at for as long as somebody waits.
        if self._others and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._left_to_others:
            self._left_to_others -= 1
        else:
            while any(self._lines.values()) and self._hold():
                if not self._hand_on():
                    self._own[HELD] -= 1
        if any(self._lines.values()):
            self._look_later()

    def _is_full(self, priority: Priority) -> bool:
        if priority == "batch" and self._numbers.total(BATCH) >= self._queue // _BATCH_SHARE:
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
