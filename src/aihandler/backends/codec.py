"""What a wire format has to offer. A codec opens no socket, knows no clock and never retries."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from aihandler.backends.profiles import Profile
from aihandler.domain.answer import Reply, StreamEvent
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError


class KeyHeader(msgspec.Struct, frozen=True):
    """How a format carries a deployment's key."""

    name: str = "authorization"
    prefix: str = "Bearer "


class Lost(msgspec.Struct, frozen=True):
    """Something that a format has no place for: a JSON pointer into our Request, and what it is."""

    pointer: str
    what: str


# A key of `extra` that begins so notes in which of several equal forms a thing was written (a text
# as a string or as a list of one part). Only its own format reads it; nothing is lost without it.
NOTE = "~"


def foreign_fields(extra: Mapping[str, Json]) -> list[str]:
    """The keys of an `extra` that any other format loses."""
    return [key for key in extra if not key.startswith(NOTE)]


class HttpCall(msgspec.Struct, frozen=True):
    """One request of a wire format. Host and key are no part of it: they are the deployment's.

    `path` follows the path of the deployment's url, or `prefix` where the url has none. `lost`
    names all that could not be carried; nothing is dropped without a word.
    """

    path: str
    body: bytes
    prefix: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    key_header: KeyHeader = KeyHeader()
    lost: tuple[Lost, ...] = ()


def _quote_nothing(_: str) -> bool:
    return False


def _return_nothing(_: bytes) -> bool:
    return False


class Asked(msgspec.Struct, frozen=True):
    """What a reply answers to.

    `quotable` says whether words of the server may stand in an error message: not when they
    repeat the request or a key. `by_tool`: the answer comes as the arguments of a tool.
    `returnable` says whether an error's body may go to a client, who then speaks this very format.
    """

    request: Request
    deployment: Deployment
    profile: Profile
    streamed: bool = False
    quotable: Callable[[str], bool] = _quote_nothing
    by_tool: bool = False
    returnable: Callable[[bytes], bool] = _return_nothing


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


class Passage(Protocol):
    """What a format that clients speak may add: it sends a client's own bytes on."""

    def pass_on(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> "PassedOn":
        """`request.raw` for this deployment's server, with nothing changed but what is named."""
        ...


class PassedOn(msgspec.Struct, frozen=True):
    """A client's bytes on their way. `hides_usage`: token counts in the stream are ours alone."""

    call: HttpCall
    hides_usage: bool = False


class Inbound(msgspec.Struct, frozen=True):
    """A client's request, as a gateway takes it: what is asked, of which model, and how to answer.

    `usage_in_stream` says whether the client wants token counts at the end of a stream.
    """

    request: Request
    model: str
    streamed: bool = False
    usage_in_stream: bool = False


class ReplyIdentity(msgspec.Struct, frozen=True):
    """What a reply to a client says of itself: an id, the model's name, seconds since 1970."""

    id: str
    model: str
    created: int


class StreamWriter(Protocol):
    """Writes one streamed reply to a client, event by event."""

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event; empty when the format has nothing to say yet."""
        ...

    def fail(self, error: AIHandlerError) -> bytes:
        """The format's own error event: a cut stream never ends as if it were whole."""
        ...


class Server(Protocol):
    """The other direction of a format: what clients send, and what they are answered."""

    kind: str

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Inbound:
        """Raises InputError that names what is wrong and where."""
        ...

    def write_reply(self, reply: Reply, identity: ReplyIdentity) -> bytes:
        """The body of a whole reply."""
        ...

    def stream_writer(self, identity: ReplyIdentity, *, usage: bool) -> StreamWriter:
        """A writer for one stream."""
        ...

    def write_error(self, error: AIHandlerError) -> tuple[int, bytes]:
        """HTTP status and body of an error, as the format's clients expect it."""
        ...
