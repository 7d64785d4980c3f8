"""Reservations of one process: out of what it has leased, without waiting as long as that lasts."""

import asyncio
import datetime
from collections import deque
from collections.abc import Iterator, Sequence

from aihandler.domain.budget import Budget, Held, Per, Period, period_at
from aihandler.domain.ports import Clock
from aihandler.domain.usage import shown_usd
from aihandler.errors import BudgetExceeded, StorageError
from aihandler.ledger.allotment import Allotment, Wish
from aihandler.ledger.budgets import LeaseStore

# What was not needed for so long goes back, for other processes.
SPARE_EVERY_S = 1.0
# How often a call that waits for money looks again.
_LOOK_S = 0.05


class Leases:
    """Implements `domain.ports.Reserves`. Belongs to one event loop at a time.

    The store is asked in rounds, one at a time: all who wait for money share one. What runs low
    is fetched before anybody waits.
    """

    def __init__(self, store: LeaseStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._allotments: dict[tuple[str, str], Allotment] = {}
        self._periods: dict[Per, tuple[float, Period]] = {}
        self._round: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: StorageError | None = None
        self._sparing = False

    async def reserve(
        self,
        budgets: Sequence[Budget],
        nano: int,
        *,
        purpose: str,
        patience_s: float,
        longest_s: float = 0.0,
    ) -> Held:
        """Holds `nano` in each of these, or in none. Raises BudgetExceeded, StorageError."""
        allotments = [self._allotment(budget) for budget in budgets]
        if not all(allotment.fits(nano) for allotment in allotments):
            now = self._clock.monotonic()
            waiting = _Waiting(nano, purpose, now=now, waits_s=(patience_s, longest_s))
            try:
                await self._await(allotments, waiting)
            finally:
                waiting.leave()
        low = False
        for allotment in allotments:
            allotment.take(nano)
            low = low or allotment.is_low()
        if low and self._round is None and self._next is None:
            self._begin_round()
        names = tuple((a.budget.scope, a.period.name) for a in allotments)
        return Held(self._store.holder, nano, names)

    def settle(self, held: Held, spent_nano: int) -> None:
        """Gives back what was held and not spent."""
        for name in held.budgets:
            allotment = self._allotments[name]
            allotment.settle(held.nano, spent_nano)
            if allotment.line:
                allotment.moved_at = self._clock.monotonic()

    async def close(self) -> None:
        """Waits for what is asked of the store, and closes it."""
        for task in (self._round, self._next):
            if task is not None and task.get_loop() is asyncio.get_running_loop():
                await asyncio.wait([task])
        # A round that ends sets the timer.
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._store.close()

    async def _await(self, allotments: Sequence[Allotment], waiting: "_Waiting") -> None:
        nano = waiting.nano
        short = [a for a in allotments if not a.fits(nano)]
        while short:
            now = self._clock.monotonic()
            dry = next((a for a in short if a.is_dry(nano, now)), None)
            if dry is None:
                await self._fetched(short, nano)
            elif now < waiting.until(dry) and dry.spent_nano + nano <= dry.budget.limit_nano:
                # Others hold what is left, and will give back what they do not spend.
                await self._in_line(dry, waiting)
            else:
                raise _exceeded(dry, nano, waiting.purpose)
            short = [a for a in allotments if a.free < nano]

    async def _in_line(self, dry: Allotment, waiting: "_Waiting") -> None:
        """The first looks again in a moment; the others when they are first, or have no time."""
        first = waiting.stand(dry)
        if first is None:
            await self._clock.sleep(_LOOK_S)
        else:
            left_s = waiting.until(dry) - self._clock.monotonic()
            await asyncio.wait([first], timeout=left_s)

    async def _fetched(self, short: Sequence[Allotment], nano: int) -> None:
        for allotment in short:
            allotment.waiting.append(nano)
        try:
            await self._whole_round()
        finally:
            for allotment in short:
                allotment.waiting.remove(nano)
        if self._failure is not None:
            raise StorageError(self._failure.message, hint=self._failure.hint)

    async def _whole_round(self) -> None:
        # The round that is under way may have begun before this wish.
        if self._next is None or self._next.done():
            self._begin_round()
        assert self._next is not None
        await asyncio.shield(self._next)

    def _begin_round(self) -> None:
        self._next = asyncio.ensure_future(self._go(self._round))

    async def _go(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._round, self._next = self._next, None
        try:
            await self._ask()
        finally:
            self._round = None
        if self._timer is None and self._allotments:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SPARE_EVERY_S, self._look_for_spare)

    async def _ask(self) -> None:
        wishes = list(self._wishes())
        if not wishes:
            return
        try:
            grants = await asyncio.to_thread(self._store.ask, [wish for _, wish in wishes])
        except StorageError as error:
            self._failure = error
            for allotment, wish in wishes:
                allotment.failed(wish)
            return
        self._failure, now = None, self._clock.monotonic()
        for (allotment, wish), grant in zip(wishes, grants, strict=True):
            allotment.answered(wish, grant, now)

    def _wishes(self) -> Iterator[tuple[Allotment, Wish]]:
        now, wall = self._clock.monotonic(), self._clock.wall()
        for name, allotment in tuple(self._allotments.items()):
            ends_at = allotment.period.ends_at
            over = ends_at is not None and ends_at <= wall
            wish = allotment.wish(now, over=over)
            if wish is None and self._sparing:
                wish = allotment.spare()
            if wish is not None:
                yield allotment, wish
            elif over and allotment.is_done:
                del self._allotments[name]
        self._sparing = False

    def _look_for_spare(self) -> None:
        self._timer = None
        self._sparing = True
        if self._next is None or self._next.done():
            self._begin_round()

    def _allotment(self, budget: Budget) -> Allotment:
        period = self._period(budget.per)
        name = (budget.scope, period.name)
        allotment = self._allotments.get(name)
        if allotment is None:
            allotment = self._allotments[name] = Allotment(budget, period)
        elif allotment.budget.limit_nano != budget.limit_nano:
            allotment.retune(budget)
        return allotment

    def _period(self, per: Per) -> Period:
        wall = self._clock.wall()
        since, period = self._periods.get(per, (_NEVER, None))
        ends_at = period.ends_at if period else None
        # A clock that is set back may lead into the period before.
        if period is None or wall < since or (ends_at is not None and wall >= ends_at):
            period = period_at(per, wall)
            self._periods[per] = (wall, period)
        return period


class _Waiting:
    """One call that waits for money: since when, until when, and where it stands in line."""

    def __init__(
        self, nano: int, purpose: str, *, now: float, waits_s: tuple[float, float]
    ) -> None:
        patience_s, longest_s = waits_s
        self.nano = nano
        self.purpose = purpose
        self._patience_s = patience_s
        self._since = now
        self._longest = now + max(patience_s, longest_s)
        self._line: deque[asyncio.Future[None]] | None = None
        self._first: asyncio.Future[None] | None = None

    def until(self, allotment: Allotment) -> float:
        """The moment when patience ends. It begins anew with all that comes back."""
        return min(self._longest, max(self._since, allotment.moved_at) + self._patience_s)

    def stand(self, allotment: Allotment) -> asyncio.Future[None] | None:
        """Takes a place in its line. What is done when this is the first; None when it is."""
        if self._line is not allotment.line:
            # In one line at a time, so that no two wait for each other.
            self.leave()
            self._line, self._first = allotment.line, asyncio.get_running_loop().create_future()
            self._line.append(self._first)
        return None if self._line[0] is self._first else self._first

    def leave(self) -> None:
        """Lets the next one look."""
        if self._line is None or self._first is None:
            return
        self._line.remove(self._first)
        if self._line and not self._line[0].done():
            self._line[0].set_result(None)
        self._line = self._first = None


_NEVER = float("inf")


def _exceeded(allotment: Allotment, nano: int, purpose: str) -> BudgetExceeded:
    budget, period = allotment.budget, allotment.period
    left = max(0, budget.limit_nano - allotment.spent_nano)
    message = (
        f"budget {budget.scope!r} has {shown_usd(left)} left of {shown_usd(budget.limit_nano)} "
        f"{_until(period)}, and {purpose} may cost {shown_usd(nano)}"
    )
    if allotment.spent_nano + nano <= budget.limit_nano:
        message += "; calls under way hold what is left"
        hint, retry_after_s = "ask again in a moment", 1.0
        return BudgetExceeded(
            message,
            scope=budget.scope,
            left_nano=left,
            ends_at=period.ends_at,
            retry_after_s=retry_after_s,
            hint=hint,
        )
    hint = "raise it under `budgets`, ask something cheaper, or wait until its period ends"
    return BudgetExceeded(
        message, scope=budget.scope, left_nano=left, ends_at=period.ends_at, hint=hint
    )


def _until(period: Period) -> str:
    if period.ends_at is None:
        return "in all"
    ends = datetime.datetime.fromtimestamp(period.ends_at, datetime.UTC)
    return f"in {period.name} (until {ends:%Y-%m-%d %H:%M} UTC)"
