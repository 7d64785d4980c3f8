"""AWS Bedrock's Converse, as a client of its servers and as a server to its clients."""

from collections.abc import Mapping

from aihandler.backends.bedrock_converse.encode import encode
from aihandler.backends.bedrock_converse.fields import KIND
from aihandler.backends.bedrock_converse.inbound import asked_in_path, read_request
from aihandler.backends.bedrock_converse.reader import choose_reader
from aihandler.backends.bedrock_converse.stream_writer import ConverseStreamWriter
from aihandler.backends.bedrock_converse.writer import write_error, write_reply
from aihandler.backends.codec import (
    Asked,
    HttpCall,
    Inbound,
    Reader,
    ReplyIdentity,
    StreamWriter,
)
from aihandler.backends.profiles import Profile
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.errors import AIHandlerError

__all__ = ["BedrockConverse", "asked_in_path"]


class BedrockConverse:
    """Both directions. Opens no socket and never retries: the engine owns attempts."""

    kind = KIND

    def encode(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> HttpCall:
        """The request as this deployment's model wants to have it."""
        return encode(request, deployment, profile, streamed=streamed)

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply; by what came, not by what was asked for."""
        return choose_reader(status, headers, asked=asked)

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Inbound:  # noqa: ARG002 - a Server's shape
        """A client's request. Raises InputError. The model is in its path (`asked_in_path`)."""
        return read_request(body)

    def write_reply(self, reply: Reply, identity: ReplyIdentity) -> bytes:
        """The body of a whole reply."""
        return write_reply(reply, identity)

    def stream_writer(self, identity: ReplyIdentity, *, usage: bool) -> StreamWriter:  # noqa: ARG002 - a Server's shape
        """A writer for one stream. Streams of this format always count tokens."""
        return ConverseStreamWriter()

    def write_error(self, error: AIHandlerError) -> tuple[int, bytes]:
        """HTTP status and body of an error."""
        return write_error(error)
