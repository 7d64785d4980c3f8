"""How much may be asked in a minute: requests and tokens, by key, user, team and task."""

import math
from collections.abc import Sequence

import msgspec

from aihandler.domain.ports import Clock
from aihandler.domain.usage import Usage
from aihandler.engine import Call
from aihandler.errors import Refused
from aihandler.gateway.windows import Row, Windows


class RateLimited(Refused):
    """More than was agreed in a minute."""

    code = "rate_limited"
    http_status = 429

    def __init__(self, message: str, *, retry_after_s: float | None, hint: str = "") -> None:
        """Without `retry_after_s` no wait helps."""
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        self.final = retry_after_s is None


class Rate(msgspec.Struct, frozen=True):
    """What a scope (`key:ci`, `team:web`) may ask in a minute; None sets no bound."""

    scope: str
    requests: int | None = None
    tokens: int | None = None


class Ticket(msgspec.Struct):
    """A request that was let in, with the tokens that were reserved for it, and what it used."""

    at: float
    scopes: tuple[str, ...]
    tokens: int
    rows: tuple[Row, ...]
    used: int = 0
    uncounted: bool = False

    def note(self, usage: Usage | None) -> None:
        """Takes what an attempt used; None when nobody counted it."""
        if usage is None:
            self.uncounted = True
        else:
            self.used += usage.total

    def metering(self, call: Call) -> Call:
        """The call, which tells here what it uses."""
        return msgspec.structs.replace(call, metered=self.note)


class Rates:
    """Lets requests in. Tokens are reserved as many as there may be, and put right afterwards."""

    def __init__(self, windows: Windows, *, clock: Clock) -> None:
        self._windows = windows
        self._clock = clock

    def admit(self, rates: Sequence[Rate], tokens: int) -> Ticket:
        """Counts the request; without tokens, whatever is left of these. Raises RateLimited, and
        then counts nothing.
        """
        now = self._clock.wall()
        refusals = []
        for rate in rates:
            if rate.tokens is not None and tokens > rate.tokens:
                raise _never(rate.scope, tokens, rate.tokens)
            if what := _exceeded(rate, *self._windows.total(rate.scope, now), tokens=tokens):
                refusals.append((self._wait_s(rate, now, tokens=tokens), rate.scope, what))
        if refusals:
            # Whoever waits for less is refused by another of them.
            raise _limited(*max(refusals))
        rows = tuple(
            self._windows.add(rate.scope, now, requests=1, tokens=tokens) for rate in rates
        )
        return Ticket(now, tuple(rate.scope for rate in rates), tokens, rows)

    def _wait_s(self, rate: Rate, now: float, *, tokens: int) -> float:
        """How long until so much has left the window that the request has room."""
        requests, seen = self._windows.total(rate.scope, now)
        wait_s = 0.0
        for leaves_in_s, some_requests, some_tokens in self._windows.leaving(rate.scope, now):
            if not _exceeded(rate, requests, seen, tokens=tokens):
                break
            requests, seen, wait_s = requests - some_requests, seen - some_tokens, leaves_in_s
        return wait_s

    def settle(self, ticket: Ticket) -> None:
        """Puts the reserved tokens right. Where nobody counted an attempt, as many as were reserved
        stay.
        """
        more = ticket.used - ticket.tokens
        if more > 0:
            now = self._clock.wall()
            for scope in ticket.scopes:
                self._windows.add(scope, now, tokens=more)
        elif more < 0 and not ticket.uncounted:
            for row in ticket.rows:
                self._windows.take_back(row, ticket.at, tokens=-more)


def _never(scope: str, tokens: int, limit: int) -> RateLimited:
    return RateLimited(
        f"{scope} may have {limit} tokens a minute, and this request asks for up to {tokens}",
        retry_after_s=None,
        hint="bound its answer (`max_tokens`), shorten it, or raise the limit",
    )


def _exceeded(rate: Rate, requests: int, seen: int, *, tokens: int) -> str:
    """What would be passed by one more request; empty when there is room."""
    if rate.requests is not None and requests + 1 > rate.requests:
        return f"{rate.requests} requests a minute"
    if tokens and rate.tokens is not None and seen + tokens > rate.tokens:
        return f"{rate.tokens} tokens a minute"
    return ""


def _limited(wait_s: float, scope: str, what: str) -> RateLimited:
    return RateLimited(
        f"{scope} has had its {what}",
        retry_after_s=wait_s,
        hint=f"ask again in {math.ceil(wait_s)} s",
    )
