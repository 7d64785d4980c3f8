"""How large a request and its answer can be at most: what a reservation is computed from."""

from collections.abc import Iterable, Mapping

import msgspec

from aihandler.domain.conversation import Message, Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.parts import Media, ToolResult
from aihandler.domain.task import EmbeddingOutput, Json, JsonOutput
from aihandler.domain.usage import Usage

# Where neither request nor deployment bounds an answer. Few models say more at once.
ASSUMED_ANSWER_TOKENS = 16_384
# Bytes of UTF-8 a token: English has four, Chinese three, code somewhat less than English.
_BYTES_PER_TOKEN = 3
# What a format adds to a message, and to a request.
_MESSAGE_TOKENS, _REQUEST_TOKENS = 8, 64
# A large picture at the vendor that counts most for it.
_PICTURE_TOKENS = 5000
_MEDIA_BYTES_PER_TOKEN = 4
_COUNTS = ("n", "best_of")

_encode = msgspec.json.Encoder(enc_hook=str).encode


def size_at_most(request: Request, deployment: Deployment) -> Usage:
    """Tokens of the prompt, estimated high, and the bound of the answer's."""
    answer = _answer(request, ASSUMED_ANSWER_TOKENS)
    prompt = _REQUEST_TOKENS + _messages(request.messages) + _declared(request)
    context = deployment.limits.context_tokens
    if context is not None:
        prompt, answer = min(prompt, context), min(answer, context)
    return Usage(input=prompt, output=answer * _answers(request), estimated=True)


def answers_at_most(request: Request, *, assumed: int) -> int:
    """Tokens of all answers together, with so many for each where the request bounds none."""
    return _answer(request, assumed) * _answers(request)


def _answer(request: Request, assumed: int) -> int:
    if isinstance(request.output, EmbeddingOutput):
        return 0
    answer = request.sampling.max_output_tokens or 0
    if answer < 1:
        # Servers take none, and less, for no bound at all.
        answer = assumed
    if request.thinking is not None and request.thinking.max_tokens:
        # Some count thinking beside the answer.
        answer += max(0, request.thinking.max_tokens)
    return answer


def _answers(request: Request) -> int:
    # Of `best_of` all are paid and the best are told.
    said = (request.extra.get(count) for count in _COUNTS)
    return max([1, *(int(count) for count in said if isinstance(count, int | float))])


def _messages(messages: Iterable[Message]) -> int:
    return sum(
        _MESSAGE_TOKENS + sum(_part(part) for part in m.parts) + _extra(m.extra) for m in messages
    )


def _part(part: object) -> int:
    match part:
        case ToolResult(parts=parts):
            return _MESSAGE_TOKENS + sum(_part(inner) for inner in parts)
        case Media(kind="image"):
            return _PICTURE_TOKENS
        case Media(data=data):
            return _PICTURE_TOKENS + len(data) // _MEDIA_BYTES_PER_TOKEN
    text = getattr(part, "text", None)
    if isinstance(text, str) and text:
        return _text(text)
    # Calls, thinking that is sealed, and what only its own format understands.
    return len(_encode(part)) // _BYTES_PER_TOKEN


def _declared(request: Request) -> int:
    size = sum(len(_encode(tool)) for tool in request.tools)
    if isinstance(request.output, JsonOutput):
        size += len(_encode(request.output.schema))
    return size // _BYTES_PER_TOKEN + _extra(request.extra)


def _extra(extra: Mapping[str, Json]) -> int:
    # What we have no word for may be sent as well: older functions, documents.
    return len(_encode(extra)) // _BYTES_PER_TOKEN if extra else 0


def _text(text: str) -> int:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return size // _BYTES_PER_TOKEN + 1
