"""How to answer: bounds, sampling, the form of the output and a guardrail, in both directions."""

import msgspec

from aihandler.backends.bedrock_converse.fields import (
    joined,
    keep,
    take_number,
    take_whole,
)
from aihandler.backends.bedrock_converse.thinking import (
    FIELDS,
    read_thinking,
    thinks,
    write_thinking,
)
from aihandler.backends.codec import NOTE
from aihandler.backends.profiles import Profile
from aihandler.backends.schema_modes import asked_schema
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Request, Sampling, ThinkingWish
from aihandler.domain.task import Json, JsonOutput, Output, TextOutput

_CONFIG, _OUTPUT = "inferenceConfig", "outputConfig"
# The schema stands in a text of JSON: as it was written, and its name and description.
_SCHEMA = f"{NOTE}schema"
_NAME = "answer"
# `topK` stood where Amazon's own models have it.
_NOVA_TOP_K = f"{NOTE}nova_top_k"
_HIGHEST_TEMPERATURE = 1
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Told(msgspec.Struct, frozen=True):
    """What a request says of its answer."""

    sampling: Sampling
    thinking: ThinkingWish | None
    output: Output


def read_settings(rest: dict[str, Json]) -> Told:
    """Takes what is of a known form out of `rest`."""
    output = _read_output(rest)
    fields = rest.get(FIELDS)
    thinking, top_k = None, None
    if isinstance(fields, dict) and fields:
        inner = dict(fields)
        thinking = read_thinking(inner, rest)
        top_k = _read_top_k(inner, rest)
        keep(rest, FIELDS, inner)
    return Told(_read_sampling(rest, top_k), thinking, output)


def write_settings(
    body: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    """Everything but messages and tools."""
    fields = write_thinking(request, profile, losses)
    thinking = thinks(fields)
    config = _write_sampling(request, profile, losses, thinking=thinking)
    _write_top_k(fields, request, profile, losses)
    if config:
        body[_CONFIG] = config
    if fields:
        body[FIELDS] = fields
    sent = asked_schema(request, profile)
    if sent is not None and (losses.own or sent.mode == "native"):
        body[_OUTPUT] = {"textFormat": _text_format(sent.schema, request, own=losses.own)}
    if request.logprobs is not None:
        losses.add("/logprobs", "this format has no logprobs")


def _read_sampling(rest: dict[str, Json], top_k: int | None) -> Sampling:
    config = rest.get(_CONFIG)
    if not isinstance(config, dict) or not config:
        return Sampling(top_k=top_k)
    inner = dict(config)
    stop = inner.get("stopSequences")
    stops: tuple[str, ...] = ()
    if isinstance(stop, list) and stop and all(isinstance(text, str) for text in stop):
        stops = tuple(inner.pop("stopSequences"))
    sampling = Sampling(
        temperature=take_number(inner, "temperature"),
        top_p=take_number(inner, "topP"),
        stop=stops,
        max_output_tokens=take_whole(inner, "maxTokens"),
        top_k=top_k,
    )
    keep(rest, _CONFIG, inner)
    return sampling


def _read_top_k(inner: dict[str, Json], rest: dict[str, Json]) -> int | None:
    top_k = take_whole(inner, "top_k")
    if top_k is not None:
        return top_k
    nova = inner.get(_CONFIG)
    if not isinstance(nova, dict) or set(nova) != {"topK"}:
        return None
    top_k = take_whole(dict(nova), "topK")
    if top_k is not None:
        del inner[_CONFIG]
        rest[_NOVA_TOP_K] = True
    return top_k


def _read_output(rest: dict[str, Json]) -> Output:
    config = rest.get(_OUTPUT)
    if not isinstance(config, dict):
        return TextOutput()
    form = config.get("textFormat")
    if not isinstance(form, dict) or set(form) != {"type", "structure"}:
        return TextOutput()
    structure = form["structure"]
    if form["type"] != "json_schema" or not isinstance(structure, dict):
        return TextOutput()
    told = structure.get("jsonSchema")
    if set(structure) != {"jsonSchema"} or not isinstance(told, dict):
        return TextOutput()
    schema = _schema_in(told.get("schema"))
    if schema is None:
        return TextOutput()
    rest[_SCHEMA] = told
    keep(rest, _OUTPUT, {key: value for key, value in config.items() if key != "textFormat"})
    return JsonOutput(schema)


def _text_format(schema: Json, request: Request, *, own: bool) -> dict[str, Json]:
    told: Json = request.extra.get(_SCHEMA) if own else None
    if not isinstance(told, dict):
        told = {"name": _NAME}
    # As the client wrote it, white space included, so that a cache of schemas knows it again.
    if _schema_in(told.get("schema")) != schema:
        told = {**told, "schema": _encode(schema).decode()}
    return {"type": "json_schema", "structure": {"jsonSchema": told}}


def _schema_in(text: Json) -> dict[str, Json] | None:
    if not isinstance(text, str):
        return None
    try:
        schema = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return schema if isinstance(schema, dict) else None


def _write_sampling(
    request: Request, profile: Profile, losses: Losses, *, thinking: bool
) -> dict[str, Json]:
    sampling = request.sampling
    wanted: dict[str, Json] = {"temperature": sampling.temperature, "topP": sampling.top_p}
    if not losses.own:
        _fit_sampling(wanted, profile, losses, thinking=thinking)
    config: dict[str, Json] = {key: value for key, value in wanted.items() if value is not None}
    if sampling.max_output_tokens is not None:
        config["maxTokens"] = sampling.max_output_tokens
    stops = [stop for stop in sampling.stop if losses.own or stop.strip()]
    if profile.stops_at_most and not losses.own:
        stops = stops[: profile.stops_at_most]
    if stops:
        config["stopSequences"] = stops
    if losses.own:
        return config
    if len(stops) < len(sampling.stop) and profile.stop_trimmed:
        losses.add("/sampling/stop", "some of the stop texts are not taken")
    for key in ("seed", "frequency_penalty", "presence_penalty"):
        if getattr(sampling, key) is not None:
            losses.add(f"/sampling/{key}", "this format has no such setting")
    return config


def _fit_sampling(
    wanted: dict[str, Json], profile: Profile, losses: Losses, *, thinking: bool
) -> None:
    claude = profile.model_fields == "anthropic"
    refused = {
        "temperature": "not taken while the model thinks"
        if thinking
        else "the profile says that it is not taken",
        "topP": "not taken beside a temperature",
    }
    if wanted["temperature"] is None or not claude:
        del refused["topP"]
    if profile.temperature and not thinking:
        del refused["temperature"]
    for key, why in refused.items():
        if wanted[key] is not None:
            losses.add(f"/sampling/{'top_p' if key == 'topP' else key}", why)
            wanted[key] = None
    if wanted["temperature"] is not None and wanted["temperature"] > _HIGHEST_TEMPERATURE:
        losses.add("/sampling/temperature", "more than 1 is not taken: 1 is sent")
        wanted["temperature"] = 1.0


def _write_top_k(
    fields: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    top_k = request.sampling.top_k
    if top_k is None:
        return
    if losses.own:
        nova = _NOVA_TOP_K in request.extra
    elif profile.model_fields not in {"anthropic", "nova"}:
        losses.add("/sampling/top_k", "the profile names no field for it")
        return
    elif profile.model_fields == "anthropic" and thinks(fields):
        losses.add("/sampling/top_k", "not taken while the model thinks")
        return
    else:
        nova = profile.model_fields == "nova"
    added: dict[str, Json] = {_CONFIG: {"topK": top_k}} if nova else {"top_k": top_k}
    fields.update(joined(added, fields))
