"""OpenAI chat completions, as OpenAI and the many servers that follow it speak them."""

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
from aihandler.backends.openai_chat.encode import encode
from aihandler.backends.openai_chat.inbound import read_request
from aihandler.backends.openai_chat.pass_on import pass_on
from aihandler.backends.openai_chat.passage import ORIGIN
from aihandler.backends.openai_chat.reader import choose_reader
from aihandler.backends.openai_chat.writer import ChatStreamWriter, write_error, write_reply
from aihandler.backends.profiles import Profile
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.errors import AIHandlerError

__all__ = ["OpenAIChat"]


class OpenAIChat:
    """Both directions. Opens no socket and never retries: the engine owns attempts."""

    kind = ORIGIN

    def encode(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> HttpCall:
        """The request as this deployment's server wants to have it."""
        return encode(request, deployment, profile, streamed=streamed)

    def pass_on(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> PassedOn:
        """A client's bytes with this deployment's model, and token counts asked for."""
        return pass_on(request, deployment, profile, streamed=streamed)

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply; by what came, not by what was asked for."""
        return choose_reader(status, headers, asked=asked)

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Inbound:  # noqa: ARG002 - a Server's shape
        """A client's request. Raises InputError."""
        return read_request(body)

    def write_reply(self, reply: Reply, identity: ReplyIdentity) -> bytes:
        """The body of a whole reply."""
        return write_reply(reply, identity)

    def stream_writer(self, identity: ReplyIdentity, *, usage: bool) -> StreamWriter:
        """A writer for one stream."""
        return ChatStreamWriter(identity, usage=usage)

    def write_error(self, error: AIHandlerError) -> tuple[int, bytes]:
        """HTTP status and body of an error."""
        return write_error(error)
