"""How long an attempt takes, and whether any byte of it has gone out."""

from aihandler.domain.ports import Clock


class Timer:
    """Measures one attempt."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self.sent = False
        self.first_byte_s: float | None = None

    def restart(self) -> None:
        """Measures from now on."""
        self._started = self._clock.monotonic()

    def first_byte(self) -> None:
        """Called with the first piece of content."""
        self.first_byte_s = self.elapsed_s

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._started
