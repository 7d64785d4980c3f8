"""At most so many attempts at once for each deployment; waiting for a place ends in time."""

import math
from types import TracebackType
from typing import Self

from aihandler.domain.board import Alone, Board, Numbers, places_of
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Clock
from aihandler.engine.queueing import Places, Want

# How much the newest attempt weighs in the time that a place is held.
_NEWEST = 0.1
_SHORTEST_S, _LONGEST_S = 1.0, 60.0


class Slots:
    """The places of each deployment, made when they are first wanted."""

    def __init__(self, clock: Clock, board: Board | None = None) -> None:
        self._clock = clock
        self._board = board or Alone()
        self._known: dict[str, Slot] = {}

    def place(self, deployment: Deployment, want: Want) -> "Place":
        """A place to hold, if one is free."""
        slot = self._known.get(deployment.name) or self._of(deployment)
        return Place(slot, want, self._clock)

    def wait_s(self, deployment: Deployment) -> float:
        """In how many seconds a newcomer may find a place: whole ones, 1 to 60."""
        return self._of(deployment).wait_s()

    def _of(self, deployment: Deployment) -> "Slot":
        known = self._known.get(deployment.name)
        if known is None:
            known = self._known[deployment.name] = Slot(
                deployment, self._board.numbers(places_of(deployment))
            )
        return known


class Slot:
    """The places of one deployment, and how long one is held."""

    def __init__(self, deployment: Deployment, numbers: Numbers) -> None:
        limits = deployment.limits
        self.places = Places(limits.concurrency, limits.queue, numbers)
        self._concurrency = limits.concurrency
        self._held_s = 0.0

    def note(self, held_s: float) -> None:
        """Learns how long a place was held."""
        self._held_s += (held_s - self._held_s) * (_NEWEST if self._held_s else 1.0)

    def wait_s(self) -> float:
        """As `Slots.wait_s`."""
        ahead_s = (self.places.waiting + 1) * self._held_s / self._concurrency
        return float(math.ceil(min(_LONGEST_S, max(_SHORTEST_S, ahead_s))))


class Place:
    """Held while its context lasts: `with slots.place(...) as place`, then `place.free`, and where
    it is not, `await place.wait()`."""

    def __init__(self, slot: Slot, want: Want, clock: Clock) -> None:
        self._slot = slot
        self._want = want
        self._clock = clock
        self._since: float | None = None
        self.free = False

    def __enter__(self) -> Self:
        if self._slot.places.take(self._want.priority):
            self._hold()
        return self

    async def wait(self) -> bool:
        """Waits for a place; False when none became free in time."""
        if await self._slot.places.wait(self._want):
            self._hold()
        return self.free

    def _hold(self) -> None:
        self.free = True
        self._since = self._clock.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        since, self._since = self._since, None
        if since is not None:
            self._slot.note(self._clock.monotonic() - since)
            self._slot.places.give_back()
