"""How to answer: `options`, `think`, `format` and log probabilities, in both directions."""

from aihandler.backends.ollama.fields import JSON_WORD, STOP_TEXT
from aihandler.backends.profiles import Profile
from aihandler.backends.schema_modes import asked_schema
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Request, Sampling, ThinkingWish
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Json, JsonOutput, Output, TextOutput

_NUMBERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_WHOLE = {"top_k": "top_k", "seed": "seed"}
# Words of other providers for the three levels that there are.
_LEVELS = {"minimal": "low", "xhigh": "high", "max": "high"}


def read_sampling(rest: dict[str, Json]) -> Sampling:
    """Takes what is of a known form out of `options`; the rest of them stays."""
    options = rest.get("options")
    if not isinstance(options, dict) or not options:
        return Sampling()
    inner = dict(options)
    found: dict[str, Json] = {}
    for name in _NUMBERS:
        if isinstance(inner.get(name), float) or _is_whole(inner.get(name)):
            found[name] = inner.pop(name)
    for name in _WHOLE:
        if _is_whole(inner.get(name)):
            found[name] = inner.pop(name)
    # Less than one means without a bound, or until the context is full.
    if _is_whole(inner.get("num_predict")) and inner["num_predict"] > 0:
        found["max_output_tokens"] = inner.pop("num_predict")
    stop = inner.get("stop")
    if isinstance(stop, str) and stop:
        found["stop"] = (inner.pop("stop"),)
        rest[STOP_TEXT] = True
    elif isinstance(stop, list) and stop and all(isinstance(text, str) for text in stop):
        found["stop"] = tuple(inner.pop("stop"))
    del rest["options"]
    if inner:
        rest["options"] = inner
    return Sampling(**found)


def read_thinking(rest: dict[str, Json]) -> ThinkingWish | None:
    """`think` is yes, no, or how much."""
    think = rest.get("think")
    if isinstance(think, bool):
        del rest["think"]
        return ThinkingWish(think)
    if isinstance(think, str) and think:
        del rest["think"]
        return ThinkingWish(effort=think)
    return None


def read_output(rest: dict[str, Json]) -> Output:
    """`format` is a schema, or the word `json`."""
    form = rest.get("format")
    if isinstance(form, dict) and form:
        return JsonOutput(rest.pop("format"))
    if form == "json":
        del rest["format"]
        rest[JSON_WORD] = True
        return JsonOutput({"type": "object"})
    return TextOutput()


def read_logprobs(rest: dict[str, Json]) -> int | None:
    """How many of the likeliest tokens are asked for."""
    if rest.get("logprobs") is not True:
        return None
    del rest["logprobs"]
    return int(rest.pop("top_logprobs")) if _is_whole(rest.get("top_logprobs")) else 0


def write_settings(
    body: dict[str, Json],
    request: Request,
    deployment: Deployment,
    *,
    profile: Profile,
    losses: Losses,
) -> None:
    """Everything but messages and tools."""
    options = _options(request, losses)
    if deployment.limits.context_tokens is not None:
        # Otherwise the server takes a small window of its own and cuts the prompt to it.
        options["num_ctx"] = deployment.limits.context_tokens
    if options:
        body["options"] = options
    if not losses.own:
        # What does not fit is an error then, and not a shorter prompt without a word.
        body["truncate"] = body["shift"] = False
    _write_format(body, request, profile, own=losses.own)
    if request.thinking is not None:
        _write_thinking(body, request.thinking, profile, losses)
    if request.logprobs is not None:
        _write_logprobs(body, request.logprobs, profile, losses)


def _options(request: Request, losses: Losses) -> dict[str, Json]:
    sampling = request.sampling
    options: dict[str, Json] = {}
    for name in (*_NUMBERS, *_WHOLE):
        value = getattr(sampling, name)
        if value is not None:
            options[name] = value
    if sampling.max_output_tokens is not None:
        options["num_predict"] = sampling.max_output_tokens
    if sampling.stop:
        one = losses.own and STOP_TEXT in request.extra and len(sampling.stop) == 1
        options["stop"] = sampling.stop[0] if one else list(sampling.stop)
    return options


def _write_format(body: dict[str, Json], request: Request, profile: Profile, *, own: bool) -> None:
    sent = asked_schema(request, profile)
    if sent is None:
        return
    if own and JSON_WORD in request.extra:
        body["format"] = "json"
    elif own or sent.mode == "native":
        body["format"] = sent.schema
    elif sent.mode == "json_object":
        body["format"] = "json"


def _write_thinking(
    body: dict[str, Json], wish: ThinkingWish, profile: Profile, losses: Losses
) -> None:
    if wish.max_tokens is not None:
        losses.add("/thinking/max_tokens", "the bound on thinking tokens")
    if losses.own:
        body["think"] = wish.effort or wish.enabled
    elif not wish.enabled or wish.effort == "none":
        body["think"] = False
    elif wish.effort and profile.thinking_wish != "thinking":
        body["think"] = _LEVELS.get(wish.effort, wish.effort)
    else:
        body["think"] = True
        if wish.effort:
            losses.add("/thinking/effort", "how hard to think")


def _write_logprobs(body: dict[str, Json], count: int, profile: Profile, losses: Losses) -> None:
    if not (losses.own or profile.logprobs):
        losses.add("/logprobs", "log probabilities, which this server does not give")
        return
    body["logprobs"] = True
    if count:
        body["top_logprobs"] = count


def _is_whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
