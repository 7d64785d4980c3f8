"""The description of the gateway's routes, as OpenAPI 3.1. Written by hand, held true by tests."""

from aihandler.domain.task import Json
from aihandler.gateway.openapi_bodies import NAMED, TEXT, Schema, ref, schemas

_CLASSES: list[Json] = ["public", "internal", "confidential", "restricted"]
_STATUSES = {
    "400": "The request cannot be read.",
    "401": "No key was sent, or none that is known.",
    "402": "No budget holds what an attempt may cost.",
    "403": "A rule says no: the policy, or what the key may ask.",
    "404": "There is no such model, call or address.",
    "409": "The first request of this `Idempotency-Key` is under way.",
    "413": "The body is too large, or has too many parts.",
    "415": "The body is compressed.",
    "422": "Answered, but not validly; or the model's own filter refused.",
    "429": "The minute of a key, user, team or task is full; or the server's own.",
    "5XX": "What went wrong behind it; 503 (Anthropic: 529) says to come back later.",
}
# Who is refused before a body is looked at gets these, whatever is asked.
_FOR_ALL = ("401", "403", "404", "413", "429", "5XX")


def document() -> Schema:
    """The whole description. It says nothing of a configuration, so anybody may read it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Handler",
            "version": "1",
            "summary": "Open and closed models behind the addresses of OpenAI and Anthropic.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"xApiKey": []}],
        "paths": {**_conversations(), **_looking(), **_open()},
        "components": {
            "schemas": schemas(),
            "headers": _answer_headers(),
            "parameters": _parameters(),
            "securitySchemes": _security(),
        },
    }


def _conversations() -> Schema:
    chat = "data: one chunk as JSON a line, `data: [DONE]` at the end."
    openai, anthropic = "OpenAIError", "AnthropicError"
    count = _operation("countTokens", "An estimate of a request's tokens; no model is asked.")
    count |= {
        "parameters": _named("version"),
        "requestBody": _body("CountRequest"),
        "responses": {
            "200": _json("The estimate.", "TokenCount"),
            **_failures("Error", *_STATUSES),
        },
    }
    return {
        "/v1/chat/completions": _asked(
            "createChatCompletion", "Chat completions, as OpenAI's.", "Chat", openai, stream=chat
        ),
        "/v1/completions": _asked(
            "createCompletion", "Completions of one prompt.", "Completion", openai, stream=chat
        ),
        "/v1/responses": _asked(
            "createResponse",
            "Responses, as OpenAI's, without state.",
            "Response",
            openai,
            stream="Events by name, as OpenAI's; an error is an `error` event.",
        ),
        "/v1/messages": _asked(
            "createMessage",
            "Messages, as Anthropic's.",
            "Message",
            anthropic,
            stream="Events by name, as Anthropic's; an error is an `error` event.",
        ),
        "/v1/embeddings": _asked("createEmbedding", "Vectors, as OpenAI's.", "Embedding", openai),
        "/v1/messages/count_tokens": {"post": count},
    }


# What is asked and answered at a route, by the name of its kind.
_ANSWERS = {
    "Chat": "ChatCompletion",
    "Completion": "Completion",
    "Response": "Response",
    "Message": "Message",
    "Embedding": "Embeddings",
}


def _asked(name: str, summary: str, kind: str, error: str, *, stream: str = "") -> Schema:
    answered = _json("The answer, whole.", _ANSWERS[kind])
    answered["headers"] = _header_refs("call", "deployment", "reason", "validity", "cost", "cache")
    if stream:
        answered["description"] = "The answer: whole, or a stream where `stream` is true."
        content = answered["content"]
        assert isinstance(content, dict)
        # Of each event, as those who check streams take it; of the whole there is nothing to say.
        event: Schema = {"event": TEXT, "data": TEXT}
        content["text/event-stream"] = {"schema": {"description": stream, "properties": event}}
    given = ["class", "priority", "idempotency", "keeping"]
    if error == "AnthropicError":
        given += ["version", "beta"]
    post = _operation(name, summary)
    post |= {
        "parameters": _named(*given),
        "requestBody": _body(f"{kind}Request"),
        "responses": {"200": answered, **_failures(error, *_STATUSES)},
    }
    return {"post": post}


def _looking() -> Schema:
    figures: Schema = {
        "description": "Figures of the gateway, for Prometheus.",
        "content": {"text/plain": {"schema": TEXT}},
    }
    return {
        "/v1/models": _got(
            "listModels", "All that `model` may say.", _json("The list.", "Models"), "version"
        ),
        "/v1/models/{name}": _got(
            "getModel", "One of them.", _json("The model.", "Model"), "version", "name"
        ),
        "/v1/calls/{id}": _got(
            "getCall",
            "What the ledger knows of a call: to who asked, and to those who may read all.",
            _json("The call.", "Call"),
            "id",
        ),
        "/metrics": _got("metrics", "Figures of the gateway, for Prometheus.", figures),
    }


def _open() -> Schema:
    away = _json("Why not.", "Status")
    return {
        "/": _free("base", "That this is AI Handler.", _json("Its name.", "Base")),
        "/api/hello": _free("hello", "What Claude Code opens its connection with.", _status()),
        "/healthz": _free("health", "That the process answers.", _status()),
        "/readyz": _free("readiness", "Whether requests should come here.", _status(), away=away),
        "/openapi.json": _free("description", "This description.", _json("OpenAPI.", "Described")),
    }


def _status() -> Schema:
    return _json("Yes.", "Status")


def _operation(name: str, summary: str) -> Schema:
    return {"operationId": name, "summary": summary}


def _got(name: str, summary: str, answer: Schema, *parameters: str) -> Schema:
    responses = {"200": answer, **_failures("Error", *_FOR_ALL)}
    operation = {**_operation(name, summary), "responses": responses}
    return {"get": {**operation, "parameters": _named(*parameters)} if parameters else operation}


def _free(name: str, summary: str, answer: Schema, *, away: Schema | None = None) -> Schema:
    responses: Schema = {"200": answer, "503": away} if away else {"200": answer}
    return {"get": {**_operation(name, summary), "security": [], "responses": responses}}


def _body(name: str) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": ref(name)}}}


def _json(about: str, name: str) -> Schema:
    return {"description": about, "content": {"application/json": {"schema": ref(name)}}}


def _failures(name: str, *statuses: str) -> Schema:
    """Errors in a route's own format, or in that of errors before a route."""
    schema: Schema = ref("Error") if name == "Error" else {"anyOf": [ref(name), ref("Error")]}
    found: Schema = {}
    for status in statuses:
        answer: Schema = {"description": _STATUSES[status], "headers": _header_refs("error")}
        found[status] = answer | {"content": {"application/json": {"schema": schema}}}
    for status in ("409", "429", "5XX"):
        if isinstance(late := found.get(status), dict):
            late["headers"] = _header_refs("error", "later")
    return found


