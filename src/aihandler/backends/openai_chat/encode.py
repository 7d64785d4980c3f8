"""From our request to a chat completion request."""

import re
from collections.abc import Mapping

import msgspec

from aihandler.backends.codec import HttpCall
from aihandler.backends.profiles import Profile
from aihandler.domain.conversation import Message, Request, Text
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Json, JsonOutput

_encode = msgspec.json.Encoder().encode
_HEADERS = {
    False: (("accept", "application/json"),),
    True: (("accept", "text/event-stream"),),
}


class _WireMessage(msgspec.Struct):
    role: str
    content: str


class _Body(msgspec.Struct, omit_defaults=True):
    model: str
    messages: list[_WireMessage]
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool = False
    stream_options: Mapping[str, bool] | None = None
    response_format: Mapping[str, Json] | None = None


def encode(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> HttpCall:
    """Thinking parts of earlier turns are left out: this format has no place for them."""
    sampling = request.sampling
    body = _Body(
        model=deployment.model.name,
        messages=[_WireMessage(m.role, m.text) for m in _messages(request, profile)],
        temperature=sampling.temperature if profile.temperature else None,
        top_p=sampling.top_p,
        seed=sampling.seed,
        stop=sampling.stop,
        stream=streamed,
        response_format=_response_format(request, profile),
    )
    if profile.output_limit == "max_tokens":
        body.max_tokens = sampling.max_output_tokens
    else:
        body.max_completion_tokens = sampling.max_output_tokens
    if streamed and profile.stream_usage_option:
        # Without this a streamed reply carries no token counts and the ledger must guess.
        body.stream_options = {"include_usage": True}
    return HttpCall("/chat/completions", _encode(body), "/v1", _HEADERS[streamed])


def _messages(request: Request, profile: Profile) -> tuple[Message, ...]:
    messages = request.messages
    if not isinstance(request.output, JsonOutput) or not messages:
        return messages
    if (
        profile.schema_mode in {"json_schema", "json_object_schema"}
        and not profile.schema_in_prompt
    ):
        return messages
    schema = _encode(request.output.schema).decode()
    asked = (
        "\n\nAnswer with one JSON value that this JSON Schema admits, and with nothing else:\n"
        f"{schema}"
    )
    # At the end, not as a system message of its own: some chat templates know no system role.
    last = messages[-1]
    return (*messages[:-1], Message(last.role, (*last.parts, Text(asked))))


def _response_format(request: Request, profile: Profile) -> Mapping[str, Json] | None:
    if not isinstance(request.output, JsonOutput):
        return None
    schema = request.output.schema
    match profile.schema_mode:
        case "json_schema":
            name = re.sub(r"[^A-Za-z0-9_-]", "_", request.task)[:64] or "answer"
            return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
        case "json_object_schema":
            return {"type": "json_object", "schema": schema}
        case "json_object":
            return {"type": "json_object"}
        case "none":
            return None
