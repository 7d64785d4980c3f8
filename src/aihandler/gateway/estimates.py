"""About how many tokens a request is, before any model has counted them."""

import msgspec

from aihandler.domain.conversation import Request
from aihandler.domain.parts import Media, Text, ToolCall, ToolResult

# Four characters a token, as everywhere here; 1,500 for a picture, as vendors say.
_CHARACTERS, _PICTURE_TOKENS, _TURN_TOKENS = 4, 1500, 4
_encode = msgspec.json.Encoder(enc_hook=str).encode


def estimated_tokens(request: Request) -> int:
    """About how many tokens a conversation with its tools is."""
    tokens = 0
    for message in request.messages:
        tokens += _TURN_TOKENS
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else (part,)
            tokens += sum(_size(one) for one in inner)
    return tokens + sum(len(_encode(tool)) // _CHARACTERS for tool in request.tools)


def _size(part: object) -> int:
    match part:
        case Text(text=text):
            return len(text) // _CHARACTERS + 1
        case ToolCall(arguments=arguments):
            return len(arguments) // _CHARACTERS + _TURN_TOKENS
        case Media():
            return _PICTURE_TOKENS
    return _TURN_TOKENS