_HEADERS: dict[str, tuple[str, Schema, str]] = {
    "call": ("x-aihandler-call", NAMED, "The id of the call: see GET /v1/calls/{id}."),
    "deployment": ("x-aihandler-deployment", NAMED, "Who answers."),
    "reason": ("x-aihandler-reason", NAMED, "Why this deployment: first, retry, fallback ..."),
    "validity": ("x-aihandler-validity", NAMED, "How the answer became valid."),
    "cost": (
        "x-aihandler-cost-usd",
        {"type": "string", "pattern": r"^\d+\.\d{9}$"},
        "What it cost, in dollars, where its price is known.",
    ),
    "cache": (
        "x-aihandler-cache",
        {"enum": ["hit", "miss", "off"]},
        "Of a task that keeps its answers: whether this is one of them.",
    ),
    "error": ("x-aihandler-error", NAMED, "The code of the error: see docs/errors.md."),
    "later": ("retry-after", {"type": "integer", "minimum": 1}, "Seconds to wait."),
}
_PARAMETERS: dict[str, tuple[str, str, Schema, str]] = {
    "class": (
        "x-aihandler-class",
        "header",
        {"enum": _CLASSES},
        "The class of the data; `x-data-class`, `data-class` and `class` mean the same.",
    ),
    "priority": (
        "x-aihandler-priority",
        "header",
        {"enum": ["batch", "interactive"]},
        "Who waits for whom.",
    ),
    "idempotency": (
        "idempotency-key",
        "header",
        {"type": "string", "minLength": 1, "maxLength": 255},
        "Asked once, answered each time alike.",
    ),
    "keeping": (
        "cache-control",
        "header",
        TEXT,
        "Of kept answers: `no-cache` asks anew, `no-store` keeps nothing and takes nothing.",
    ),
    "version": ("anthropic-version", "header", TEXT, "The version of Anthropic's format."),
    "beta": ("anthropic-beta", "header", TEXT, "Goes on to servers of Anthropic's format."),
    "name": ("name", "path", NAMED, "A name of the list."),
    "id": ("id", "path", NAMED, "The id of a call, as `x-aihandler-call` says it."),
}


def _answer_headers() -> Schema:
    return {
        name: {"description": about, "schema": schema} for name, schema, about in _HEADERS.values()
    }


def _header_refs(*kinds: str) -> Schema:
    names = (_HEADERS[kind][0] for kind in kinds)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _parameters() -> Schema:
    return {
        kind: {
            "name": name,
            "in": place,
            "required": place == "path",
            "schema": schema,
            "description": about,
        }
        for kind, (name, place, schema, about) in _PARAMETERS.items()
    }


def _named(*kinds: str) -> Json:
    return [{"$ref": f"#/components/parameters/{kind}"} for kind in kinds]


def _security() -> Schema:
    return {
        "bearer": {"type": "http", "scheme": "bearer"},
        "xApiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
