"""How much may be asked in a minute: requests and tokens, by key, user, team and task."""

from collections.abc import Sequence

import msgspec

from aihandler.domain.ports import Clock
from aihandler.domain.usage import Usage
from aihandler.engine import Call
from aihandler.errors import Refused
from aihandler.gateway.windows import BUCKET_S, Windows


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
        for rate in rates:
            requests, seen = self._windows.total(rate.scope, now)
            if rate.requests is not None and requests + 1 > rate.requests:
                raise _limited(rate.scope, f"{rate.requests} requests a minute", now)
            if rate.tokens is not None and tokens > rate.tokens:
                raise _never(rate.scope, tokens, rate.tokens)
            if tokens and rate.tokens is not None and seen + tokens > rate.tokens:
                raise _limited(rate.scope, f"{rate.tokens} tokens a minute", now)
        for rate in rates:
            self._windows.add(rate.scope, now, requests=1, tokens=tokens)
        return Ticket(now, tuple(rate.scope for rate in rates), tokens)

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
            for scope in ticket.scopes:
                self._windows.take_back(scope, ticket.at, tokens=-more)


def _never(scope: str, tokens: int, limit: int) -> RateLimited:
    return RateLimited(
        f"{scope} may have {limit} tokens a minute, and this request asks for up to {tokens}",
        retry_after_s=None,
        hint="bound its answer (`max_tokens`), shorten it, or raise the limit",
    )


def _limited(scope: str, what: str, now: float) -> RateLimited:
    # The oldest bucket leaves the window when the present one ends.
    wait_s = BUCKET_S - now % BUCKET_S
    return RateLimited(
        f"{scope} has had its {what}", retry_after_s=wait_s, hint="ask again a little later"
    )
