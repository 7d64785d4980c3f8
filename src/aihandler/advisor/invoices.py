"""Reads usage and cost exports of providers: tokens by kind, or money, by day and model."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Literal

import msgspec

from aihandler.advisor.exports import HINT, Form, Row, day_of_epoch, day_utc, read_export
from aihandler.domain.usage import NANO
from aihandler.errors import InputError

KINDS = ("input", "cache_read", "cache_write", "output", "audio_input", "audio_output")
# The kind of what is money, whatever it was paid for.
USD = "usd_nano"
# Lists and replies name a model with the day of its release; orders and requests often do not.
_DATED = re.compile(r"([-@](\d{4}-\d{2}-\d{2}|\d{8})|-latest)$")
# Before version 4 the number stood before the kind of the model.
_OLD_CLAUDE = re.compile(r"^claude-(opus|sonnet|haiku)-(3(?:-\d)?)$")
# Money is shown to the cent, each row of it rounded.
_HALF_A_CENT = NANO // 200

Cells = Callable[[str], int]
Aliases = Mapping[str, str]


class Billed(msgspec.Struct, frozen=True):
    """What a provider counted for one model on one day (UTC). Kinds do not overlap; output has
    what was thought. An export of costs has `usd_nano` alone, in nano-dollars."""

    day: str
    model: str
    requests: int
    tokens: Mapping[str, int]


class Invoice(msgspec.Struct, frozen=True):
    """All rows of one export, added up by day and model, from the first day that it has to the
    last, those included on which nothing was used.

    `rounding` is by how much rows that were rounded may be off, together by model.
    """

    provider: str
    first: str
    last: str
    rows: tuple[Billed, ...]
    measure: Literal["tokens", "usd"] = "tokens"
    rounding: Mapping[str, int] = {}


def read_invoice(text: str, *, name: str, aliases: Aliases = MappingProxyType({})) -> Invoice:
    """Reads CSV of a console or JSON of an API. `aliases` are models of the ledger by the name of
    the provider. Raises InputError with file and line."""
    export = read_export(text, name=name)
    sums: dict[tuple[str, str], Billed] = {}
    rounding: dict[str, int] = {}
    days: set[str] = set()
    for where, row in export.rows:
        billed = _named(_FORMS[export.form](row, where), aliases)
        days.add(billed.day)
        if not any(billed.tokens.values()):
            continue
        key = billed.day, billed.model
        sums[key] = _added(sums[key], billed) if key in sums else billed
        rounding[billed.model] = rounding.get(billed.model, 0) + _HALF_A_CENT
    if not sums:
        raise InputError(f"{name!r} has no row with usage", hint=HINT)
    provider, measure = export.form.split()
    rows = tuple(billed for _, billed in sorted(sums.items()))
    if measure == "usage":
        return Invoice(provider, min(days), max(days), rows)
    off = rounding if provider == "anthropic" else {}
    return Invoice(provider, min(days), max(days), rows, "usd", off)


def undated(model: str) -> str:
    """`gpt-4o-2024-08-06`, `claude-sonnet-4-5-20250929` and `Claude Sonnet 4.5` in one form."""
    plain = model
    if " " in model:
        plain = re.sub(r"[ .]+", "-", model.strip().lower())
    return _OLD_CLAUDE.sub(r"claude-\2-\1", _DATED.sub("", plain))


def _named(billed: Billed, aliases: Aliases) -> Billed:
    model = aliases.get(billed.model) or aliases.get(undated(billed.model))
    return msgspec.structs.replace(billed, model=undated(model or billed.model))


def _openai(row: Row, where: str) -> Billed:
    count = _counter(row, where)
    cached, written = count("input_cached_tokens"), count("input_cache_write_tokens")
    heard = count("input_audio_tokens") - count("input_cached_audio_tokens")
    spoken = count("output_audio_tokens")
    tokens = {
        "input": count("input_tokens") - cached - written - heard,
        "cache_read": cached,
        "cache_write": written,
        "output": count("output_tokens") - spoken,
        "audio_input": heard,
        "audio_output": spoken,
    }
    # A bucket in which nothing happened names no model.
    if not row.get("model") and any(tokens.values()):
        raise InputError(f"{where}: usage without a model", hint=f"group it by model; {HINT}")
    _refuse_negative(tokens, where)
    requests = count("num_model_requests")
    return Billed(_openai_day(row, where), row.get("model", ""), requests, tokens)


def _openai_costs(row: Row, where: str) -> Billed:
    usd = _money(row.get("amount_value", ""), where)
    currency = row.get("amount_currency") or "usd"
    if currency.lower() != "usd":
        raise InputError(
            f"{where}: the costs are in {currency!r}, the ledger is in US dollars",
            hint="compare the usage in place of the costs",
        )
    # `gpt-5-mini, input`: what it was paid for comes after the model.
    item = row.get("line_item", "").partition(",")[0].strip()
    if usd and not item:
        raise InputError(
            f"{where}: costs without a line item", hint=f"group them by line item; {HINT}"
        )
    return Billed(_openai_day(row, where), item, 0, {USD: usd})


def _anthropic(row: Row, where: str) -> Billed:
    count = _counter(row, where)
    # Exports from before 2025 do not tell caches of five minutes from those of an hour.
    written = count("usage_input_tokens_cache_write")
    written += count("usage_input_tokens_cache_write_5m")
    tokens = {
        "input": count("usage_input_tokens_no_cache"),
        "cache_read": count("usage_input_tokens_cache_read"),
        "cache_write": written + count("usage_input_tokens_cache_write_1h"),
        "output": count("usage_output_tokens"),
        "audio_input": 0,
        "audio_output": 0,
    }
    day = day_utc(row["usage_date_utc"], where)
    model = row["model_version"]
    if not model and any(tokens.values()):
        raise InputError(f"{where}: usage without a model", hint=f"group it by model; {HINT}")
    return Billed(day, model, 0, tokens)


def _anthropic_costs(row: Row, where: str) -> Billed:
    usd = _money(row.get("cost_usd", ""), where)
    day = day_utc(row["usage_date_utc"], where)
    if usd and not row["model"]:
        raise InputError(
            f"{where}: costs without a model", hint=f"group them by description; {HINT}"
        )
    return Billed(day, row["model"], 0, {USD: usd})


_FORMS: Mapping[Form, Callable[[Row, str], Billed]] = MappingProxyType(
    {
        "openai usage": _openai,
        "anthropic usage": _anthropic,
        "openai costs": _openai_costs,
        "anthropic costs": _anthropic_costs,
    }
)


def _counter(row: Row, where: str) -> Cells:
    def count(column: str) -> int:
        text = row.get(column, "").replace(",", "")
        try:
            # Some exports write whole numbers as `3.0`.
            number = Decimal(text or 0)
        except InvalidOperation:
            number = Decimal(-1)
        if not number.is_finite() or number < 0 or number != int(number):
            raise InputError(
                f"{where}: {column} is {text!r}, not a number of tokens",
                hint="export it again; a spreadsheet may have changed it",
            )
        return int(number)

    return count


def _money(text: str, where: str) -> int:
    """Nano-dollars; a credit is below 0."""
    try:
        usd = Decimal(text.replace(",", "") or 0)
        return int((usd * NANO).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise InputError(
            f"{where}: {text!r} is no sum of money",
            hint="export it again; a spreadsheet may have changed it",
        ) from error


def _openai_day(row: Row, where: str) -> str:
    # Seconds have no zone; a time may have one, or leave it out.
    if row.get("start_time"):
        return day_of_epoch(row["start_time"], where)
    return day_utc(row.get("start_time_iso", ""), where)


def _refuse_negative(tokens: Mapping[str, int], where: str) -> None:
    for kind, number in tokens.items():
        if number < 0:
            raise InputError(
                f"{where}: the parts of {kind} are more than its whole",
                hint="export it again; a spreadsheet may have changed it",
            )


def _added(one: Billed, other: Billed) -> Billed:
    tokens = {kind: one.tokens[kind] + other.tokens[kind] for kind in one.tokens}
    return Billed(one.day, one.model, one.requests + other.requests, tokens)
