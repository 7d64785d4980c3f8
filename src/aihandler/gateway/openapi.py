"""The description of the gateway's routes, as OpenAPI 3.1. Written by hand, held true by tests."""

from aihandler.domain.task import Json

_Object = dict[str, Json]

_ANY: _Object = {"type": "object"}
_TEXT: _Object = {"type": "string"}
_NAMED: _Object = {"type": "string", "minLength": 1}
_WHOLE: _Object = {"type": "integer", "minimum": 1}


def document() -> _Object:
    """The whole description. It says nothing of a configuration, so anybody may read it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Handler",
            "version": "1",
            "summary": "Open and closed models behind the addresses of OpenAI and Anthropic.",
        },
        "security": [{"bearer": []}, {"xApiKey": []}],
        "paths": {**_conversations(), **_looking(), **_open()},
        "components": {"schemas": _schemas(), "securitySchemes": _security()},
    }


def _conversations() -> _Object:
    chat = _body("openai_chat", ["model", "messages"], messages=_list(_ANY))
    return {
        "/v1/chat/completions": _asked("Chat completions, as OpenAI's.", chat),
        "/v1/completions": _asked(
            "Completions of one prompt, as OpenAI's.",
            _body("openai_completions", ["model", "prompt"], prompt={}),
        ),
        "/v1/responses": _asked(
            "Responses, as OpenAI's, without state.",
            _body("openai_responses", ["model", "input"], input={}),
        ),
        "/v1/messages": _asked(
            "Messages, as Anthropic's.",
            _body(
                "anthropic",
                ["model", "messages", "max_tokens"],
                messages=_list(_ANY),
                max_tokens=_WHOLE,
            ),
        ),
        "/v1/embeddings": _asked(
            "Vectors, as OpenAI's.",
            _body("openai_embeddings", ["model", "input"], stream=False, input={}),
            stream=False,
        ),
        "/v1/messages/count_tokens": {
            "post": {
                "operationId": "countTokens",
                "summary": "An estimate of a request's tokens; no model is asked.",
                "requestBody": _body(
                    "anthropic_count", ["model", "messages"], stream=False, messages=_list(_ANY)
                ),
                "responses": _answers(
                    {
                        "type": "object",
                        "required": ["input_tokens"],
                        "properties": {"input_tokens": {"type": "integer", "minimum": 0}},
                    }
                ),
            }
        },
    }


def _looking() -> _Object:
    return {
        "/v1/models": _got("listModels", "All that `model` may say.", _ref("Models")),
        "/v1/models/{name}": _got("getModel", "One of them.", _ref("Model"), "name"),
        "/v1/calls/{id}": _got("getCall", "What the ledger knows of a call.", _ANY, "id"),
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Figures of the gateway, for Prometheus.",
                "responses": {
                    "200": {
                        "description": "Figures.",
                        "content": {"text/plain": {"schema": _TEXT}},
                    },
                    **_errors(),
                },
            }
        },
    }


def _open() -> _Object:
    return {
        "/": _free("base", "That this is AI Handler."),
        "/healthz": _free("health", "That the process answers."),
        "/readyz": _free("readiness", "Whether requests should come here.", "503"),
        "/openapi.json": _free("description", "This description."),
    }


def _asked(summary: str, body: _Object, *, stream: bool = True) -> _Object:
    content: _Object = {"application/json": {"schema": _ANY}}
    if stream:
        content["text/event-stream"] = {"schema": _TEXT}
    told = ("call", "deployment", "reason", "cache")
    names = tuple(f"x-aihandler-{name}" for name in told)
    headers: _Object = {name: {"schema": _TEXT} for name in names}
    answered: _Object = {"description": "The answer.", "headers": headers, "content": content}
    return {
        "post": {
            "summary": summary,
            "parameters": _headers(),
            "requestBody": body,
            "responses": {"200": answered, **_errors()},
        }
    }


def _headers() -> list[Json]:
    classes = ["public", "internal", "confidential", "restricted"]
    return [
        _header("x-aihandler-class", {"enum": classes}, "The class of the data."),
        _header("x-aihandler-priority", {"enum": ["batch", "interactive"]}, "Who waits for whom."),
        _header("idempotency-key", _NAMED, "Asked once, answered each time alike."),
        _header("cache-control", _TEXT, "Of kept answers: `no-cache` asks anew, `no-store` off."),
    ]


def _header(name: str, schema: _Object, about: str) -> _Object:
    return {"name": name, "in": "header", "schema": schema, "description": about}


def _body(title: str, required: list[Json], *, stream: bool = True, **fields: Json) -> _Object:
    # What else the format knows goes along, so more is allowed than is named here.
    properties: _Object = {"model": _NAMED, **fields}
    if stream:
        properties["stream"] = {"type": "boolean"}
    schema: _Object = {
        "title": title,
        "type": "object",
        "required": required,
        "properties": properties,
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _got(name: str, summary: str, schema: _Object, parameter: str = "") -> _Object:
    where: Json = [{"name": parameter, "in": "path", "required": True, "schema": _NAMED}]
    told: _Object = {"operationId": name, "summary": summary, "responses": _answers(schema)}
    return {"get": {**told, "parameters": where} if parameter else told}


def _free(name: str, summary: str, *statuses: str) -> _Object:
    answer: _Object = {"description": summary, "content": {"application/json": {"schema": _ANY}}}
    responses: _Object = dict.fromkeys(("200", *statuses), answer)
    return {
        "get": {"operationId": name, "summary": summary, "security": [], "responses": responses}
    }


def _answers(schema: _Object) -> _Object:
    content: _Object = {"application/json": {"schema": schema}}
    return {"200": {"description": "What was asked for.", "content": content}, **_errors()}


def _errors() -> _Object:
    content: _Object = {"application/json": {"schema": _ref("Error")}}
    mine: _Object = {"description": "What is wrong with the request.", "content": content}
    ours: _Object = {"description": "What went wrong behind it.", "content": content}
    return {"4XX": mine, "5XX": ours}


def _schemas() -> _Object:
    told: _Object = {"message": _TEXT, "type": _TEXT, "hint": _TEXT}
    error: _Object = {"type": "object", "required": ["message"], "properties": told}
    return {
        "Error": {"type": "object", "required": ["error"], "properties": {"error": error}},
        "Model": {"type": "object", "required": ["id"], "properties": {"id": _NAMED}},
        "Models": {
            "type": "object",
            "required": ["data"],
            "properties": {"data": _list(_ref("Model"))},
        },
    }


def _security() -> _Object:
    return {
        "bearer": {"type": "http", "scheme": "bearer"},
        "xApiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }


def _list(items: _Object) -> _Object:
    return {"type": "array", "items": items}


def _ref(name: str) -> _Object:
    return {"$ref": f"#/components/schemas/{name}"}
