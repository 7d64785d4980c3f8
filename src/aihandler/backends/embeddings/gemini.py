"""Gemini's form: `:batchEmbedContents`, a content for each text."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from aihandler.backends.codec import Asked, HttpCall, KeyHeader
from aihandler.backends.embeddings.form import Form, Malformed, Wanted
from aihandler.backends.embeddings.vectors import vector_of
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Opaque
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

KIND = "gemini.embeddings"
_KEY = KeyHeader("x-goog-api-key", "")
_HEADERS = (("accept", "application/json"),)
_encode = msgspec.json.Encoder().encode


def _write(wanted: Wanted) -> HttpCall:
    name = wanted.deployment.model.name
    model = name if "/" in name else f"models/{name}"
    requests: list[dict[str, Json]] = [
        {"model": model, "content": content_of(text), **bounds_of(wanted)} for text in wanted.texts
    ]
    path = f"/{quote(model, safe='/@')}:batchEmbedContents"
    return HttpCall(path, _encode({"requests": requests}), "/v1beta", _HEADERS, _KEY)


def content_of(text: str | Opaque) -> dict[str, Json]:
    """A text as both Google's services take it."""
    return {"parts": [{"text": text}]}


def bounds_of(wanted: Wanted) -> dict[str, Json]:
    """How long a vector is to be, where that was said."""
    if wanted.dimensions is None:
        return {}
    return {"outputDimensionality": wanted.dimensions}


def reply_of(
    rows: list[Json], wire: Any, headers: Mapping[str, str], *, tokens: Json, kind: str
) -> Reply:
    """The reply of vectors and a token count, as both services make it."""
    if not isinstance(rows, list):
        raise Malformed
    counted = isinstance(tokens, int) and tokens >= 0
    return Reply(
        (),
        "stop",
        usage=Usage(input=tokens) if counted else None,
        request_id=headers.get("x-goog-request-id", ""),
        extra={k: v for k, v in wire.items() if k not in _VECTORS},
        origin=kind,
        vectors=tuple(vector_of(row["values"], None) for row in rows),
    )


_VECTORS = frozenset({"embedding", "embeddings", "predictions"})


def _read(wire: Any, headers: Mapping[str, str], asked: Asked) -> Reply:  # noqa: ARG001 - a Form's shape
    rows = wire["embeddings"] if "embeddings" in wire else [wire["embedding"]]
    tokens = (wire.get("usageMetadata") or {}).get("promptTokenCount")
    return reply_of(rows, wire, headers, tokens=tokens, kind=KIND)


FORM = Form(KIND, _write, _read)
