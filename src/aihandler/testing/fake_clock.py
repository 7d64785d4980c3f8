"""A clock that moves only when it is told to, or when somebody sleeps."""

import asyncio


class FakeClock:
    """A `Clock`. `sleep` lets others run once and returns with the time moved on."""

    def __init__(self, *, wall: float = 1_700_000_000.0) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._began = wall

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self.now

    def wall(self) -> float:
        """Seconds since 1970, moving with `monotonic`."""
        return self._began + self.now

    async def sleep(self, seconds: float) -> None:
        """Moves the clock, and notes how far."""
        self.slept.append(seconds)
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Moves the clock."""
        self.now += seconds
