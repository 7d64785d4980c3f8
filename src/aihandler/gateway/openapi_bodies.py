"""What goes in and comes out of the gateway's routes, as schemas. Bodies name what is looked at
here: what else a format knows goes along, so more is allowed than is named.
"""

from aihandler.domain.task import Json

Schema = dict[str, Json]

ANY: Schema = {"type": "object"}
TEXT: Schema = {"type": "string"}
NAMED: Schema = {"type": "string", "minLength": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FROM_ONE: Schema = {"type": "integer", "minimum": 1}
_BOUND: Schema = {"type": ["integer", "null"], "minimum": 1}
# Local servers take -1 for none.
_BOUND_OR_NONE: Schema = {"anyOf": [_BOUND, {"const": -1}]}
_TOKEN: Schema = {"type": "integer"}
_FLAG: Schema = {"type": ["boolean", "null"], "default": False}
# A text, or parts of the format's own kinds, which go along as they are.
_CONTENT: Schema = {"type": ["string", "array"], "items": ANY}
_CONTENT_OR_NONE: Schema = {**_CONTENT, "type": ["string", "array", "null"]}
_MODEL: Schema = {
    **NAMED,
    "description": "A task, a deployment or an alias of the configuration: see GET /v1/models.",
}


def _one_of(*words: Json) -> Schema:
    return {"type": "string", "enum": list(words)}


# A reference is refused: nothing is kept between two requests.
_NOT_CARRIED: list[Json] = ["message", "item_reference"]
_ROLE = _one_of("system", "developer", "user", "assistant")


def ref(name: str) -> Schema:
    """A schema of the document, by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas() -> Schema:
    """All of them, by name."""
    return {**_requests(), **_turns(), **_answers(), **_errors(), **_pages()}


def _requests() -> Schema:
    streamed: Schema = {"model": _MODEL, "stream": _FLAG}
    return {
        "ChatRequest": object_of(
            streamed
            | {"messages": _some(ref("ChatMessage"))}
            | dict.fromkeys(("max_tokens", "max_completion_tokens", "n_predict"), _BOUND_OR_NONE)
            | {"n": _BOUND},
            ["model", "messages"],
        ),
        "CompletionRequest": object_of(
            streamed
            | {"prompt": _either(TEXT, {**_some(TEXT), "maxItems": 1})}
            | {key: {**_BOUND, "minimum": -1} for key in ("max_tokens", "n_predict")}
            | dict.fromkeys(("n", "best_of"), _BOUND),
            ["model", "prompt"],
        ),
        "ResponseRequest": object_of(
            streamed
            | {"input": _either(TEXT, _some(ref("ResponseItem"))), "max_output_tokens": _BOUND},
            ["model", "input"],
        ),
        "MessageRequest": object_of(
            streamed
            | {"messages": _some(ref("Turn")), "max_tokens": _FROM_ONE, "system": _CONTENT_OR_NONE},
            ["model", "messages", "max_tokens"],
        ),
        "CountRequest": object_of(
            {"model": _MODEL, "messages": _some(ref("Turn")), "system": _CONTENT_OR_NONE},
            ["model", "messages"],
        ),
        "EmbeddingRequest": object_of(
            {
                "model": _MODEL,
                "input": _either(NAMED, _texts(), _some(_TOKEN)),
                "dimensions": {"type": ["integer", "null"], "minimum": 1, "maximum": 65_536},
            },
            ["model", "input"],
        ),
    }


def _turns() -> Schema:
    """What a conversation is made of."""
    return {
        "ChatMessage": _either(
            object_of({"role": _ROLE, "content": _CONTENT_OR_NONE}, ["role"]),
            object_of(
                {"role": _one_of("tool"), "tool_call_id": NAMED, "content": _CONTENT_OR_NONE},
                ["role", "tool_call_id"],
            ),
        ),
        "ResponseItem": _either(
            object_of(
                {"type": _one_of("message"), "role": _ROLE, "content": _CONTENT},
                ["role", "content"],
            ),
            object_of(
                {
                    "type": _one_of("function_call"),
                    "call_id": TEXT,
                    "name": TEXT,
                    "arguments": TEXT,
                },
                ["type", "call_id", "name", "arguments"],
            ),
            object_of(
                {"type": _one_of("function_call_output"), "call_id": TEXT, "output": _CONTENT},
                ["type", "call_id", "output"],
            ),
            # Of other kinds, or other forms, they go along as they are.
            object_of({"type": {**NAMED, "not": {"enum": _NOT_CARRIED}}}, ["type"]),
        ),
        "Turn": object_of(
            {"role": _one_of("user", "assistant", "system"), "content": _CONTENT},
            ["role", "content"],
        ),
    }


def _answers() -> Schema:
    of_chat: Schema = {"prompt_tokens": _COUNT, "completion_tokens": _COUNT}
    return {
        "ChatCompletion": object_of(
            {"id": NAMED, "object": _one_of("chat.completion"), "choices": _some(ref("Choice"))},
            ["id", "object", "choices"],
        ),
        "Choice": object_of(
            {
                "index": _COUNT,
                "message": object_of({"role": _one_of("assistant")}, ["role"]),
                "finish_reason": {"type": ["string", "null"]},
            },
            ["index", "message", "finish_reason"],
        ),
        "Completion": object_of(
            {
                "id": NAMED,
                "object": _one_of("text_completion"),
                "choices": _some(object_of({"text": TEXT}, ["text"])),
                "usage": object_of(of_chat, [*of_chat]),
            },
            ["id", "object", "choices"],
        ),
        "Response": object_of(
            {"id": NAMED, "object": _one_of("response"), "status": TEXT, "output": _list(ANY)},
            ["id", "object", "status", "output"],
        ),
        "Message": object_of(
            {
                "id": NAMED,
                "type": _one_of("message"),
                "role": _one_of("assistant"),
                "content": _list(object_of({"type": NAMED}, ["type"])),
                "stop_reason": {"type": ["string", "null"]},
                "usage": object_of(
                    {"input_tokens": _COUNT, "output_tokens": _COUNT},
                    ["input_tokens", "output_tokens"],
                ),
            },
            ["id", "type", "role", "content", "stop_reason", "usage"],
        ),
        "TokenCount": object_of({"input_tokens": _COUNT}, ["input_tokens"]),
        "Embeddings": object_of(
            {"object": _one_of("list"), "data": _some(ref("Embedding"))}, ["object", "data"]
        ),
        "Embedding": object_of(
            {
                "object": _one_of("embedding"),
                "index": _COUNT,
                "embedding": _either(_list({"type": "number"}), TEXT),
            },
            ["index", "embedding"],
        ),
    }


def _errors() -> Schema:
    """Each format has its own; those before a route are read by clients of either."""
    told: Schema = {"message": TEXT, "type": TEXT}
    openai = {**told, "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}}
    outer: Schema = {"type": _one_of("error")}
    return {
        "Error": object_of(
            outer | {"error": object_of(told | {"hint": TEXT}, ["message", "type"])},
            ["type", "error"],
        ),
        "OpenAIError": object_of({"error": object_of(openai, ["message"])}, ["error"]),
        "AnthropicError": object_of(
            outer | {"error": object_of(told, ["message", "type"])}, ["type", "error"]
        ),
    }


def _pages() -> Schema:
    openai: Schema = {"id": NAMED, "object": _one_of("model"), "owned_by": TEXT}
    anthropic: Schema = {"id": NAMED, "type": _one_of("model"), "display_name": NAMED}
    return {
        "OpenAIModel": object_of(openai, ["id", "object", "owned_by"]),
        "AnthropicModel": object_of(anthropic, ["id", "type", "display_name"]),
        "Model": _either(ref("OpenAIModel"), ref("AnthropicModel")),
        "Models": object_of({"data": _list(ref("Model"))}, ["data"]),
        "Call": object_of({"call_id": NAMED}, []),
        "Status": object_of({"status": NAMED}, ["status"]),
        "Base": object_of({"name": NAMED, "description": NAMED}, ["name", "description"]),
        "Described": object_of({"openapi": NAMED, "paths": ANY}, ["openapi", "paths"]),
    }


def object_of(properties: Schema, required: list[Json]) -> Schema:
    """An object with at least these."""
    return {"type": "object", "properties": properties, "required": required}


def _either(*choices: Json) -> Schema:
    return {"anyOf": list(choices)}


def _texts() -> Schema:
    return _some(_either(NAMED, _some(_TOKEN))) | {"maxItems": 2048}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _some(items: Schema) -> Schema:
    return {**_list(items), "minItems": 1}
