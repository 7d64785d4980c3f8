"""From our replies to what clients of raw completions expect: text, and nothing beside it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.completions.fields import KIND
from aihandler.backends.completions.probabilities import to_lists
from aihandler.backends.openai_chat.writer import usage_to_wire, write_error
from aihandler.backends.wire_objects import over
from aihandler.domain.answer import Reply, ReplyDone, StreamEvent, TextDelta
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
_FINISHES: Mapping[str, str] = {
    "stop": "stop",
    "tool_calls": "stop",
    "length": "length",
    "refused": "content_filter",
    "pause": "stop",
    "abstain": "stop",
    # The only word here for an answer that is not whole.
    "other": "length",
}


def write_reply(reply: Reply, identity: ReplyIdentity) -> bytes:
    """The body of a whole reply. Thinking and calls have no place in it."""
    left = _left(reply)
    body = _completion(_choice(reply.text, reply), identity)
    if reply.usage is not None:
        body["usage"] = _usage(reply, left)
    if reply.fingerprint:
        body["system_fingerprint"] = reply.fingerprint
    return _encode(over(left.get("reply", {}), body))


class CompletionStreamWriter:
    """Writes one stream as server-sent events; `usage` adds token counts at the end."""

    def __init__(self, identity: ReplyIdentity, *, usage: bool) -> None:
        self._identity = identity
        self._usage = usage
        self._told = 0

    def write(self, event: StreamEvent) -> bytes:
        """One event; nothing where the format has no word for it."""
        match event:
            case TextDelta(text):
                self._told += len(text)
                return self._event([{"text": text, "index": 0, **_NOTHING}])
            case ReplyDone(reply):
                return self._done(reply)
        return b""

    def fail(self, error: AIHandlerError) -> bytes:
        """An error in place of the end: no `[DONE]`, so nobody takes the answer for whole."""
        return b"data: " + write_error(error)[1] + b"\n\n"

    def _done(self, reply: Reply) -> bytes:
        # What no event told: all of it, when the answer was held back until valid.
        pieces = [self._event([_choice(reply.text[self._told :], reply)])]
        if self._usage and reply.usage is not None:
            pieces.append(self._event([], {"usage": _usage(reply, _left(reply))}))
        return b"".join((*pieces, b"data: [DONE]\n\n"))

    def _event(self, choices: list[Json], beside: Mapping[str, Json] | None = None) -> bytes:
        chunk = {**_head(self._identity), "choices": choices, **(beside or {})}
        return b"data: " + _encode(chunk) + b"\n\n"


_NOTHING: Mapping[str, Json] = {"logprobs": None, "finish_reason": None}


def _head(identity: ReplyIdentity) -> dict[str, Json]:
    return {
        "id": identity.id,
        "object": "text_completion",
        "created": identity.created,
        "model": identity.model,
    }


def _completion(choice: Mapping[str, Json], identity: ReplyIdentity) -> dict[str, Json]:
    return {**_head(identity), "choices": [choice]}


def _choice(text: str, reply: Reply) -> dict[str, Json]:
    left = _left(reply)
    built: dict[str, Json] = {
        "text": text,
        "index": 0,
        "logprobs": left.get("logprobs", to_lists(reply.logprobs)),
        "finish_reason": _finish(reply, left),
    }
    return over(left.get("choice", {}), built)


def _finish(reply: Reply, left: Mapping[str, Any]) -> str | None:
    if reply.origin == KIND and reply.finish == "other":
        # As it came, also where it came without.
        told: str | None = left.get("choice", {}).get("finish_reason")
        return told
    return _FINISHES[reply.finish]


def _usage(reply: Reply, left: Mapping[str, Any]) -> Mapping[str, Json]:
    assert reply.usage is not None
    return usage_to_wire(reply.usage, left.get("usage", {}))


def _left(reply: Reply) -> Mapping[str, Any]:
    left = reply.extra.get(KIND)
    return left if isinstance(left, dict) else {}
