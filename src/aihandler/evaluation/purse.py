"""A sum of money that is never passed: what an answer may cost at most is held before it is asked.

Nothing waits for money that cannot come back: when no answer is in the air and the next one does
not fit, the purse is closed.
"""

import asyncio


class Purse:
    """Nano-dollars for one comparison. Without a limit everything fits. For one event loop."""

    def __init__(self, limit_nano: int | None) -> None:
        self.limit_nano = limit_nano
        self.spent_nano = 0
        self.held_nano = 0
        self._changed = asyncio.Condition()

    async def hold(self, nano: int) -> bool:
        """Sets money aside, after others gave theirs back where need be; False: it does not fit."""
        async with self._changed:
            while not self._fits(nano):
                if not self.held_nano:
                    return False
                await self._changed.wait()
            self.held_nano += nano
            return True

    async def settle(self, held_nano: int, spent_nano: int) -> None:
        """Gives back what was held and books what was spent."""
        async with self._changed:
            self.held_nano -= held_nano
            self.spent_nano += spent_nano
            self._changed.notify_all()

    def _fits(self, nano: int) -> bool:
        if self.limit_nano is None:
            return True
        return self.spent_nano + self.held_nano + nano <= self.limit_nano
