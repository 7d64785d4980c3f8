"""Requests for vectors as clients of OpenAI send them, and the replies that they expect."""

from collections.abc import Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import Inbound, ReplyIdentity
from aihandler.backends.embeddings.openai import KIND, ONE_TEXT
from aihandler.backends.embeddings.vectors import as_base64
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Message, Opaque, Request, message
from aihandler.domain.task import EmbeddingOutput, Json
from aihandler.domain.usage import Usage
from aihandler.errors import InputError

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_HINT = "send `input` as a text, or a list of texts"
# As many as OpenAI takes.
MOST_TEXTS = 2048
# More than any model has: some servers would try to find memory for whatever is asked.
MOST_DIMENSIONS = 65_536


def read_request(body: bytes) -> Inbound:
    """What is understood is taken out of the request; the rest is `extra`. Raises InputError."""
    left = _object(body)
    model = left.pop("model", None)
    if not isinstance(model, str) or not model:
        raise InputError("no model is named (at /model)", hint="send `model`")
    dimensions = left.pop("dimensions", None)
    if isinstance(dimensions, float) and dimensions.is_integer():
        # In JSON 5.0 is a whole number too.
        dimensions = int(dimensions)
    if dimensions is not None and (
        type(dimensions) is not int or not 1 <= dimensions <= MOST_DIMENSIONS
    ):
        raise InputError(
            f"dimensions must be a whole number from 1 to {MOST_DIMENSIONS} (at /dimensions)",
            hint="leave it out",
        )
    asked = left.pop("input", None)
    if isinstance(asked, str):
        left[ONE_TEXT] = True
    request = Request(
        "", _texts(asked), output=EmbeddingOutput(dimensions), origin=KIND, extra=left
    )
    return Inbound(request, model)


def wants_base64(request: Request) -> bool:
    """True where a client reads vectors as base64: what OpenAI's own clients ask for."""
    return request.extra.get("encoding_format") == "base64"


def write_reply(reply: Reply, identity: ReplyIdentity, *, base64: bool) -> bytes:
    """The body of a reply."""
    rows = [
        {
            "object": "embedding",
            "index": place,
            "embedding": as_base64(vector) if base64 else vector,
        }
        for place, vector in enumerate(reply.vectors)
    ]
    tokens = (reply.usage or Usage()).prompt
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return _encode({"object": "list", "data": rows, "model": identity.model, "usage": usage})


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(
            "the body is not JSON (at /)", hint="send a JSON object, encoded as UTF-8"
        ) from None
    if not isinstance(value, dict):
        raise InputError("the body must be a JSON object (at /)", hint=_HINT)
    return value


def _texts(asked: Json) -> tuple[Message, ...]:
    if isinstance(asked, str):
        return (_text(asked, "/input"),)
    if not isinstance(asked, list) or not asked:
        raise InputError("there is nothing to make a vector of (at /input)", hint=_HINT)
    if _are_tokens(asked):
        return (_tokens(asked),)
    if len(asked) > MOST_TEXTS:
        raise InputError(
            f"input has {len(asked)} texts, at most {MOST_TEXTS} are taken (at /input)",
            hint="send them in several requests",
        )
    return tuple(
        _tokens(one) if isinstance(one, list) and _are_tokens(one) else _text(one, f"/input/{at}")
        for at, one in enumerate(asked)
    )


def _text(text: Json, pointer: str) -> Message:
    if not isinstance(text, str) or not text:
        raise InputError(f"must be a text that is not empty (at {pointer})", hint=_HINT)
    return message("user", text)


def _are_tokens(asked: Sequence[Json]) -> bool:
    return bool(asked) and all(type(one) is int for one in asked)


def _tokens(numbers: Json) -> Message:
    # Numbers of one model's own vocabulary mean nothing to another format.
    return Message("user", (Opaque(KIND, numbers),))
