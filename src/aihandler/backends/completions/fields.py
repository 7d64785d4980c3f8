"""The words that the modules of raw completions share."""

from aihandler.backends.codec import NOTE
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Text

KIND = "openai.completions"
# The message of a client's own prompt; its value says how the prompt was written.
PROMPT = f"{NOTE}prompt"


def own_prompt(request: Request) -> str | None:
    """The prompt of a client of this very format, which goes on as it is; None for all others."""
    if request.origin != KIND or len(request.messages) != 1:
        return None
    # A request that was asked again, or was shown a schema, is a conversation like any other.
    (only,) = request.messages
    if PROMPT not in only.extra or len(only.parts) != 1 or not isinstance(only.parts[0], Text):
        return None
    return only.parts[0].text
