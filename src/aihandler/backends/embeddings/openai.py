"""OpenAI's form: `/v1/embeddings`, also of vLLM, llama.cpp, Mistral, Azure, Voyage and others."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, HttpCall
from aihandler.backends.embeddings.form import Form, Malformed, Wanted
from aihandler.backends.embeddings.vectors import Vector, vector_of
from aihandler.backends.splice import splice
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Opaque, Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import EmbeddingOutput, Json
from aihandler.domain.usage import Usage

KIND = "openai.embeddings"
# A note in `extra`: the client sent one text, not a list of one.
ONE_TEXT = "~text"
_PATH, _PREFIX = "/embeddings", "/v1"
_HEADERS = (("accept", "application/json"),)
_encode = msgspec.json.Encoder().encode
_REQUEST_ID = "x-request-id"


def _write(wanted: Wanted) -> HttpCall:
    request = wanted.request
    texts = [text.payload if isinstance(text, Opaque) else text for text in wanted.texts]
    body: dict[str, Json] = {"model": wanted.deployment.model.name, "input": texts}
    if request.origin == KIND:
        body |= request.extra
        if body.pop(ONE_TEXT, False):
            body["input"] = texts[0]
    else:
        body["encoding_format"] = "float"
    if wanted.dimensions is not None:
        body[wanted.profile.dimensions_field] = wanted.dimensions
    return HttpCall(_PATH, _encode(body), _PREFIX, _HEADERS)


def _pass_on(request: Request, deployment: Deployment) -> HttpCall:
    body = splice(request.raw, {"model": _encode(deployment.model.name)})
    return HttpCall(_PATH, body, _PREFIX, _HEADERS)


def _read(wire: Any, headers: Mapping[str, str], asked: Asked) -> Reply:
    rows: dict[int, Vector] = {}
    output = asked.request.output
    dimensions = output.dimensions if isinstance(output, EmbeddingOutput) else None
    for place, row in enumerate(wire["data"]):
        # Servers number them; one that does not sends them in order.
        rows[row.get("index", place)] = vector_of(row["embedding"], dimensions)
    if sorted(rows) != list(range(len(wire["data"]))):
        raise Malformed
    return Reply(
        (),
        "stop",
        usage=_usage(wire.get("usage")),
        model=wire.get("model") or "",
        request_id=headers.get(_REQUEST_ID, "") or str(wire.get("id") or ""),
        extra={k: v for k, v in wire.items() if k not in {"data", "object", "model"}},
        origin=KIND,
        vectors=tuple(rows[place] for place in range(len(rows))),
    )


def _usage(counted: Json) -> Usage | None:
    if not isinstance(counted, dict):
        return None
    # Voyage counts only the total; nothing is answered in tokens.
    tokens = counted.get("prompt_tokens", counted.get("total_tokens"))
    return Usage(input=tokens) if isinstance(tokens, int) and tokens >= 0 else None


FORM = Form(KIND, _write, _read, _pass_on)
