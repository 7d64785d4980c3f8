"""Keeps one credential fresh: one fetch at a time, ahead of its end, with bounded waiting."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from aihandler.backends.credentials.credential import Credential
from aihandler.domain.ports import Clock
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable, ConfigError

# A fetch is renewed this long before the end, at most; a fifth of its life when that is shorter.
_AHEAD_S = 300.0
_AHEAD_SHARE = 0.2
# The last moments are not used: the request has to arrive, and clocks differ.
_LAST_S = 10.0
_LAST_SHARE = 0.05
# One fetch may ask several services in turn.
FETCH_S = 30.0
_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
# A server that calls every credential expired is believed this often.
_FORCED_EVERY_S = 30.0

Fetch = Callable[[], Awaitable[Credential]]


class Renewal:
    """One credential of one deployment, and what is known of getting the next one.

    `random` gives numbers from 0 to 1, so that many processes do not ask at the same moment.
    """

    def __init__(
        self, fetch: Fetch, *, deployment: str, clock: Clock, random: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._deployment = deployment
        self._clock = clock
        self._random = random
        self._held: _Held | None = None
        self._before: Credential | None = None
        self._flight: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BackendError | None = None
        self._failures = 0
        self._not_before = float("-inf")
        self._forced_at = float("-inf")

    @property
    def known(self) -> tuple[Credential, ...]:
        """The credential in use and the one before it."""
        held = self._held.credential if self._held is not None else None
        return tuple(c for c in (held, self._before) if c is not None)

    async def get(self, *, within_s: float) -> Credential:
        """A credential that holds. Waits only when there is none; a renewal goes on beside.

        Raises BackendUnavailable and BackendRejected.
        """
        held = self._usable()
        if held is not None:
            if self._clock.wall() >= held.renew_at and self._may_try():
                self._begin()
            return held.credential
        if self._flying() is None and not self._may_try():
            raise self._again()
        return await self._wait(within_s)

    async def replaced(self, used: Credential, *, within_s: float) -> Credential | None:
        """Another one than `used`, which a server called expired; None when there is none."""
        held = self._usable()
        if held is not None and held.credential != used:
            return held.credential
        now = self._clock.monotonic()
        if now - self._forced_at < _FORCED_EVERY_S and self._flying() is None:
            return None
        self._forced_at = now
        try:
            found = await self._wait(within_s)
        except BackendError:
            # The server's own refusal is the better answer; the next request tells of this one.
            return None
        return found if found != used else None

    async def close(self) -> None:
        """Ends a fetch that goes on."""
        flight, self._flight = self._flying(), None
        if flight is not None:
            flight.cancel()
            await asyncio.wait({flight})

    def _usable(self) -> "_Held | None":
        held = self._held
        return held if held is not None and self._clock.wall() < held.over_at else None

    def _may_try(self) -> bool:
        return self._flying() is None and self._clock.monotonic() >= self._not_before

    def _flying(self) -> "asyncio.Task[None] | None":
        if self._flight is not None and self._loop is not asyncio.get_running_loop():
            # It went down with the event loop that it belonged to.
            self._flight = None
        return self._flight

    def _begin(self) -> "asyncio.Task[None]":
        self._loop = asyncio.get_running_loop()
        # A task of its own: a request that is cancelled leaves the others their credential.
        self._flight = flight = self._loop.create_task(self._renew())
        return flight

    async def _wait(self, within_s: float) -> Credential:
        flight = self._flying() or self._begin()
        done, _ = await asyncio.wait({flight}, timeout=max(0.0, within_s))
        if not done:
            raise BackendUnavailable(
                f"deployment {self._deployment!r} was not asked: its credentials did not come "
                f"within {within_s:.3g} s",
                deployment=self._deployment,
                hint="`aihandler doctor` shows where they are asked for",
            )
        if flight.cancelled():
            raise BackendUnavailable(
                f"deployment {self._deployment!r} was not asked: it is being closed",
                deployment=self._deployment,
            )
        flight.result()
        held = self._usable()
        if held is not None and self._failure is None:
            return held.credential
        raise self._again()

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S):
                self._take(await self._fetch())
        except TimeoutError:
            self._failed(self._slow())
        except BackendError as error:
            self._failed(error)
        except ConfigError as error:
            # A variable or a file that the configuration names; the next candidate may do.
            what = f"deployment {self._deployment!r} has no credentials: {error.message}"
            self._failed(BackendRejected(what, deployment=self._deployment, hint=error.hint))
        finally:
            self._flight = None

    def _take(self, credential: Credential) -> None:
        now = self._clock.wall()
        left_s = float("inf") if credential.expires_at is None else credential.expires_at - now
        if left_s <= 0:
            raise BackendUnavailable(
                f"deployment {self._deployment!r}: its credentials ({credential.how}) have "
                "already expired",
                deployment=self._deployment,
                hint="renew them (`aws sso login`, a new token file), and check this machine's "
                "clock",
            )
        ahead_s = min(_AHEAD_S, left_s * _AHEAD_SHARE) * (1 + self._random() / 2)
        last_s = min(_LAST_S, left_s * _LAST_SHARE)
        if self._held is not None:
            self._before = self._held.credential
        self._held = _Held(credential, now + left_s - ahead_s, now + left_s - last_s)
        self._failure, self._failures = None, 0

    def _failed(self, error: BackendError) -> None:
        pause_s = min(_LONGEST_PAUSE_S, _PAUSE_S * 2**self._failures) * (0.5 + self._random() / 2)
        self._failures = min(self._failures + 1, 10)
        self._failure = error
        self._not_before = self._clock.monotonic() + pause_s

    def _again(self) -> BackendError:
        # A new one for each request: the traceback of one is nothing to another.
        failure = self._failure or self._slow()
        return type(failure)(
            failure.message,
            deployment=self._deployment,
            retry_after_s=max(0.0, self._not_before - self._clock.monotonic()) or None,
            hint=failure.hint,
        )

    def _slow(self) -> BackendError:
        return BackendUnavailable(
            f"deployment {self._deployment!r}: its credentials did not come within {FETCH_S:g} s",
            deployment=self._deployment,
            hint="`aihandler doctor` shows where they are asked for",
        )


class _Held(msgspec.Struct, frozen=True):
    credential: Credential
    renew_at: float
    over_at: float
