"""At most so many attempts at once for each deployment; waiting for a place ends in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aihandler.domain.deployment import Deployment


class Slots:
    """The places of each deployment, made when they are first wanted."""

    def __init__(self) -> None:
        self._places: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def place(self, deployment: Deployment, *, within_s: float) -> AsyncIterator[bool]:
        """Holds a place; False when none became free in time, and then none is held."""
        places = self._places.get(deployment.name)
        if places is None:
            places = asyncio.Semaphore(deployment.limits.concurrency)
            self._places[deployment.name] = places
        if not await _taken(places, within_s):
            yield False
            return
        try:
            yield True
        finally:
            places.release()


async def _taken(places: asyncio.Semaphore, within_s: float) -> bool:
    if not places.locked():
        return await places.acquire()
    try:
        return await asyncio.wait_for(places.acquire(), max(0.0, within_s))
    except TimeoutError:
        return False
