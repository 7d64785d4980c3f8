"""When the same deployment is asked again, and how long to wait before."""

from collections.abc import Callable

from aihandler.domain.board import RETRIES, Alone, Board
from aihandler.domain.ports import Clock
from aihandler.errors import BackendError, BackendUnavailable

__all__ = ["RetryBudget", "delay_s", "may_retry"]

BASE_S = 0.25
CAP_S = 8.0
# The cell that says that a process is there, and how often they are counted.
_PRESENT = 0
_COUNT_EVERY_S = 1.0


def delay_s(
    attempt: int,
    *,
    random: Callable[[], float],
    base_s: float = BASE_S,
    cap_s: float = CAP_S,
    retry_after_s: float | None = None,
) -> float:
    """Seconds to wait before retry number `attempt` (0 is the first): exponential, full jitter.

    `random` returns 0 <= x < 1. The server's own wish is a lower bound and is never cut: whoever
    has no time to wait that long leaves the server alone.
    """
    # Beyond 2**30 the cap has long been reached, and a float would overflow.
    jittered = random() * min(cap_s, base_s * 2.0 ** min(attempt, 30))
    return jittered if retry_after_s is None else max(0.0, retry_after_s) + jittered


def may_retry(error: BackendError) -> bool:
    """True for what may pass: connection, timeout, 5xx, 429. A refused request stays refused."""
    return isinstance(error, BackendUnavailable)


class RetryBudget:
    """Retries are a share of requests, so that retrying never doubles the load of an outage.

    Allows `ratio` of a retry for each request plus `per_s` retries a second, which carry a small
    user through; what is unused is kept for at most `window_s` seconds' worth. With a `board` the
    `per_s` are those of all processes together: each has an equal part.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ratio: float = 0.2,
        per_s: float = 10.0,
        window_s: float = 10.0,
        board: Board | None = None,
    ) -> None:
        self._clock = clock
        self._ratio = ratio
        self._all_per_s = self._per_s = per_s
        self._window_s = window_s
        self._numbers = (board or Alone()).numbers(RETRIES)
        self._numbers.own[_PRESENT] = 1
        # Of processes that come and go each brings nothing along.
        self._floor = 0.0 if self._numbers.others else per_s
        self._most = per_s
        self._earned: float = 0.0
        self._at = self._counted_at = clock.monotonic()
        self._divide()

    def note_request(self) -> None:
        """Counts a request; every fifth (at a ratio of .2) earns a retry."""
        self._pass_time()
        self._earned += self._ratio

    def spend(self) -> bool:
        """Takes one retry out of the budget; False when it is empty."""
        self._pass_time()
        if self._floor >= 1.0:
            self._floor -= 1.0
            return True
        # A hundred fifths in binary fractions come to a little under twenty.
        if self._earned > 1.0 - 1e-9:
            self._earned -= 1.0
            return True
        return False

    def _pass_time(self) -> None:
        now = self._clock.monotonic()
        passed_s, self._at = max(0.0, now - self._at), now
        if self._numbers.others and now - self._counted_at >= _COUNT_EVERY_S:
            self._counted_at = now
            self._divide()
        self._floor = min(self._most, self._floor + passed_s * self._per_s)
        # What requests earned fades, so that a quiet night does not pay for a storm.
        self._earned *= max(0.0, 1.0 - passed_s / self._window_s)

    def _divide(self) -> None:
        if self._numbers.others:
            self._per_s = self._all_per_s / max(1, self._numbers.total(_PRESENT))
            # The smallest part still grows to one retry.
            self._most = max(1.0, self._per_s)
