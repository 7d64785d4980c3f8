"""One process's part of a budget: what it was granted, and what of that is free."""

import asyncio
from collections import deque

import msgspec

from aihandler.domain.budget import Budget, Period

# A lease is a small part of what is free, so that what others lease near the limit is small too.
PART = 32
# And no more than a while's need: more would only be shown as reserved.
MOST_TIMES = 256
# For so long the store's no is believed.
NO_HOLDS_S = 0.2


class Wish(msgspec.Struct, frozen=True):
    """What is asked of the store for one budget in one round.

    `need` is what calls wait for; with less than `least` none of them could go on. `step` is the
    size of one reservation: a lease is a number of them. `back` is given back.
    """

    scope: str
    period: str
    limit_nano: int
    need: int = 0
    least: int = 0
    step: int = 0
    back: int = 0


class Grant(msgspec.Struct, frozen=True):
    """What the store gave, and how the budget stands with it."""

    nano: int
    spent_nano: int
    leased_nano: int
    extra: int = 0


def granted(wish: Wish, *, spent_nano: int, leased_nano: int) -> Grant:
    """How much is leased: what is needed, and one lease beside while that is little of the rest."""
    free = wish.limit_nano - spent_nano - leased_nano
    if free <= 0 or free < wish.least:
        return Grant(0, spent_nano, leased_nano)
    extra = min((free - wish.need) // PART, MOST_TIMES * wish.step)
    if extra < wish.step:
        # Near the limit each takes what it needs and nothing beside.
        extra = 0
    nano = min(free, wish.need + extra)
    return Grant(nano, spent_nano, leased_nano + nano, extra)


class Allotment:
    """What this process has of one budget in one period, and who waits. No store, no clock."""

    def __init__(self, budget: Budget, period: Period) -> None:
        self.budget = budget
        self.period = period
        self.free = 0
        self.reserved = 0
        self.waiting: list[int] = []
        # Who waits for what calls under way hold, and when some of that came back last.
        self.line: deque[asyncio.Future[None]] = deque()
        self.moved_at = float("-inf")
        # As the store said last; `dry_until` is how long its no is believed.
        self.spent_nano = 0
        self.left_in_store = 0
        self.dry_until = float("-inf")
        self._lease = 0
        self._step = 0
        self._taken = 0
        self._stale = False

    def fits(self, nano: int) -> bool:
        """Whether it can be taken at once, and nobody waits who came before."""
        return self.free >= nano and not self.waiting and not self._stale

    def take(self, nano: int) -> None:
        """Reserves for one attempt."""
        self.free -= nano
        self.reserved += nano
        self._taken += nano
        self._step = max(nano, self._step - self._step // 8)

    def settle(self, held: int, spent: int) -> None:
        """Ends a reservation. Who spent more than was held owes it to the next lease."""
        self.reserved -= held
        self.free += held - spent

    def retune(self, budget: Budget) -> None:
        """The limit has changed: what is free goes back, and the store decides anew."""
        self.budget = budget
        self.dry_until = float("-inf")
        self._stale = True

    def is_low(self) -> bool:
        """Whether the next lease should be fetched, though nobody waits for it yet."""
        return self.free * 2 < self._lease

    def wish(self, now: float, *, over: bool) -> Wish | None:
        """What to ask of the store; None when nothing. What is given back is not free any more."""
        stale, self._stale = self._stale, False
        if stale and self.free > 0:
            return self._wish(back=self._give_back(self.free))
        short = sum(self.waiting) - self.free
        if self.waiting and short > 0:
            least = max(0, min(self.waiting) - self.free)
            return self._wish(need=short, least=least, step=max(self.waiting))
        if over:
            idle = self.free > 0 and not self.waiting
            return self._wish(back=self._give_back(self.free)) if idle else None
        if self.is_low() and now >= self.dry_until:
            return self._wish(need=max(0, -self.free))
        return None

    def spare(self) -> Wish | None:
        """What was not needed of late and goes back to the store; asked once in a while."""
        idle, self._taken = self._taken == 0, 0
        kept = 0 if idle else self._lease
        if self.waiting or self.free <= 2 * kept:
            return None
        self._lease = kept
        return self._wish(back=self._give_back(self.free - kept))

    def answered(self, wish: Wish, grant: Grant, now: float) -> None:
        """Takes what the store has given."""
        self.free += grant.nano
        if grant.spent_nano != self.spent_nano:
            # Of other processes too calls have ended.
            self.moved_at = now
        self.spent_nano = grant.spent_nano
        self.left_in_store = wish.limit_nano - grant.spent_nano - grant.leased_nano
        if not wish.back:
            self._lease = grant.extra
        if grant.nano < wish.need:
            self.dry_until = now + NO_HOLDS_S

    def failed(self, wish: Wish) -> None:
        """The store could not be reached: what was to be given back is kept."""
        self.free += wish.back

    def is_dry(self, nano: int, now: float) -> bool:
        """Whether the store has said a moment ago that it has no more."""
        return now < self.dry_until and nano > self.free + max(0, self.left_in_store)

    @property
    def is_done(self) -> bool:
        """Nothing is held, and nobody waits."""
        return not (self.free or self.reserved or self.waiting or self.line)

    def _give_back(self, nano: int) -> int:
        self.free -= nano
        return nano

    def _wish(self, *, need: int = 0, least: int = 0, step: int = 0, back: int = 0) -> Wish:
        return Wish(
            self.budget.scope,
            self.period.name,
            self.budget.limit_nano,
            need=need,
            least=least,
            step=step or self._step,
            back=back,
        )
