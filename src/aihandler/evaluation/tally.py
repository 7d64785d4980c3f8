"""How far a comparison is: counts, money, rate."""

from aihandler.domain.ports import Clock
from aihandler.evaluation.compare import Seen


class Tally:
    """Counts answers as they come."""

    def __init__(self, clock: Clock, *, total: int) -> None:
        self.total = total
        self.done = 0
        self.before = 0
        self.failed = 0
        self.unpriced = 0
        self.bill_nano = 0
        self._clock = clock
        self._started = clock.monotonic()

    def note(self, seen: Seen) -> None:
        """Takes one more answer into account."""
        self.done += 1
        self.before += seen.before
        self.failed += seen.observation.outcome == "failed"
        self.unpriced += seen.observation.cost_nano_usd is None and not seen.before
        self.bill_nano += seen.bill_nano

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._started

    @property
    def remaining_s(self) -> float | None:
        """Seconds to the end at the rate so far; None before anything was asked."""
        asked = self.done - self.before
        if not asked:
            return None
        return self.elapsed_s / asked * (self.total - self.done)
