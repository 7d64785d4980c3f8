"""What a wire format has to offer. A codec opens no socket, knows no clock and never retries."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from aihandler.backends.profiles import Profile
from aihandler.domain.answer import StreamEvent
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment


class KeyHeader(msgspec.Struct, frozen=True):
    """How a format carries a deployment's key."""

    name: str = "authorization"
    prefix: str = "Bearer "


class HttpCall(msgspec.Struct, frozen=True):
    """One request of a wire format. Host and key are no part of it: they are the deployment's.

    `path` follows the path of the deployment's url, or `prefix` where the url has none.
    """

    path: str
    body: bytes
    prefix: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    key_header: KeyHeader = KeyHeader()


def _quote_nothing(_: str) -> bool:
    return False


class Asked(msgspec.Struct, frozen=True):
    """What a reply answers to.

    `quotable` says whether words of the server may stand in an error message: not when they
    repeat the request or a key.
    """

    request: Request
    deployment: Deployment
    profile: Profile
    streamed: bool = False
    quotable: Callable[[str], bool] = _quote_nothing


class Reader(Protocol):
    """Reads one reply, in pieces cut anywhere. The last event of a good one is `ReplyDone`.

    Both methods raise BackendError and its children.
    """

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events that are complete with this piece."""
        ...

    def end(self) -> Sequence[StreamEvent]:
        """The rest of the events, once no more pieces come."""
        ...


class Codec(Protocol):
    """One wire format."""

    kind: str

    def encode(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> HttpCall:
        """The request as this deployment's server wants to have it."""
        ...

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply to what was asked."""
        ...
