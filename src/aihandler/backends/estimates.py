"""Token counts where nobody counted."""

from aihandler.domain.conversation import Request
from aihandler.domain.usage import Usage

# English text and source code lie between 3 and 5; only used when a server counts nothing.
_CHARACTERS_PER_TOKEN = 4


def estimated_usage(request: Request, answer_characters: int) -> Usage:
    """A guess from the number of characters, and marked as one."""
    asked = sum(len(message.text) for message in request.messages)
    return Usage(
        input=-(-asked // _CHARACTERS_PER_TOKEN),
        output=-(-answer_characters // _CHARACTERS_PER_TOKEN),
        estimated=True,
    )
