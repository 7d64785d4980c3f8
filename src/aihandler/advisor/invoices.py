"""Reads usage exports of providers: tokens by day, model and kind, in our kinds."""

import csv
import datetime
import io
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from aihandler.errors import InputError

KINDS = ("input", "cache_read", "cache_write", "output", "audio_input", "audio_output")
# Lists and replies name a model with the day of its release; orders and requests often do not.
_DATED = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8})$")
_HINT = "export the usage (not the cost) of a period as CSV, grouped by model: docs/reconcile.md"

Row = Mapping[str, str]
Cells = Callable[[str], int]


class Billed(msgspec.Struct, frozen=True):
    """What a provider counted for one model on one day (UTC). Kinds do not overlap; output has
    what was thought."""

    day: str
    model: str
    requests: int
    tokens: Mapping[str, int]


class Invoice(msgspec.Struct, frozen=True):
    """All rows of one export, added up by day and model."""

    provider: str
    rows: tuple[Billed, ...]

    @property
    def first(self) -> str:
        """The first day that it has."""
        return min(row.day for row in self.rows)

    @property
    def last(self) -> str:
        """The last day that it has."""
        return max(row.day for row in self.rows)


def read_invoice(text: str, *, name: str) -> Invoice:
    """Reads the CSV of a provider. Raises InputError with file and line."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    columns = [column.strip() for column in rows.fieldnames or ()]
    provider = _provider(columns, name)
    sums: dict[tuple[str, str], Billed] = {}
    for row in rows:
        billed = _FORMS[provider](_stripped(row), f"{name}:{rows.line_num}")
        key = billed.day, billed.model
        sums[key] = _added(sums[key], billed) if key in sums else billed
    kept = tuple(billed for _, billed in sorted(sums.items()) if any(billed.tokens.values()))
    if not kept:
        raise InputError(f"{name!r} has no row with usage", hint=_HINT)
    return Invoice(provider, kept)


def undated(model: str) -> str:
    """`gpt-4o-2024-08-06` and `claude-sonnet-4-5-20250929` without their days."""
    return _DATED.sub("", model)


def _provider(columns: list[str], name: str) -> str:
    if {"usage_date_utc", "model_version", "usage_output_tokens"} <= set(columns):
        return "anthropic"
    if {"model", "input_tokens", "output_tokens"} <= set(columns) and (
        {"start_time", "start_time_iso"} & set(columns)
    ):
        return "openai"
    if {"amount_value", "cost_usd"} & set(columns):
        raise InputError(f"{name!r} is an export of costs, and has no tokens", hint=_HINT)
    seen = ", ".join(columns[:6]) or "nothing"
    raise InputError(
        f"{name!r} is no usage export that is known; its columns are {seen}", hint=_HINT
    )


def _openai(row: Row, where: str) -> Billed:
    count = _counter(row, where)
    cached = count("input_cached_tokens")
    heard = count("input_audio_tokens") - count("input_cached_audio_tokens")
    spoken = count("output_audio_tokens")
    tokens = {
        "input": count("input_tokens") - cached - heard,
        "cache_read": cached,
        "cache_write": 0,
        "output": count("output_tokens") - spoken,
        "audio_input": heard,
        "audio_output": spoken,
    }
    # A bucket in which nothing happened names no model.
    if not row.get("model") and any(tokens.values()):
        raise InputError(f"{where}: usage without a model", hint=f"group it by model; {_HINT}")
    _refuse_negative(tokens, where)
    requests = count("num_model_requests")
    return Billed(_openai_day(row, where), undated(row.get("model", "")), requests, tokens)


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
    day = _day(row["usage_date_utc"], where)
    return Billed(day, undated(row["model_version"]), 0, tokens)


_FORMS: Mapping[str, Callable[[Row, str], Billed]] = MappingProxyType(
    {"openai": _openai, "anthropic": _anthropic}
)


def _counter(row: Row, where: str) -> Cells:
    def count(column: str) -> int:
        text = row.get(column, "").replace(",", "")
        try:
            number = int(text or 0)
        except ValueError:
            number = -1
        if number < 0:
            raise InputError(
                f"{where}: {column} is {text!r}, not a number of tokens",
                hint="export it again; a spreadsheet may have changed it",
            )
        return number

    return count


def _openai_day(row: Row, where: str) -> str:
    if row.get("start_time_iso"):
        return _day(row["start_time_iso"], where)
    try:
        began = datetime.datetime.fromtimestamp(float(row["start_time"]), tz=datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"{where}: start_time is no time", hint=_HINT) from error
    return began.date().isoformat()


def _day(text: str, where: str) -> str:
    try:
        return datetime.date.fromisoformat(text[:10]).isoformat()
    except ValueError as error:
        raise InputError(f"{where}: {text[:30]!r} is no day", hint=_HINT) from error


def _refuse_negative(tokens: Mapping[str, int], where: str) -> None:
    for kind, number in tokens.items():
        if number < 0:
            raise InputError(
                f"{where}: the parts of {kind} are more than its whole",
                hint="export it again; a spreadsheet may have changed it",
            )


def _added(one: Billed, other: Billed) -> Billed:
    tokens = {kind: one.tokens[kind] + other.tokens[kind] for kind in KINDS}
    return Billed(one.day, one.model, one.requests + other.requests, tokens)


def _stripped(row: Mapping[str | None, str | list[str] | None]) -> Row:
    # More cells than columns stand under None, as a list.
    return {k.strip(): v.strip() for k, v in row.items() if k and isinstance(v, str)}
