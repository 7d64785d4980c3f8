"""What proves who asks: something that puts headers on a finished request, for some time."""

from typing import Protocol

import msgspec

Headers = tuple[tuple[str, str], ...]


class Outgoing(msgspec.Struct, frozen=True):
    """A request as it is about to be sent: nothing of it changes once it is signed."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


class Credential(Protocol):
    """Signs requests until `expires_at` (seconds since 1970; None: it does not say).

    `how` tells people where it came from; `secrets` are the texts that no message may hold.
    """

    @property
    def expires_at(self) -> float | None:
        """When it ends."""
        ...

    @property
    def how(self) -> str:
        """Where it came from."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        ...

    def headers(self, outgoing: Outgoing, *, now: float) -> Headers:
        """What is added to the request; `now` is in seconds since 1970."""
        ...


class BearerToken(msgspec.Struct, frozen=True):
    """A token that is sent as it is. `more` goes with it."""

    token: str
    expires_at: float | None
    how: str
    more: Headers = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token."""
        return (self.token,)

    def headers(self, outgoing: Outgoing, *, now: float) -> Headers:  # noqa: ARG002 - a Credential's shape
        """The same for every request."""
        return (("authorization", f"Bearer {self.token}"), *self.more)

    def __repr__(self) -> str:
        return f"BearerToken({self.how!r})"
