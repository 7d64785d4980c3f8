"""Anthropic Messages, as a client of its servers and as a server to its clients."""

from collections.abc import Mapping

from aihandler.backends.anthropic_messages.encode import encode
from aihandler.backends.anthropic_messages.fields import KIND
from aihandler.backends.anthropic_messages.inbound import read_request
from aihandler.backends.anthropic_messages.pass_on import pass_on
from aihandler.backends.anthropic_messages.reader import choose_reader
from aihandler.backends.anthropic_messages.stream_writer import MessageStreamWriter
from aihandler.backends.anthropic_messages.writer import (
    write_error,
    write_reply,
    write_token_count,
)
from aihandler.backends.codec import (
    Asked,
    HttpCall,
    Inbound,
    PassedOn,
    Reader,
    ReplyIdentity,
    StreamWriter,
)
from aihandler.backends.profiles import Profile
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.errors import AIHandlerError

__all__ = ["AnthropicMessages"]


class AnthropicMessages:
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
        """A client's bytes with this deployment's model."""
        return pass_on(request, deployment, streamed=streamed)

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply; by what came, not by what was asked for."""
        return choose_reader(status, headers, asked=asked)

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Inbound:
        """A client's request. Raises InputError."""
        return read_request(body, headers)

    def read_count_request(self, body: bytes, headers: Mapping[str, str]) -> Inbound:
        """A client's request to count tokens, which bounds no answer. Raises InputError."""
        return read_request(body, headers, count_only=True)

    def write_reply(self, reply: Reply, identity: ReplyIdentity) -> bytes:
        """The body of a whole reply."""
        return write_reply(reply, identity)

    def write_token_count(self, tokens: int) -> bytes:
        """The body of the answer to a request that only counts."""
        return write_token_count(tokens)

    def stream_writer(self, identity: ReplyIdentity, *, usage: bool) -> StreamWriter:  # noqa: ARG002 - a Server's shape
        """A writer for one stream. Streams of this format always count tokens."""
        return MessageStreamWriter(identity)

    def write_error(self, error: AIHandlerError) -> tuple[int, bytes]:
        """HTTP status and body of an error."""
        return write_error(error)
