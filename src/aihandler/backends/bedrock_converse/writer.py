"""What a client of Converse is answered: whole replies and errors."""

from collections.abc import Iterable

import msgspec

from aihandler.backends.bedrock_converse.blocks import write_block
from aihandler.backends.bedrock_converse.fields import KIND, restore
from aihandler.backends.bedrock_converse.media import format_of
from aihandler.backends.bedrock_converse.usage import write_usage
from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.signed import for_client
from aihandler.domain.answer import Finish, Reply
from aihandler.domain.parts import Media, Opaque, Part, Text, Thinking
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
_REASONS: dict[Finish, str] = {
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "refused": "content_filtered",
}
# The names that clients know, by status.
_ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    409: "ConflictException",
    413: "ValidationException",
    422: "ValidationException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}
_TAKEN = frozenset({"stopReason", "usage"})


def write_reply(reply: Reply, identity: ReplyIdentity) -> bytes:  # noqa: ARG001 - a Server's shape
    """The body of a whole reply. Here it names neither itself nor its model."""
    message = {"role": "assistant", "content": written_blocks(reply.parts)}
    whole: dict[str, Json] = {
        "output": {"message": message},
        "stopReason": stop_reason(reply),
        "usage": usage_of(reply),
    }
    return _encode(restore(whole, more_of(reply)))


def write_error(error: AIHandlerError) -> tuple[int, bytes]:
    """HTTP status and body of an error."""
    words = f"{error.message}; {error.hint}" if error.hint else error.message
    return error.http_status, _encode({"message": words, "__type": error_name(error)})


def error_name(error: AIHandlerError) -> str:
    """The exception that clients of AWS know it as."""
    return _ERRORS.get(error.http_status, "InternalServerException")


def stop_reason(reply: Reply) -> str:
    """Why it stopped."""
    told = reply.extra.get("stopReason") if reply.origin == KIND else None
    usual = "stop_sequence" if reply.stop_text else "end_turn"
    return str(told or _REASONS.get(reply.finish, usual))


def usage_of(reply: Reply) -> dict[str, Json]:
    """The counts."""
    said = reply.extra.get("usage") if reply.origin == KIND else None
    return write_usage(reply.usage or Usage(), said if isinstance(said, dict) else {})


def more_of(reply: Reply) -> dict[str, Json]:
    """Fields of this format beside those that have a word of ours."""
    if reply.origin != KIND:
        return {}
    return {key: value for key, value in reply.extra.items() if key not in _TAKEN}


def written_blocks(parts: Iterable[Part]) -> list[Json]:
    """The content of an answer; a part of another provider's own has no block."""
    return [written for part in parts if (written := written_part(part)) is not None]


def written_part(part: Part) -> dict[str, Json] | None:
    """One block, or None."""
    match part:
        case Opaque() if part.format != KIND:
            return None
        case Media() if format_of(part) is None or not part.data:
            return None
        case Thinking():
            return write_block(for_client(part, KIND), own=part.signed_by in ("", KIND))
        case Text() if part.citations and "~form" not in part.extra:
            # Another provider's citations have another form.
            return {"text": part.text}
    return write_block(part, own=True)
