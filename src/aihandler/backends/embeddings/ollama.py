"""Ollama's form: `/api/embed`, and the older `/api/embeddings` when it is answered in that."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, HttpCall
from aihandler.backends.embeddings.form import Form, Malformed, Wanted
from aihandler.backends.embeddings.vectors import vector_of
from aihandler.domain.answer import Reply
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

KIND = "ollama.embeddings"
_HEADERS = (("accept", "application/json"),)
_encode = msgspec.json.Encoder().encode


def _write(wanted: Wanted) -> HttpCall:
    body: dict[str, Json] = {
        "model": wanted.deployment.model.name,
        "input": list(wanted.texts),
        # By default a text that is too long is cut, and nobody hears of it.
        "truncate": False,
    }
    if wanted.dimensions is not None:
        body["dimensions"] = wanted.dimensions
    context = wanted.deployment.limits.context_tokens
    if context is not None:
        body["options"] = {"num_ctx": context}
    return HttpCall("/embed", _encode(body), "/api", _HEADERS)


def _read(wire: Any, headers: Mapping[str, str], asked: Asked) -> Reply:  # noqa: ARG001 - a Form's shape
    rows = wire["embeddings"] if "embeddings" in wire else [wire["embedding"]]
    if not isinstance(rows, list):
        raise Malformed
    tokens = wire.get("prompt_eval_count")
    return Reply(
        (),
        "stop",
        usage=Usage(input=tokens) if isinstance(tokens, int) and tokens >= 0 else None,
        model=wire.get("model") or "",
        extra={k: v for k, v in wire.items() if k not in {"embeddings", "embedding", "model"}},
        origin=KIND,
        vectors=tuple(vector_of(row, None) for row in rows),
    )


FORM = Form(KIND, _write, _read)
