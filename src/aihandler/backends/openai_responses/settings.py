"""How to answer: bounds, sampling, thinking and the form of the output, in both directions."""

import re
from collections.abc import Mapping

from aihandler.backends.codec import NOTE
from aihandler.backends.openai_responses.fields import noted
from aihandler.backends.profiles import Profile
from aihandler.backends.schema_modes import asked_schema
from aihandler.backends.wire_objects import Losses, take, take_bound
from aihandler.domain.conversation import Request, Sampling, ThinkingWish
from aihandler.domain.schemas import SentSchema
from aihandler.domain.task import Json, JsonOutput, Output, TextOutput

SEALED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
# The fields of `text.format`, but for the schema; and of `include`, where all of it is known.
_FORMAT = f"{NOTE}format"
_INCLUDE = f"{NOTE}include"
# The least that the API takes as a bound.
_LEAST_OUTPUT = 16
_EFFORTS = {"max": "high"}
_NO_SUCH = ("seed", "top_k", "frequency_penalty", "presence_penalty")


def read_sampling(rest: dict[str, Json]) -> Sampling:
    """Takes what is of a known form out of `rest`."""
    return Sampling(
        temperature=_number(rest, "temperature"),
        top_p=_number(rest, "top_p"),
        max_output_tokens=take_bound(rest, "max_output_tokens"),
    )


def read_thinking(rest: dict[str, Json]) -> ThinkingWish | None:
    """What else is said of reasoning stays in `rest`."""
    reasoning = rest.get("reasoning")
    if not isinstance(reasoning, dict):
        return None
    inner = dict(reasoning)
    effort = take(inner, "effort", str, "")
    if not effort:
        return None
    if inner:
        rest["reasoning"] = inner
    else:
        del rest["reasoning"]
    return ThinkingWish(effort != "none", effort=effort)


def read_output(rest: dict[str, Json]) -> Output:
    """The schema that the answer has to meet; the words around it become a note."""
    text = rest.get("text")
    form = text.get("format") if isinstance(text, dict) else None
    if not isinstance(text, dict) or not isinstance(form, dict):
        return TextOutput()
    output: Output = TextOutput()
    match form:
        case {"type": "json_schema", "schema": dict(schema)}:
            output = JsonOutput(schema)
            form = {key: value for key, value in form.items() if key != "schema"}
        case {"type": "json_object"} if len(form) == 1:
            output = JsonOutput({"type": "object"})
        case {"type": "text"} if len(form) == 1:
            pass
        case _:
            return output
    beside = {key: value for key, value in text.items() if key != "format"}
    del rest["text"]
    if beside:
        rest["text"] = beside
    rest[_FORMAT] = form
    return output


def read_logprobs(rest: dict[str, Json]) -> int | None:
    """Whether they are asked for, and how many for each place."""
    include = rest.get("include")
    if not isinstance(include, list) or not all(isinstance(word, str) for word in include):
        return None
    if {*include} <= {SEALED, _LOGPROBS} and include:
        rest[_INCLUDE] = rest.pop("include")
    if _LOGPROBS not in include:
        return None
    return _whole(rest, "top_logprobs") if rest.get("top_logprobs") else 0


def write_settings(
    body: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    """Everything but the conversation and its tools."""
    include: list[Json] = []
    _write_sampling(body, request.sampling, profile, losses)
    if request.thinking is not None:
        _write_thinking(body, request.thinking, profile, losses)
    _write_output(body, request, profile, losses)
    if request.logprobs is not None:
        if losses.own or profile.logprobs:
            include.append(_LOGPROBS)
            if request.logprobs:
                body["top_logprobs"] = request.logprobs
        else:
            losses.add("/logprobs", "log probabilities, which this model does not give")
    if losses.own:
        include = list(request.extra.get(_INCLUDE, ()))
    else:
        # Nothing is left with the provider: thoughts come sealed, and go back with the next turn.
        body["store"] = False
        if profile.thinking_wish:
            include.append(SEALED)
    if include:
        body["include"] = include


def _write_sampling(
    body: dict[str, Json], sampling: Sampling, profile: Profile, losses: Losses
) -> None:
    for key in ("temperature", "top_p"):
        value = getattr(sampling, key)
        if value is None:
            continue
        if losses.own or profile.temperature:
            body[key] = value
        else:
            losses.add(f"/sampling/{key}", "models that reason take none")
    bound = sampling.max_output_tokens
    if bound is not None:
        if bound < _LEAST_OUTPUT and not losses.own:
            losses.add("/sampling/max_output_tokens", f"the least here is {_LEAST_OUTPUT}")
            bound = _LEAST_OUTPUT
        body["max_output_tokens"] = bound
    for key in _NO_SUCH:
        if getattr(sampling, key) is not None:
            losses.add(f"/sampling/{key}", "this format has no such setting")
    if sampling.stop:
        losses.add("/sampling/stop", "not sent: the answer is cut at a stop text when it is read")


def _write_thinking(
    body: dict[str, Json], wish: ThinkingWish, profile: Profile, losses: Losses
) -> None:
    if losses.own:
        if wish.effort:
            body["reasoning"] = {"effort": wish.effort}
        return
    if not profile.thinking_wish:
        losses.add("/thinking", "how much to think: this model does not reason")
        return
    effort = _effort(wish)
    if effort:
        body["reasoning"] = {"effort": effort}
    if wish.max_tokens is not None and wish.enabled:
        losses.add("/thinking/max_tokens", "the bound on thinking goes as a word for effort")


def _effort(wish: ThinkingWish) -> str:
    if not wish.enabled:
        return "none"
    if wish.effort or wish.max_tokens is None:
        return _EFFORTS.get(wish.effort, wish.effort)
    if wish.max_tokens <= 2048:
        return "low"
    return "medium" if wish.max_tokens <= 8192 else "high"


def _write_output(
    body: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    sent = asked_schema(request, profile)
    form = noted(request.extra, _FORMAT) if losses.own else {}
    if sent is not None and form.get("type") != "json_object":
        form = _schema_form(sent, form, request=request, profile=profile, own=losses.own)
    if form:
        body["text"] = {"format": form}


def _schema_form(
    sent: SentSchema,
    form: Mapping[str, Json],
    *,
    request: Request,
    profile: Profile,
    own: bool,
) -> dict[str, Json]:
    if form:
        return {**form, "schema": sent.schema}
    if sent.mode == "json_object":
        return {"type": "json_object"}
    if sent.mode != "native" and not own:
        return {}
    name = re.sub(r"[^A-Za-z0-9_-]", "_", request.task)[:64] or "answer"
    # Said only of a schema that was made to fit: any other is refused.
    strict = profile.strict and sent.enforced != "none"
    return {"type": "json_schema", "name": name, "schema": sent.schema, "strict": strict}


def _whole(rest: dict[str, Json], key: str) -> int | None:
    value = rest.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        del rest[key]
        return value
    return None


def _number(rest: dict[str, Json], key: str) -> float | None:
    value = rest.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        del rest[key]
        return value
    return None
