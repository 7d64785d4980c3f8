"""From our request to a request for the continuation of one text, in the words of three servers."""

import re
from collections.abc import Mapping

import msgspec

from aihandler.backends.codec import HttpCall
from aihandler.backends.completions.fields import PROMPT, own_prompt
from aihandler.backends.completions.prompts import Prompts, Rendered
from aihandler.backends.profiles import Profile
from aihandler.backends.schema_modes import asked_schema
from aihandler.backends.wire_objects import Losses, over
from aihandler.domain.conversation import Request, Sampling
from aihandler.domain.deployment import Deployment
from aihandler.domain.schemas import SentSchema
from aihandler.domain.task import Json

_encode = msgspec.json.Encoder().encode
_HEADERS = {
    False: (("accept", "application/json"),),
    True: (("accept", "text/event-stream"),),
}
_ANY_JSON: Mapping[str, Json] = {}


def encode(
    request: Request,
    deployment: Deployment,
    profile: Profile,
    *,
    streamed: bool,
    prompts: Prompts,
) -> HttpCall:
    """The prompt is the model's own; what it or the server has no place for is named in `lost`.

    Raises BackendRejected when no prompt can be made.
    """
    own = own_prompt(request) is not None
    losses = Losses(own=own)
    rendered = prompts.render(request, deployment, losses)
    asking = _Asking(request, deployment, profile, rendered, losses, streamed)
    match profile.completion_form:
        case "openai":
            path, prefix, body = "/completions", "/v1", _openai(asking)
        case "llama-server":
            path, prefix, body = "/completion", "", _llama_server(asking)
        case "tgi":
            path = "/generate_stream" if streamed else "/generate"
            prefix, body = "", _tgi(asking)
    if own and profile.completion_form == "openai":
        body = _as_written(request, body, losses)
    else:
        losses.add_fields("", request.extra)
    headers = _HEADERS[streamed]
    return HttpCall(path, _encode(body), prefix, headers, lost=tuple(losses.found))


