"""How long a prompt may be: as the server lists it, as it says when it refuses, else by trying."""

import re
from collections.abc import Mapping
from typing import Any

from aihandler.backends.probing.sends import TASK, Exchange
from aihandler.backends.probing.session import Probing, counted, verdict
from aihandler.domain.conversation import Request, Sampling, message
from aihandler.domain.probes import ProbeVerdict
from aihandler.domain.task import Json

# Tried in this order, each one four times as long, until one is refused.
FIRST_TOKENS = 256
MOST_SENDS = 10
_STEPS_BETWEEN = 3
_LISTED = (
    "max_model_len", "context_length", "context_window", "max_context_length", "n_ctx",
    "max_total_tokens", "loaded_context_length",
)  # fmt: skip
_TOLD = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"maximum context length is (\d+)",
        r"maximum number of tokens allowed\D{0,5}(\d+)",
        r'"n_ctx"\s*:\s*(\d+)',
        r"context (?:window|size|length|limit)\D{0,20}(\d+)",
        r"> (\d+) maximum",
    )
)


async def ask_context(probing: Probing) -> list[ProbeVerdict]:
    """`context_tokens`, and what becomes of a longer prompt: `context_overflow`."""
    listed, where = await _listed(probing)
    if listed is not None:
        return [
            verdict("context_tokens", listed, where),
            *(await _overflow(probing, listed)),
        ]
    return await _tried(probing)


async def _listed(probing: Probing) -> tuple[int | None, str]:
    listing = await probing.get("/models")
    row = _row(listing, probing.deployment.model.name)
    if (found := _number(row)) is not None:
        return found, "in the list of models"
    props = await probing.get("~/props")
    if isinstance(props, dict):
        settings = props.get("default_generation_settings")
        for at in (settings, props):
            if isinstance(at, dict) and (found := _number(at)) is not None:
                return found, "at /props"
    loaded = await probing.get("~/api/ps")
    row = _row(loaded, probing.deployment.model.name)
    if (found := _number(row)) is not None:
        return found, "at /api/ps"
    info = await probing.get("~/info")
    if isinstance(info, dict) and (found := _number(info)) is not None:
        return found, "at /info"
    return None, ""


async def _overflow(probing: Probing, limit: int) -> list[ProbeVerdict]:
    longer = limit * 3 // 2
    if longer > probing.context_up_to:
        return []
    exchange = await probing.send(_prompt(longer))
    return [_what_became(exchange, longer)]


async def _tried(probing: Probing) -> list[ProbeVerdict]:
    taken, per_word = 0, 1.0
    tokens = FIRST_TOKENS
    while tokens <= probing.context_up_to:
        exchange = await probing.send(_prompt(tokens))
        if exchange.reply is None:
            if not exchange.refused:
                return [_untold(f"a prompt of {tokens} words was not answered: {exchange.told}")]
            return await _refused(probing, exchange, taken=taken, tokens=tokens)
        if counted(exchange):
            came = _counted(exchange)
            if taken and came < 0.7 * tokens * per_word:
                told = f"of a prompt of {tokens} words {came} tokens were read"
                return [
                    verdict("context_tokens", came, told),
                    verdict("context_overflow", "cut in silence", told),
                ]
            per_word = came / tokens
        taken = tokens
        tokens *= 4
    if not taken:
        return [_untold("not listed, and no long prompt was to be tried")]
    told = f"a prompt of {taken} words was taken"
    return [_untold(told), verdict("context_overflow", "not refused", told)]


async def _refused(
    probing: Probing, exchange: Exchange, *, taken: int, tokens: int
) -> list[ProbeVerdict]:
    overflow = _what_became(exchange, tokens)
    told = _number_told(exchange)
    if told is not None:
        return [verdict("context_tokens", told, exchange.told), overflow]
    low, high = taken, tokens
    read = low
    for _ in range(_STEPS_BETWEEN):
        middle = (low + high) // 2
        tried = await probing.send(_prompt(middle))
        if tried.reply is None:
            high = middle
        else:
            low, read = middle, _counted(tried) or middle
    return [verdict("context_tokens", read, f"{low} words were taken, {high} refused"), overflow]


def _what_became(exchange: Exchange, tokens: int) -> ProbeVerdict:
    if exchange.reply is None:
        state = "refused" if exchange.refused else None
        return verdict("context_overflow", state, exchange.told)
    if counted(exchange) and _counted(exchange) < tokens // 2:
        told = f"of a prompt of {tokens} words {_counted(exchange)} tokens were read"
        return verdict("context_overflow", "cut in silence", told)
    return verdict("context_overflow", "not refused", f"a prompt of {tokens} words was taken")


def _untold(why: str) -> ProbeVerdict:
    return verdict("context_tokens", None, why)


def _prompt(tokens: int) -> Request:
    # One short word is one token for nearly every tokenizer, and never less than one.
    turns = (message("user", "tea " * tokens),)
    return Request(TASK, turns, sampling=Sampling(temperature=0.0, max_output_tokens=1))


def _counted(exchange: Exchange) -> int:
    usage = exchange.reply.usage if exchange.reply else None
    return usage.prompt if usage and not usage.estimated else 0


def _number_told(exchange: Exchange) -> int | None:
    words = exchange.body.decode("utf-8", "replace")
    found = (pattern.search(words) for pattern in _TOLD)
    return next((int(match[1]) for match in found if match), None)


def _row(listing: Json, model: str) -> Mapping[str, Any]:
    rows = (listing.get("data") or listing.get("models")) if isinstance(listing, dict) else None
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    named = [row for row in known if model in (row.get("id"), row.get("name"), row.get("model"))]
    chosen = named or known
    return chosen[0] if len(chosen) == 1 or named else {}


def _number(row: Mapping[str, Any]) -> int | None:
    meta = row.get("meta")
    for at in (row, meta if isinstance(meta, dict) else {}):
        for name in _LISTED:
            value = at.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None
