"""What became of one fault."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import msgspec

from bench.faults.asking import Told


class Outcome(msgspec.Struct, frozen=True):
    """One row of the table. `broken` are promises that did not hold."""

    kind: str
    fault: str
    happened: str
    broken: tuple[str, ...] = ()
    seconds: float = 0.0


class Watch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


def counted(told: Sequence[Told]) -> str:
    """`12 answers, 3 error 502`."""
    kinds = Counter(one.kind for one in told)
    return ", ".join(f"{number} {_many(kind, number)}" for kind, number in kinds.most_common())


def kinds(told: Sequence[Told]) -> str:
    """`answer`, or `error 502, error event`, without numbers."""
    return ", ".join(sorted({one.kind for one in told}))


async def gather_some(work: Sequence[object], *, at_once: int = 8) -> list[object]:
    """Awaits all, so many at a time."""
    places = asyncio.Semaphore(at_once)

    async def one(thing: object) -> object:
        async with places:
            return await thing  # type: ignore[misc]  # a coroutine

    return list(await asyncio.gather(*(one(thing) for thing in work)))


def _many(kind: str, number: int) -> str:
    return f"{kind}s" if number != 1 and kind in {"answer", "error event"} else kind
