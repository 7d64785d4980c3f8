"""Gemini generateContent, as a client of its servers and as a server to its clients.

`backend: gemini` and `backend: vertex` differ in path and key alone.
"""

from collections.abc import Mapping

from aihandler.backends.codec import (
    Asked,
    HttpCall,
    Inbound,
    PassedOn,
    Reader,
    ReplyIdentity,
    StreamWriter,
)
from aihandler.backends.gemini.encode import asked_in_path, encode
from aihandler.backends.gemini.fields import KIND
from aihandler.backends.gemini.inbound import read_request
from aihandler.backends.gemini.pass_on import pass_on
from aihandler.backends.gemini.reader import choose_reader
from aihandler.backends.gemini.stream_writer import ChunkWriter
from aihandler.backends.gemini.writer import write_error, write_reply
from aihandler.backends.profiles import Profile
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.errors import AIHandlerError

__all__ = ["Gemini", "asked_in_path"]


class Gemini:
    """Both directions. Opens no socket and never retries: the engine owns attempts."""

    kind = KIND

    def encode(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> HttpCall:
        """The request as this deployment's server wants to have it."""
        return encode(request, deployment, profile, streamed=streamed)

    def pass_on(
        self,
        request: Request,
        deployment: Deployment,
        profile: Profile,  # noqa: ARG002 - a Passage's shape
        *,
        streamed: bool,
    ) -> PassedOn:
        """A client's bytes to this deployment's model."""
        return pass_on(request, deployment, streamed=streamed)

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply; by what came, not by what was asked for."""
        return choose_reader(status, headers, asked=asked)

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Inbound:  # noqa: ARG002 - a Server's shape
        """A client's request. Its model stands in the path (`asked_in_path`). Raises InputError."""
        return read_request(body)

    def write_reply(self, reply: Reply, identity: ReplyIdentity) -> bytes:
        """The body of a whole reply."""
        return write_reply(reply, identity)

    def stream_writer(self, identity: ReplyIdentity, *, usage: bool) -> StreamWriter:  # noqa: ARG002 - a Server's shape
        """A writer for one stream of events (`alt=sse`), which always counts tokens."""
        return ChunkWriter(identity)

    def array_writer(self, identity: ReplyIdentity) -> StreamWriter:
        """A writer for one stream as a JSON array, which clients get that ask for no events."""
        return ChunkWriter(identity, array=True)

    def write_error(self, error: AIHandlerError) -> tuple[int, bytes]:
        """HTTP status and body of an error."""
        return write_error(error)
