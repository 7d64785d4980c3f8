"""How to answer: bounds, sampling, thinking and the form of the output, in both directions."""

from collections.abc import Mapping

import msgspec

from aihandler.backends.codec import NOTE
from aihandler.backends.gemini.fields import keep, note_given, note_written, settle, usual
from aihandler.backends.gemini.schemas import json_schema
from aihandler.backends.profiles import Profile
from aihandler.backends.schema_modes import asked_schema
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Request, Sampling, ThinkingWish
from aihandler.domain.task import Json, JsonOutput, Output, TextOutput

CONFIG = "generationConfig"
# The field in which the schema stood, and how it was written.
_SCHEMA = f"{NOTE}schema"
_JSON = "application/json"
_FIELDS = ("responseJsonSchema", "responseSchema")
# Tokens for the words that others have for effort, and the words for tokens.
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576}
_LEVELS = {"none": "low", "xhigh": "high", "max": "high"}
_NUMBERS = {
    "temperature": "temperature",
    "topP": "top_p",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_WHOLES = {"topK": "top_k", "seed": "seed", "maxOutputTokens": "max_output_tokens"}
_NUMBER_NAMES = frozenset({*_NUMBERS, *_WHOLES})
_SAY_LITTLE = ("responseSchema", "responseJsonSchema", "responseMimeType", "stopSequences")


class Settings(msgspec.Struct, frozen=True):
    """What `generationConfig` asks for."""

    sampling: Sampling = Sampling()
    thinking: ThinkingWish | None = None
    output: Output = TextOutput()
    logprobs: int | None = None


_USUAL = Settings()


def read_settings(rest: dict[str, Json]) -> Settings:
    """Takes what is of a known form out of `rest`."""
    config = rest.get(CONFIG)
    if not isinstance(config, dict) or not config:
        return _USUAL
    found = usual(config)
    told = Settings(
        _read_sampling(found), _read_thinking(found), _read_output(found), _read_logprobs(found)
    )
    if not found:
        del rest[CONFIG]
        return told
    # What is said is what holds without a word.
    for key, usually in (("responseModalities", ["TEXT"]), ("candidateCount", 1)):
        if found.get(key) == usually:
            note_given(found, key)
    keep(rest, CONFIG, settle(found, *_SAY_LITTLE))
    return told


def write_settings(
    body: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    """Everything but contents and tools."""
    config: dict[str, Json] = {}
    _write_sampling(config, request.sampling, profile, losses)
    if request.logprobs is not None:
        _write_logprobs(config, request.logprobs, profile, losses)
    if request.thinking is not None:
        _write_thinking(config, request.thinking, profile, losses)
    _write_output(config, request, profile, losses)
    if config:
        body[CONFIG] = config


def one_answer(body: dict[str, Json], losses: Losses) -> None:
    """Of several answers one is asked for and read."""
    config = body.get(CONFIG) or body.get("generation_config")
    if not isinstance(config, dict):
        return
    name = "candidateCount" if "candidateCount" in config else "candidate_count"
    if config.get(name, 1) != 1:
        losses.add(f"/extra/{CONFIG}/candidateCount", "more than one answer")
        del config[name]


def _read_sampling(config: dict[str, Json]) -> Sampling:
    read: dict[str, Json] = {}
    for name in config.keys() & _NUMBER_NAMES:
        value = config[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if name in _NUMBERS:
            read[_NUMBERS[name]] = config.pop(name)
        elif isinstance(value, int) or value.is_integer():
            read[_WHOLES[name]] = int(config.pop(name))
    stops = config.get("stopSequences")
    if isinstance(stops, list) and stops and all(isinstance(stop, str) for stop in stops):
        read["stop"] = tuple(config.pop("stopSequences"))
    return Sampling(**read)


def _read_thinking(config: dict[str, Json]) -> ThinkingWish | None:
    wish = config.get("thinkingConfig")
    if not isinstance(wish, dict) or not wish:
        return None
    inner = usual(wish)
    enabled, max_tokens, effort, told = True, None, "", False
    budget, level = inner.get("thinkingBudget"), inner.get("thinkingLevel")
    # A budget of -1 leaves it to the model, in a word of this format alone.
    if isinstance(budget, int) and not isinstance(budget, bool) and budget >= 0:
        del inner["thinkingBudget"]
        told = True
        enabled, max_tokens = budget > 0, budget or None
    if isinstance(level, str) and level:
        effort = level.lower()
        del inner["thinkingLevel"]
        told = True
        if level != effort:
            note_written(inner, "thinkingLevel", level)
    keep(config, "thinkingConfig", inner)
    return ThinkingWish(enabled, max_tokens, effort) if told else None


def _read_output(config: dict[str, Json]) -> Output:
    if config.get("responseMimeType") == "text/plain":
        note_given(config, "responseMimeType")
    if config.get("responseMimeType") != _JSON:
        return TextOutput()
    stated = [key for key in _FIELDS if config.get(key)]
    if not stated:
        del config["responseMimeType"]
        config[_SCHEMA] = ["", None]
        return JsonOutput({"type": "object"})
    schema = config[stated[0]]
    if len(stated) > 1 or not isinstance(schema, dict):
        return TextOutput()
    del config["responseMimeType"], config[stated[0]]
    config[_SCHEMA] = [stated[0], schema]
    return JsonOutput(_as_json_schema(stated[0], schema))


def _as_json_schema(field: str, schema: Mapping[str, Json]) -> Mapping[str, Json]:
    return json_schema(schema) if field == "responseSchema" else schema


def _read_logprobs(config: dict[str, Json]) -> int | None:
    if config.get("responseLogprobs") is not True:
        return None
    count = config.get("logprobs", 0)
    if (
        not isinstance(count, int)
        or isinstance(count, bool)
        or (count < 1 and "logprobs" in config)
    ):
        return None
    del config["responseLogprobs"]
    config.pop("logprobs", None)
    return count


def _write_sampling(
    config: dict[str, Json], sampling: Sampling, profile: Profile, losses: Losses
) -> None:
    refused = set() if losses.own else _refused(profile)
    for name, ours in (_NUMBERS | _WHOLES).items():
        value = getattr(sampling, ours)
        if value is None:
            continue
        if ours in refused:
            losses.add(f"/sampling/{ours}", "the profile says that it is not taken")
        else:
            config[name] = value
    stops = [stop for stop in sampling.stop if stop or losses.own]
    if stops:
        most = len(stops) if losses.own else profile.stops_at_most or len(stops)
        # The others are cut out of the answer when it is read.
        config["stopSequences"] = stops[:most]


def _refused(profile: Profile) -> set[str]:
    refused = set() if profile.temperature else {"temperature"}
    return refused if profile.top_k else {*refused, "top_k"}


def _write_logprobs(config: dict[str, Json], count: int, profile: Profile, losses: Losses) -> None:
    if not (profile.logprobs or losses.own):
        losses.add("/logprobs", "log probabilities, which this model does not give")
        return
    config["responseLogprobs"] = True
    if count:
        config["logprobs"] = count


def _write_thinking(
    config: dict[str, Json], wish: ThinkingWish, profile: Profile, losses: Losses
) -> None:
    wire: dict[str, Json] = {}
    if losses.own:
        if wish.max_tokens is not None or not wish.enabled:
            wire["thinkingBudget"] = wish.max_tokens or 0
        if wish.effort:
            wire["thinkingLevel"] = wish.effort
    elif profile.thinking == "adaptive":
        _write_level(wire, wish, losses)
    elif not wish.enabled:
        wire["thinkingBudget"] = 0
    else:
        wire["thinkingBudget"] = wish.max_tokens or _BUDGETS.get(wish.effort, -1)
    if wish.enabled and not losses.own:
        # Without this, thoughts are billed and not told.
        wire["includeThoughts"] = True
    if wire:
        config["thinkingConfig"] = wire


def _write_level(wire: dict[str, Json], wish: ThinkingWish, losses: Losses) -> None:
    if not wish.enabled:
        losses.add("/thinking/enabled", "this model always thinks: as little as it can")
        wire["thinkingLevel"] = "low"
        return
    effort = wish.effort
    if wish.max_tokens is not None:
        losses.add("/thinking/max_tokens", "only a level can be told")
        effort = effort or _level_for(wish.max_tokens)
    if effort:
        wire["thinkingLevel"] = _LEVELS.get(effort, effort)


def _level_for(tokens: int) -> str:
    return "low" if tokens <= _BUDGETS["low"] else "medium" if tokens <= 8192 else "high"


def _write_output(
    config: dict[str, Json], request: Request, profile: Profile, losses: Losses
) -> None:
    if not isinstance(request.output, JsonOutput):
        return
    field, schema = _stated(request) if losses.own else ("", None)
    if schema is not None and _as_json_schema(field, schema) == request.output.schema:
        config["responseMimeType"] = _JSON
        config[field] = schema
        return
    sent = asked_schema(request, profile)
    if sent is None or (sent.mode not in {"native", "json_object"} and not losses.own):
        return
    config["responseMimeType"] = _JSON
    any_json = losses.own and request.output.schema == {"type": "object"}
    if any_json or sent.mode == "json_object":
        return
    newer = profile.schema_subset == "gemini-json-schema"
    config["responseJsonSchema" if newer else "responseSchema"] = sent.schema


def _stated(request: Request) -> tuple[str, Mapping[str, Json] | None]:
    notes = request.extra.get(NOTE + CONFIG, {})
    field, schema = notes.get(_SCHEMA, ("", None))
    return field, schema
