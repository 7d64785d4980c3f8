"""What one JSON value of a reply says, in the words of three servers."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.completions.probabilities import (
    from_lists,
    from_llama_server,
    from_tgi,
)
from aihandler.backends.openai_chat.usage import usage_from
from aihandler.backends.openai_chat.wire import wire_usage
from aihandler.backends.profiles import CompletionForm
from aihandler.domain.answer import Finish
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "word": "stop",
    "length": "length",
    "max_tokens": "length",
    "limit": "length",
    "content_filter": "refused",
}
_TOP = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "error"}
)
_CHOICE = frozenset({"index", "text", "finish_reason", "logprobs"})
# What llama-server says of its answer; the rest repeats the request or counts milliseconds.
_LLAMA_KEPT = frozenset({"truncated", "id_slot", "timings"})


class Piece(msgspec.Struct):
    """A part of a reply, or all of it. `known` is false for a value that is no part of a reply.

    `left` and `beside` are what has no word of ours, of the reply and of its only choice.
    """

    text: str = ""
    finish: str = ""
    model: str = ""
    id: str = ""
    fingerprint: str = ""
    stop_text: str = ""
    usage: Usage | None = None
    # Of a server that counts the answer and not the prompt.
    answered: int | None = None
    raw_usage: Json = None
    logprobs: list[Json] = []
    raw_logprobs: Json = None
    left: Mapping[str, Json] = {}
    beside: Mapping[str, Json] = {}
    error: Json = None
    known: bool = True


def piece_of(form: CompletionForm, value: dict[str, Any]) -> Piece:
    """Never raises: it is foreign JSON."""
    error = value.get("error")
    if error:
        return Piece(error=error)
    match form:
        case "openai":
            return _openai(value)
        case "llama-server":
            # Asked at `/v1/completions`, it speaks as the others do.
            return _openai(value) if "choices" in value else _llama_server(value)
        case "tgi":
            return _tgi(value)


def _openai(value: dict[str, Any]) -> Piece:
    choices = value.get("choices")
    if not isinstance(choices, list):
        return Piece(known=False)
    piece = Piece(
        model=_text(value, "model"),
        id=_text(value, "id"),
        fingerprint=_text(value, "system_fingerprint"),
    )
    raw = value.get("usage")
    if raw is not None:
        counted = wire_usage(raw)
        if counted is not None:
            piece.usage, piece.raw_usage = usage_from(counted), raw
    if not value.keys() <= _TOP:
        piece.left = {key: inner for key, inner in value.items() if key not in _TOP}
    choice = next((c for c in choices if isinstance(c, dict) and not c.get("index")), None)
    if choice is not None:
        _read_choice(choice, piece)
    elif choices and not any(isinstance(c, dict) for c in choices):
        piece.known = False
    return piece


def _read_choice(choice: dict[str, Any], piece: Piece) -> None:
    piece.error = choice.get("error")
    piece.text = _text(choice, "text")
    piece.finish = _text(choice, "finish_reason")
    if choice.get("logprobs"):
        piece.raw_logprobs = choice["logprobs"]
        piece.logprobs = from_lists(choice["logprobs"])
    if not choice.keys() <= _CHOICE:
        piece.beside = {key: inner for key, inner in choice.items() if key not in _CHOICE}
        piece.stop_text = _text(choice, "stop_reason")


def _llama_server(value: dict[str, Any]) -> Piece:
    if not isinstance(value.get("content"), str):
        return Piece(known=False)
    piece = Piece(text=value["content"], model=_text(value, "model"))
    probabilities = value.get("completion_probabilities") or value.get("probs")
    if probabilities:
        piece.logprobs = from_llama_server(probabilities)
    if not value.get("stop"):
        return piece
    piece.finish = _why_llama_stopped(value)
    piece.stop_text = _text(value, "stopping_word")
    timings = value.get("timings")
    cached = timings.get("cache_n") if isinstance(timings, dict) else None
    counted = wire_usage(
        {
            "prompt_tokens": value.get("tokens_evaluated"),
            "completion_tokens": value.get("tokens_predicted"),
            "cached_tokens": cached if isinstance(cached, int) else None,
        }
    )
    piece.usage = usage_from(counted) if counted is not None else None
    piece.left = {key: value[key] for key in _LLAMA_KEPT & value.keys()}
    return piece


def _why_llama_stopped(value: dict[str, Any]) -> str:
    told = _text(value, "stop_type")
    if told and told != "none":
        return told
    # Older servers say it in three fields.
    for field, why in (
        ("stopped_limit", "limit"),
        ("stopped_word", "word"),
        ("stopped_eos", "eos"),
    ):
        if value.get(field):
            return why
    return "limit" if value.get("truncated") else "other"


def _tgi(value: dict[str, Any]) -> Piece:
    details = value.get("details")
    details = details if isinstance(details, dict) else {}
    token = value.get("token")
    if isinstance(token, dict):
        # The end token is the last one, and no word of the answer.
        ends = details.get("finish_reason") == "eos_token" and token.get("special")
        piece = Piece(text="" if ends else _text(token, "text"))
        piece.logprobs = from_tgi([token], [value.get("top_tokens")])
    elif isinstance(value.get("generated_text"), str):
        piece = _whole_tgi(value["generated_text"], details)
    else:
        return Piece(known=False)
    piece.finish = _text(details, "finish_reason")
    if details:
        piece.usage = _tgi_usage(details)
        answered = details.get("generated_tokens")
        piece.answered = answered if isinstance(answered, int) and answered >= 0 else None
        piece.left = {key: details[key] for key in ("seed",) if details.get(key) is not None}
    return piece


def _whole_tgi(text: str, details: dict[str, Any]) -> Piece:
    tokens = details.get("tokens")
    told = [t for t in tokens if isinstance(t, dict)] if isinstance(tokens, list) else []
    if told and told[-1].get("special") and details.get("finish_reason") == "eos_token":
        told = told[:-1]
    if any(token.get("special") for token in told):
        # `generated_text` leaves control tokens out, between which calls and reasoning stand.
        text = "".join(_text(token, "text") for token in told)
    tops = details.get("top_tokens")
    return Piece(text=text, logprobs=from_tgi(told, tops if isinstance(tops, list) else []))


def _tgi_usage(details: dict[str, Any]) -> Usage | None:
    prompt = details.get("input_length")
    if prompt is None and details.get("prefill"):
        prompt = len(details["prefill"]) if isinstance(details["prefill"], list) else None
    if prompt is None:
        return None
    counted = wire_usage(
        {"prompt_tokens": prompt, "completion_tokens": details.get("generated_tokens")}
    )
    return usage_from(counted) if counted is not None else None


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
