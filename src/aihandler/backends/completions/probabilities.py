"""Log probabilities, as raw completions have them and as all other formats do."""

from collections.abc import Sequence
from typing import Any

from aihandler.domain.task import Json

_LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


def from_lists(raw: Json) -> list[Json]:
    """`{tokens, token_logprobs, top_logprobs}` as `[{token, logprob, bytes, top_logprobs}]`."""
    tokens = raw.get("tokens") if isinstance(raw, dict) else None
    if not isinstance(tokens, list):
        return []
    logprobs, tops = _listed(raw, "token_logprobs"), _listed(raw, "top_logprobs")
    told: list[Json] = []
    for place, token in enumerate(tokens):
        top = tops[place] if place < len(tops) else None
        likeliest = top.items() if isinstance(top, dict) else ()
        logprob = logprobs[place] if place < len(logprobs) else None
        told.append(
            {
                **_usual(token, logprob),
                "top_logprobs": [_usual(other, told_of) for other, told_of in likeliest],
            }
        )
    return told


def to_lists(told: Json) -> Json:
    """The other way; None for a form that is not known."""
    content = told.get("content") if isinstance(told, dict) else None
    if not isinstance(content, list) or not content:
        return None
    entries = [entry for entry in content if isinstance(entry, dict)]
    offsets: list[int] = []
    at = 0
    for entry in entries:
        offsets.append(at)
        at += len(str(entry.get("token", "")))
    tops = [
        {str(o.get("token")): o.get("logprob") for o in e.get("top_logprobs") or ()}
        for e in entries
    ]
    return {
        "tokens": [entry.get("token") for entry in entries],
        "token_logprobs": [entry.get("logprob") for entry in entries],
        "top_logprobs": tops if any(tops) else None,
        "text_offset": offsets,
    }


def joined(one: Json, two: Json) -> Json:
    """The lists of a stream's chunks, one behind the other."""
    if not (isinstance(one, dict) and isinstance(two, dict)):
        return two if one is None else one
    both = {**one, **two}
    for key in _LISTS:
        if isinstance(one.get(key), list) and isinstance(two.get(key), list):
            both[key] = [*one[key], *two[key]]
    return both


def from_llama_server(raw: Json) -> list[Json]:
    """Its entries are the usual ones, with an `id` more. Older servers say probabilities, which
    are not the same, and are passed over."""
    entries = raw if isinstance(raw, list) else []
    return [
        {
            **_entry(entry),
            "top_logprobs": [_entry(o) for o in _listed(entry, "top_logprobs") if _is_one(o)],
        }
        for entry in entries
        if _is_one(entry)
    ]


def from_tgi(tokens: Sequence[Any], tops: Sequence[Json]) -> list[Json]:
    """`[{text, logprob}]`, with the likeliest at each place beside it."""
    told: list[Json] = []
    for place, token in enumerate(tokens):
        if not isinstance(token, dict) or not isinstance(token.get("logprob"), int | float):
            continue
        top = tops[place] if place < len(tops) else None
        likeliest = [o for o in top if isinstance(o, dict)] if isinstance(top, list) else []
        told.append(
            {
                **_usual(token.get("text"), token["logprob"]),
                "top_logprobs": [_usual(o.get("text"), o.get("logprob")) for o in likeliest],
            }
        )
    return told


def _listed(raw: Json, key: str) -> list[Json]:
    found = raw.get(key) if isinstance(raw, dict) else None
    return found if isinstance(found, list) else []


def _is_one(entry: Json) -> bool:
    return isinstance(entry, dict) and "token" in entry and "logprob" in entry


def _entry(entry: dict[str, Any]) -> dict[str, Json]:
    usual = _usual(entry["token"], entry["logprob"])
    return {**usual, "bytes": entry["bytes"]} if "bytes" in entry else usual


def _usual(token: Json, logprob: Json) -> dict[str, Json]:
    text = token if isinstance(token, str) else ""
    return {
        "token": text,
        "logprob": logprob,
        "bytes": list(text.encode("utf-8", "surrogatepass")),
    }
