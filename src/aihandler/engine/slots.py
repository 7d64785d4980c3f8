"""At most so many attempts at once for each deployment; waiting for a place ends in time."""

import asyncio
from types import TracebackType

from aihandler.domain.deployment import Deployment


class Slots:
    """The places of each deployment, made when they are first wanted."""

    def __init__(self) -> None:
        self._places: dict[str, asyncio.Semaphore] = {}

    def place(self, deployment: Deployment, *, within_s: float) -> "Place":
        """Holds a place; False when none became free in time, and then none is held."""
        places = self._places.get(deployment.name)
        if places is None:
            places = asyncio.Semaphore(deployment.limits.concurrency)
            self._places[deployment.name] = places
        return Place(places, within_s)


class Place:
    """An async context manager: `async with slots.place(...) as free`."""

    def __init__(self, places: asyncio.Semaphore, within_s: float) -> None:
        self._places = places
        self._within_s = within_s
        self._held = False

    async def __aenter__(self) -> bool:
        places = self._places
        if not places.locked():
            self._held = await places.acquire()
            return True
        try:
            self._held = await asyncio.wait_for(places.acquire(), max(0.0, self._within_s))
        except TimeoutError:
            return False
        return True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held:
            self._held = False
            self._places.release()
