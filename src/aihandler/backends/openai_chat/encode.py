"""From our request to a chat completion request."""

import re
from collections.abc import Mapping

import msgspec

from aihandler.backends.codec import HttpCall
from aihandler.backends.openai_chat.messages import messages_to_wire
from aihandler.backends.openai_chat.passage import Passage
from aihandler.backends.openai_chat.tools import choice_to_wire, tools_to_wire
from aihandler.backends.profiles import Profile, WishForm
from aihandler.backends.schema_modes import asked_schema
from aihandler.backends.wire_objects import over
from aihandler.domain.conversation import Request, Sampling, ThinkingWish
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Json, JsonOutput

_encode = msgspec.json.Encoder().encode
_HEADERS = {
    False: (("accept", "application/json"),),
    True: (("accept", "text/event-stream"),),
}
# A request that was read from this format says in its `extra` which of these it used.
_WISHES: tuple[WishForm, ...] = ("reasoning_effort", "reasoning", "thinking")


def encode(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> HttpCall:
    """What the format, or this server, has no place for is named in `lost`."""
    passage = Passage(request, profile)
    body: dict[str, Json] = {
        "model": deployment.model.name,
        "messages": messages_to_wire(request.messages, passage),
    }
    _add_sampling(request.sampling, body, passage)
    _add_schema(request, body, passage)
    if request.tools:
        body["tools"] = tools_to_wire(request.tools, request.tool_choice, passage)
    if request.tool_choice is not None:
        choice_to_wire(request.tool_choice, body, passage)
    if request.thinking is not None:
        _add_wish(request.thinking, request.extra, body, passage=passage)
    if request.logprobs is not None:
        _add_logprobs(request.logprobs, body, passage)
    if streamed:
        body["stream"] = True
        if profile.stream_usage_option:
            # Without this a streamed reply carries no token counts and the ledger must guess.
            body["stream_options"] = {"include_usage": True}
    if request.extra:
        if passage.same and request.extra.get("stop") == "" and len(request.sampling.stop) == 1:
            # One text in place of a list of one.
            body["stop"] = request.sampling.stop[0]
        body = over(_extra(request, streamed, passage), body)
    return HttpCall(
        "/chat/completions", _encode(body), "/v1", _HEADERS[streamed], lost=tuple(passage.lost)
    )


def _extra(request: Request, streamed: bool, passage: Passage) -> Mapping[str, Json]:
    extra = dict(passage.beside(request.extra, ""))
    asked_for = extra.get("n")
    if isinstance(asked_for, int) and asked_for > 1:
        passage.lose("/extra/n", "more than one answer: one is asked for")
        del extra["n"]
    for key in ("stop", *_WISHES):
        if extra.get(key) in ("", {}):
            # These only say how something was written.
            del extra[key]
    if isinstance(request.output, JsonOutput):
        extra.pop("response_format", None)
    if not streamed and extra.get("stream_options"):
        del extra["stream_options"]
    return extra


def _add_sampling(sampling: Sampling, body: dict[str, Json], passage: Passage) -> None:
    profile = passage.profile
    if sampling.temperature is not None:
        if profile.temperature:
            body["temperature"] = sampling.temperature
        else:
            passage.lose("/sampling/temperature", "the temperature: this model takes none")
    for name in ("top_p", "seed", "frequency_penalty", "presence_penalty"):
        value = getattr(sampling, name)
        if value is not None:
            body[name] = value
    if sampling.top_k is not None:
        if profile.top_k or passage.same:
            body["top_k"] = sampling.top_k
        else:
            passage.lose("/sampling/top_k", "top_k, which this server does not know")
    if sampling.stop:
        body["stop"] = sampling.stop
    if sampling.max_output_tokens is not None:
        body[profile.output_limit] = sampling.max_output_tokens


def _add_schema(request: Request, body: dict[str, Json], passage: Passage) -> None:
    profile = passage.profile
    sent = asked_schema(request, profile)
    if sent is None:
        return
    given = request.extra.get("response_format") if passage.same else None
    if isinstance(given, dict) and given.get("type") == "json_object":
        if profile.modes != ("prompt",):
            body["response_format"] = {"type": "json_object"}
        return
    match sent.mode:
        case "native":
            inner: dict[str, Json] = {"schema": sent.schema}
            if isinstance(given, dict):
                inner = {**given.get("json_schema", {}), **inner}
            else:
                inner["name"] = re.sub(r"[^A-Za-z0-9_-]", "_", request.task)[:64] or "answer"
                # Said only of a schema that was made to fit: any other is refused.
                if profile.strict and sent.enforced != "none":
                    inner["strict"] = True
            body["response_format"] = {"type": "json_schema", "json_schema": inner}
        case "grammar":
            _add_grammar(sent.schema, body, profile)
        case "json_object":
            body["response_format"] = {"type": "json_object"}


def _add_grammar(schema: Mapping[str, Json], body: dict[str, Json], profile: Profile) -> None:
    match profile.grammar_form:
        case "json_object_schema":
            body["response_format"] = {"type": "json_object", "schema": schema}
        case "json_value":
            body["response_format"] = {"type": "json", "value": schema}
        case "structured_outputs":
            body["structured_outputs"] = {"json": schema}
        case "guided_json":
            body["guided_json"] = schema
        case "json_schema_field":
            body["json_schema"] = schema


def _add_wish(
    wish: ThinkingWish,
    extra: Mapping[str, Json],
    body: dict[str, Json],
    *,
    passage: Passage,
) -> None:
    form = passage.profile.thinking_wish
    if passage.same:
        form = next((name for name in _WISHES if name in extra), form)
    match form:
        case "reasoning_effort":
            effort = wish.effort or ("" if wish.enabled else "none")
            if effort:
                body["reasoning_effort"] = effort
        case "reasoning":
            body["reasoning"] = _reasoning(wish, extra)
        case "thinking":
            body["thinking"] = {"type": "enabled" if wish.enabled else "disabled"}
        case "enable_thinking":
            body["chat_template_kwargs"] = {"enable_thinking": wish.enabled}
        case "":
            passage.lose("/thinking", "how much to think: this server is not known to listen")
            return
    if wish.max_tokens is not None and form != "reasoning":
        passage.lose("/thinking/max_tokens", "the bound on thinking tokens")
    if wish.effort and form in {"thinking", "enable_thinking"} and not passage.same:
        passage.lose("/thinking/effort", "how hard to think")


def _reasoning(wish: ThinkingWish, extra: Mapping[str, Json]) -> dict[str, Json]:
    built: dict[str, Json] = {}
    if wish.effort:
        built["effort"] = wish.effort
    if wish.max_tokens is not None:
        built["max_tokens"] = wish.max_tokens
    stated = isinstance(extra.get("reasoning"), dict) and "enabled" in extra["reasoning"]
    if not built or not wish.enabled or stated:
        built["enabled"] = wish.enabled
    return built


def _add_logprobs(count: int, body: dict[str, Json], passage: Passage) -> None:
    if not (passage.profile.logprobs or passage.same):
        passage.lose("/logprobs", "log probabilities, which this server does not give")
        return
    body["logprobs"] = True
    if count:
        body["top_logprobs"] = count
