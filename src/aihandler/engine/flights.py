"""Single flight: of equal attempts that are wanted at once, one is made and the others wait."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aihandler.domain.answer import Reply


class Flight:
    """One attempt in the air."""

    def __init__(self) -> None:
        self._reply: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()

    def land(self, reply: Reply | None) -> None:
        """Hands the reply to all who wait; None tells them to make their own attempt."""
        if not self._reply.done():
            self._reply.set_result(reply)

    async def reply(self) -> Reply | None:
        """Waits for the landing. A waiter that is cancelled does not cancel the flight."""
        return await asyncio.shield(self._reply)


class Flights:
    """The attempts in the air, by attempt key."""

    def __init__(self) -> None:
        self._open: dict[bytes, Flight] = {}

    async def landed(self, key: bytes) -> Reply | None:
        """The whole reply of an equal attempt in the air, or None when there is none to share."""
        while (flight := self._open.get(key)) is not None:
            reply = await flight.reply()
            if reply is not None and reply.finish == "stop":
                return reply
        return None

    async def over(self, key: bytes) -> bool:
        """Waits for the end of the one in the air; False when there is none."""
        flight = self._open.get(key)
        if flight is None:
            return False
        await flight.reply()
        return True

    @contextmanager
    def open(self, key: bytes) -> Iterator[Flight]:
        """Lets others wait for what happens inside; whatever happens, they do not wait for ever."""
        flight = self._open[key] = Flight()
        try:
            yield flight
        finally:
            if self._open.get(key) is flight:
                del self._open[key]
            flight.land(None)
