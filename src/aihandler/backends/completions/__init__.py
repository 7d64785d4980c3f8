"""Raw completions: servers that continue a text, and know nothing of turns, tools or schemas.

A conversation becomes the prompt of the model's own template, and what the model writes is read
back as words, thinking and calls. OpenAI's form (vLLM, llama-cpp-python and others), and by
profile those of llama-server (`/completion`) and TGI (`/generate`).
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from aihandler.backends.codec import Asked, HttpCall, Inbound, Reader, ReplyIdentity, StreamWriter
from aihandler.backends.completions.encode import encode
from aihandler.backends.completions.fields import KIND
from aihandler.backends.completions.inbound import read_request
from aihandler.backends.completions.prompts import Prompts
from aihandler.backends.completions.reader import choose_reader
from aihandler.backends.completions.templates import Templates
from aihandler.backends.completions.writer import CompletionStreamWriter, write_reply
from aihandler.backends.openai_chat.writer import write_error
from aihandler.backends.profiles import Profile
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.errors import AIHandlerError

__all__ = ["Completions"]


def _now() -> datetime:
    return datetime.now(UTC)


class Completions:
    """Both directions. Some templates print the date, and all are stopped after some seconds: the
    clocks are for them alone.
    """

    kind = KIND

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = _now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prompts = Prompts(Templates(now=now, monotonic=monotonic))

    def encode(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> HttpCall:
        """The request as one prompt. Raises BackendRejected when none can be made."""
        return encode(request, deployment, profile, streamed=streamed, prompts=self._prompts)

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply; by what came, not by what was asked for."""
        return choose_reader(status, headers, asked=asked, prompts=self._prompts)

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Inbound:  # noqa: ARG002 - a Server's shape
        """A client's prompt. Raises InputError."""
        return read_request(body)

    def write_reply(self, reply: Reply, identity: ReplyIdentity) -> bytes:
        """The body of a whole reply."""
        return write_reply(reply, identity)

    def stream_writer(self, identity: ReplyIdentity, *, usage: bool) -> StreamWriter:
        """A writer for one stream."""
        return CompletionStreamWriter(identity, usage=usage)

    def write_error(self, error: AIHandlerError) -> tuple[int, bytes]:
        """HTTP status and body of an error."""
        return write_error(error)
