"""Vertex' form: `:embedContent` for one text, `:predict` for several."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from aihandler.backends.codec import Asked, HttpCall
from aihandler.backends.embeddings.form import Form, Wanted
from aihandler.backends.embeddings.gemini import bounds_of, content_of, reply_of
from aihandler.domain.answer import Reply
from aihandler.domain.task import Json

KIND = "vertex.embeddings"
_HEADERS = (("accept", "application/json"),)
# By default a text that is too long is cut, and nobody hears of it.
_WHOLE = {"autoTruncate": False}
_encode = msgspec.json.Encoder().encode


def _write(wanted: Wanted) -> HttpCall:
    name = quote(wanted.deployment.model.name, safe="/@")
    resource = name if "/" in name else f"publishers/google/models/{name}"
    if len(wanted.texts) == 1:
        verb = "embedContent"
        body: dict[str, Json] = {
            "content": content_of(wanted.texts[0]),
            "embedContentConfig": {**bounds_of(wanted), **_WHOLE},
        }
    else:
        verb = "predict"
        body = {
            "instances": [{"content": text} for text in wanted.texts],
            "parameters": {**bounds_of(wanted), **_WHOLE},
        }
    return HttpCall(f"/{resource}:{verb}", _encode(body), "/v1", _HEADERS)


def _read(wire: Any, headers: Mapping[str, str], asked: Asked) -> Reply:  # noqa: ARG001 - a Form's shape
    if "predictions" not in wire:
        tokens = (wire.get("usageMetadata") or {}).get("promptTokenCount")
        return reply_of([wire["embedding"]], wire, headers, tokens=tokens, kind=KIND)
    rows = [prediction["embeddings"] for prediction in wire["predictions"]]
    counts = [(row.get("statistics") or {}).get("token_count") for row in rows]
    # It counts with a decimal point.
    numbers = [int(count) for count in counts if isinstance(count, int | float)]
    tokens = sum(numbers) if len(numbers) == len(rows) else None
    return reply_of(rows, wire, headers, tokens=tokens, kind=KIND)


FORM = Form(KIND, _write, _read)