class _Asking(msgspec.Struct, frozen=True):
    request: Request
    deployment: Deployment
    profile: Profile
    rendered: Rendered
    losses: Losses
    streamed: bool

    @property
    def own(self) -> bool:
        """A client's own prompt: it goes as it came, and no field is added to it."""
        return self.losses.own

    @property
    def prompt(self) -> str:
        """The text, without the first token where the server puts it."""
        rendered = self.rendered
        if self.profile.bos == "added" and rendered.adds_bos is not False:
            return rendered.text.removeprefix(rendered.bos)
        return rendered.text

    @property
    def bound(self) -> int:
        """Most servers stop after 16 tokens when they are told no bound."""
        asked = self.request.sampling.max_output_tokens
        if asked is not None:
            return asked
        context = self.deployment.limits.context_tokens
        usual = self.profile.output_tokens
        return usual if context is None else max(1, min(usual, context // 2))

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end the turn; what is not sent is cut off when the answer is read."""
        stops = tuple(dict.fromkeys((*self.rendered.reading.stop, *self.request.sampling.stop)))
        return stops[: self.profile.stops_at_most] if self.profile.stops_at_most else stops

    @property
    def schema(self) -> SentSchema | None:
        """The schema that the server is to hold the model to, if it can be from the first word."""
        sent = asked_schema(self.request, self.profile, streamed=self.streamed)
        if sent is None or self.own:
            return sent
        if not self.rendered.held:
            why = "no grammar holds an answer that begins with reasoning or a frame of its own"
            self.losses.add("/sent", why)
            return None
        return sent


def _openai(asking: _Asking) -> dict[str, Json]:
    request, profile = asking.request, asking.profile
    body: dict[str, Json] = {"model": asking.deployment.model.name, "prompt": asking.prompt}
    _add_sampling(request.sampling, body, asking)
    if asking.stops:
        body["stop"] = asking.stops
    bound = request.sampling.max_output_tokens
    if bound is not None or not asking.own:
        body["max_tokens"] = asking.bound
    if (count := _logprobs(asking)) is not None:
        body["logprobs"] = count
    if not asking.own:
        _add_control_tokens(body, asking)
    _add_schema(asking.schema, body, request=request, profile=profile)
    if asking.streamed:
        body["stream"] = True
        if profile.stream_usage_option:
            body["stream_options"] = {"include_usage": True}
    return body


def _add_control_tokens(body: dict[str, Json], asking: _Asking) -> None:
    if asking.profile.bos == "told":
        # The template has printed it.
        body["add_special_tokens"] = False
    match asking.profile.control_tokens:
        case "skip_special_tokens":
            # The marks of calls and reasoning are control tokens of many models.
            body["skip_special_tokens"] = False
            body["spaces_between_special_tokens"] = False
        case "preserved_tokens":
            body["preserved_tokens"] = asking.rendered.marks
        case "hidden" if asking.rendered.reading.tools:
            what = "marks of calls that are control tokens: this server may leave them out"
            asking.losses.add("/tools", what)


def _llama_server(asking: _Asking) -> dict[str, Json]:
    body: dict[str, Json] = {"prompt": asking.prompt, "n_predict": asking.bound}
    _add_sampling(asking.request.sampling, body, asking)
    if asking.stops:
        body["stop"] = asking.stops
    if (count := _logprobs(asking)) is not None:
        body["n_probs"] = max(1, count)
    _add_control_tokens(body, asking)
    sent = asking.schema
    if sent is not None:
        body["json_schema"] = _ANY_JSON if sent.mode == "json_object" else sent.schema
    if asking.streamed:
        body["stream"] = True
    return body


def _tgi(asking: _Asking) -> dict[str, Json]:
    sampling = asking.request.sampling
    settings: dict[str, Json] = {
        "max_new_tokens": asking.bound,
        "return_full_text": False,
        "details": True,
    }
    _add_sampling(sampling, settings, asking)
    if not settings.get("temperature", 1):
        # It refuses a temperature of 0: without one it takes the likeliest token.
        del settings["temperature"]
        settings["do_sample"] = False
    if settings.get("top_p") == 1:
        del settings["top_p"]
    settings.pop("presence_penalty", None)
    if sampling.presence_penalty:
        asking.losses.add("/sampling/presence_penalty", "this server has no such setting")
    if asking.stops:
        settings["stop"] = asking.stops
    if (count := _logprobs(asking)) is not None and count:
        settings["top_n_tokens"] = count
    sent = asking.schema
    if sent is not None:
        settings["grammar"] = {"type": "json", "value": sent.schema}
    return {"inputs": asking.prompt, "parameters": settings}


def _add_sampling(sampling: Sampling, body: dict[str, Json], asking: _Asking) -> None:
    for name in ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty"):
        value = getattr(sampling, name)
        if value is not None:
            body[name] = value
    if sampling.top_k is not None:
        if asking.profile.top_k or asking.own:
            body["top_k"] = sampling.top_k
        else:
            asking.losses.add("/sampling/top_k", "top_k, which this server does not know")


def _logprobs(asking: _Asking) -> int | None:
    count = asking.request.logprobs
    if count is None or asking.profile.logprobs or asking.own:
        return count
    asking.losses.add("/logprobs", "log probabilities, which this server does not give")
    return None


def _add_schema(
    sent: SentSchema | None, body: dict[str, Json], *, request: Request, profile: Profile
) -> None:
    match sent.mode if sent is not None else "":
        case "native":
            assert sent is not None
            name = re.sub(r"[^A-Za-z0-9_-]", "_", request.task)[:64] or "answer"
            given = {"name": name, "schema": sent.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": given}
        case "json_object":
            body["response_format"] = {"type": "json_object"}
        case "grammar":
            assert sent is not None
            _add_grammar(sent.schema, body, profile)


def _add_grammar(schema: Mapping[str, Json], body: dict[str, Json], profile: Profile) -> None:
    match profile.grammar_form:
        case "structured_outputs":
            body["structured_outputs"] = {"json": schema}
        case "guided_json":
            body["guided_json"] = schema
        case "json_schema_field":
            body["json_schema"] = schema


def _as_written(request: Request, body: dict[str, Json], losses: Losses) -> dict[str, Json]:
    """With a client's own fields, but for what asks for more answers than one is read of."""
    kept = dict(request.extra)
    asked_for = kept.get("n")
    if isinstance(asked_for, int) and asked_for > 1:
        losses.add("/extra/n", "more than one answer: one is asked for")
        del kept["n"]
    # Forms of one value: a text, or a list of one.
    if request.messages[0].extra[PROMPT] == "list":
        body["prompt"] = [body["prompt"]]
    if kept.get("stop") == "" and len(request.sampling.stop) == 1:
        body["stop"] = request.sampling.stop[0]
    if kept.get("stream_options") and not body.get("stream"):
        del kept["stream_options"]
    return over(kept, body)
