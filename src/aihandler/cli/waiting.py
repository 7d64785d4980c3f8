"""Says what a command waits for, once it takes long."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from aihandler.cli.page import seconds

# Most questions are answered sooner: nothing is drawn for them.
_PATIENCE_S = 1.0

Tick = Callable[[int, int], None]


@contextmanager
def waiting(what: str) -> Iterator[Tick]:
    """Yields a function to call meanwhile, with how much of how much is done (0, 0: not known)."""
    began = time.monotonic()
    place: list[int] = [0, 0]
    draws: list[Callable[[], None]] = []

    def line() -> str:
        of = f", {place[0]:,} of {place[1]:,}" if place[1] else ""
        return f"{what}{of}, {seconds(time.monotonic() - began)}"

    with ExitStack() as shown:

        def tick(done: int, total: int) -> None:
            if total:
                place[:] = done, total
            if time.monotonic() - began < _PATIENCE_S:
                return
            if not draws:
                # It brings the workflow with it: most questions are answered without.
                from aihandler.cli.bar import bar

                draws.append(shown.enter_context(bar(line, lambda: (place[0], place[1] or None))))
            draws[0]()

        yield tick
