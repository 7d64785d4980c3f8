"""OpenAI chat completions, as OpenAI and the many servers that follow it speak them."""

from collections.abc import Mapping

from aihandler.backends.codec import Asked, HttpCall, Reader
from aihandler.backends.openai_chat.encode import encode
from aihandler.backends.openai_chat.reader import choose_reader
from aihandler.backends.profiles import Profile
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment

__all__ = ["OpenAIChat"]


class OpenAIChat:
    """Translates one attempt. Opens no socket and never retries: the engine owns attempts."""

    kind = "openai"

    def encode(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> HttpCall:
        """The request as this deployment's server wants to have it."""
        return encode(request, deployment, profile, streamed=streamed)

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply; by what came, not by what was asked for."""
        return choose_reader(status, headers, asked=asked)
