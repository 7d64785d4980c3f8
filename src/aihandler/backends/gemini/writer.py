"""What a client of generateContent is answered: whole replies, errors, and the pieces of both."""

from collections.abc import Iterable, Iterator

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.gemini.building import CANDIDATE, CONTENT, NO_ANSWER, USAGE
from aihandler.backends.gemini.errors import error_body
from aihandler.backends.gemini.fields import KIND, ROLE, SIGNATURE, WITHOUT_ID
from aihandler.backends.gemini.logprobs import own_logprobs
from aihandler.backends.gemini.parts import write_part
from aihandler.backends.gemini.usage import write_usage
from aihandler.domain.answer import Finish, Reply
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
_REASONS: dict[Finish, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "refused": "SAFETY",
}
_OWN = frozenset({CANDIDATE, CONTENT, NO_ANSWER, USAGE})


def write_reply(reply: Reply, identity: ReplyIdentity) -> bytes:
    """The body of a whole reply."""
    return _encode(whole(reply, identity, reply.parts))


def write_error(error: AIHandlerError) -> tuple[int, bytes]:
    """HTTP status and body of an error."""
    return error.http_status, _encode(error_body(error))


def whole(reply: Reply, identity: ReplyIdentity, parts: Iterable[Part]) -> dict[str, Json]:
    """A reply as one object, with these of its parts; the end of a stream is one too."""
    own = reply.origin == KIND
    made: dict[str, Json] = {}
    if not (own and NO_ANSWER in reply.extra):
        made["candidates"] = [_candidate(reply, list(written_parts(parts, own=own)))]
    made["usageMetadata"] = _usage(reply)
    made.update(naming(identity))
    if own:
        made.update({k: v for k, v in reply.extra.items() if k not in _OWN})
    return made


def saying(written: list[Json]) -> dict[str, Json]:
    """A candidate that is not at its end."""
    return {"content": {"parts": written, "role": "model"}, "index": 0}


def naming(identity: ReplyIdentity) -> dict[str, Json]:
    """What every object says of the reply."""
    return {"modelVersion": identity.model, "responseId": identity.id}


def written_parts(parts: Iterable[Part], *, own: bool) -> Iterator[Json]:
    """Parts of an answer; one of another provider's own has no form here."""
    for part in parts:
        if own:
            yield write_part(part)
        elif (written := written_part(part)) is not None:
            yield written


def written_part(part: Part) -> Json:
    """A part of unknown origin, or None: signatures of others would be taken for Google's."""
    match part:
        case Opaque():
            return part.payload if part.format == KIND else None
        case Text() | Refusal():
            return {"text": part.text, **signature_of(part)} if part.text else None
        case Thinking():
            signed = signature_of(part)
            return {"text": part.text, "thought": True, **signed} if part.text or signed else None
        case ToolCall():
            notes = {key: True for key in (WITHOUT_ID,) if key in part.extra}
            return write_part(msgspec.structs.replace(part, extra=notes))
        case Media():
            return write_part(msgspec.structs.replace(part, extra={}))
    return None


def signature_of(part: Part) -> dict[str, Json]:
    """The field with Google's signature of a text or a thought, where there is one."""
    if isinstance(part, Thinking):
        return {SIGNATURE: part.signature} if part.signed_by == KIND else {}
    signature = part.extra.get(SIGNATURE) if isinstance(part, Text) else None
    return {SIGNATURE: signature} if isinstance(signature, str) else {}


def _candidate(reply: Reply, written: list[Json]) -> dict[str, Json]:
    """All that is said of an answer at its end."""
    candidate: dict[str, Json] = {"content": _content(reply, written)}
    reason = _REASONS.get(reply.finish, "OTHER")
    if reply.origin == KIND:
        told = reply.extra.get(CANDIDATE, {})
        if reply.finish != "other":
            candidate["finishReason"] = reason
        return {**candidate, **told}
    candidate |= {"finishReason": reason, "index": 0}
    logprobs = own_logprobs(reply.logprobs)
    if logprobs:
        candidate["logprobsResult"] = logprobs
    return candidate


def _usage(reply: Reply) -> dict[str, Json]:
    said = reply.extra.get(USAGE) if reply.origin == KIND else None
    said = said if isinstance(said, dict) else {}
    if reply.origin == KIND and reply.usage is not None and reply.usage.estimated:
        # A guess of ours is not told in Google's name.
        return said
    return write_usage(reply.usage or Usage(), said)


def _content(reply: Reply, parts: list[Json]) -> dict[str, Json]:
    content: dict[str, Json] = {"parts": parts, "role": "model"}
    noted = reply.extra.get(CONTENT) if reply.origin == KIND else None
    if isinstance(noted, dict):
        if ROLE in noted:
            del content["role"]
            if noted[ROLE] is not None:
                content["role"] = noted[ROLE]
        content |= {key: value for key, value in noted.items() if key != ROLE}
    if not parts:
        del content["parts"]
    return content
