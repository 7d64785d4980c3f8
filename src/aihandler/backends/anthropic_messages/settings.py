"""How to answer: bounds, sampling, thinking and the form of the output, in both directions."""

from collections.abc import Mapping

from aihandler.backends.profiles import Profile
from aihandler.backends.schema_modes import asked_schema
from aihandler.backends.wire_objects import Losses, take
from aihandler.domain.conversation import Request, Sampling, ThinkingWish
from aihandler.domain.task import Json, JsonOutput, Output, TextOutput

# The least that the API takes, and tokens for the words that other providers have for effort.
_LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16_384, "xhigh": 32_768}
_EFFORTS = {"minimal": "low", "none": "low"}


def read_sampling(rest: dict[str, Json]) -> Sampling:
    """Takes what is of a known form out of `rest`."""
    stop = rest.get("stop_sequences")
    if isinstance(stop, list) and stop and all(isinstance(text, str) for text in stop):
        stops = tuple(rest.pop("stop_sequences"))
    else:
        stops = ()
    return Sampling(
        temperature=_number(rest, "temperature"),
        top_p=_number(rest, "top_p"),
        stop=stops,
        max_output_tokens=_whole(rest, "max_tokens"),
        top_k=_whole(rest, "top_k"),
    )


def read_thinking(rest: dict[str, Json]) -> ThinkingWish | None:
    """A wish of a form that has no word here stays in `rest` as well."""
    enabled, max_tokens = True, None
    thinking = rest.get("thinking")
    if isinstance(thinking, dict) and thinking:
        inner = dict(thinking)
        if inner.get("type") == "disabled":
            del inner["type"]
            enabled = False
        elif inner.get("type") == "enabled" and _is_whole(inner.get("budget_tokens")):
            del inner["type"]
            max_tokens = inner.pop("budget_tokens")
        _put_back(rest, "thinking", inner)
    effort = ""
    config = rest.get("output_config")
    if isinstance(config, dict) and config:
        inner = dict(config)
        effort = take(inner, "effort", str, "")
        if config != inner:
            _put_back(rest, "output_config", inner)
    if not effort and not (isinstance(thinking, dict) and thinking):
        return None
    return ThinkingWish(enabled, max_tokens, effort)


def read_output(rest: dict[str, Json]) -> Output:
    """The schema that the answer has to meet; it is written back to where it stood."""
    older: Json = rest.get("output_format", {})
    if _is_schema(older):
        return JsonOutput(older["schema"])
    config = rest.get("output_config")
    form: Json = config.get("format") if isinstance(config, dict) else {}
    if isinstance(config, dict) and _is_schema(form):
        _put_back(rest, "output_config", {k: v for k, v in config.items() if k != "format"})
        return JsonOutput(form["schema"])
    return TextOutput()


def write_settings(
    body: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    """Everything but messages and tools; the bound of the answer is in every request."""
    body["max_tokens"] = request.sampling.max_output_tokens or profile.output_tokens
    if request.thinking is not None:
        _write_thinking(body, request.thinking, request=request, profile=profile, losses=losses)
    _write_sampling(body, request, profile, losses)
    sent = asked_schema(request, profile)
    stated = losses.own and "output_format" in request.extra
    if sent is not None and not stated and (losses.own or sent.mode == "native"):
        config = body.setdefault("output_config", {})
        config["format"] = {"type": "json_schema", "schema": sent.schema}
    if request.logprobs is not None:
        losses.add("/logprobs", "this format has no logprobs")


def _write_sampling(
    body: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    sampling = request.sampling
    wanted = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    for key, why in () if losses.own else _refused(sampling, body, profile):
        if wanted[key] is not None:
            losses.add(f"/sampling/{key}", why)
            wanted[key] = None
    body.update({key: value for key, value in wanted.items() if value is not None})
    stops = [stop for stop in sampling.stop if losses.own or stop.strip()]
    if stops:
        body["stop_sequences"] = stops
    if losses.own:
        return
    if len(stops) < len(sampling.stop):
        losses.add("/sampling/stop", "a stop text of white space is not taken")
    if body.get("temperature", 0) > 1:
        losses.add("/sampling/temperature", "more than 1 is not taken: 1 is sent")
        body["temperature"] = 1.0
    for key in ("seed", "frequency_penalty", "presence_penalty"):
        if getattr(sampling, key) is not None:
            losses.add(f"/sampling/{key}", "this format has no such setting")


def _refused(
    sampling: Sampling, body: Mapping[str, Json], profile: Profile
) -> list[tuple[str, str]]:
    refused: list[tuple[str, str]] = []
    if not profile.temperature:
        refused.append(("temperature", "the profile says that it is not taken"))
    elif sampling.temperature is not None:
        refused.append(("top_p", "not taken beside a temperature"))
    if body.get("thinking", {}).get("type") in {"enabled", "adaptive"}:
        refused += [(key, "not taken while the model thinks") for key in ("temperature", "top_k")]
    return refused


def _write_thinking(
    body: dict[str, Json],
    wish: ThinkingWish,
    *,
    request: Request,
    profile: Profile,
    losses: Losses,
) -> None:
    if losses.own:
        if not wish.enabled:
            body["thinking"] = {"type": "disabled"}
        elif wish.max_tokens is not None:
            body["thinking"] = {"type": "enabled", "budget_tokens": wish.max_tokens}
        if wish.effort:
            body["output_config"] = {"effort": wish.effort}
    elif not wish.enabled:
        body["thinking"] = {"type": "disabled"}
    elif profile.thinking == "adaptive":
        body["thinking"] = {"type": "adaptive"}
        if wish.effort:
            body["output_config"] = {"effort": _EFFORTS.get(wish.effort, wish.effort)}
    else:
        _write_budget(body, wish, request.sampling.max_output_tokens, losses)


def _write_budget(
    body: dict[str, Json], wish: ThinkingWish, bound: int | None, losses: Losses
) -> None:
    budget = max(_LEAST_BUDGET, wish.max_tokens or _BUDGETS.get(wish.effort, _BUDGETS["medium"]))
    if bound is None:
        # The bound counts thoughts and answer together.
        body["max_tokens"] += budget
    elif bound < 2 * _LEAST_BUDGET:
        losses.add("/thinking", f"the answer's bound of {bound} tokens leaves no room to think")
        return
    else:
        budget = min(budget, bound // 2)
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _put_back(rest: dict[str, Json], key: str, inner: dict[str, Json]) -> None:
    if inner:
        rest[key] = inner
    else:
        del rest[key]


def _is_schema(form: Json) -> bool:
    return (
        isinstance(form, dict)
        and set(form) == {"type", "schema"}
        and form["type"] == "json_schema"
        and isinstance(form["schema"], dict)
    )


def _is_whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(rest: dict[str, Json], key: str) -> int | None:
    return int(rest.pop(key)) if _is_whole(rest.get(key)) else None


def _number(rest: dict[str, Json], key: str) -> float | None:
    value = rest.get(key)
    if isinstance(value, float) or _is_whole(value):
        number: float = rest.pop(key)
        return number
    return None
