"""The rows of a provider's export, whether CSV of its console or JSON of its API: one form each.

JSON of the API becomes rows with the columns of the CSV, so that each form is read once.
"""

import csv
import datetime
import io
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from aihandler.errors import InputError

Form = Literal["openai usage", "anthropic usage", "openai costs", "anthropic costs"]
Row = Mapping[str, str]
HINT = "export usage or costs of a period, grouped by model: docs/reconcile.md"

# What only this form has, all of it.
_COLUMNS: Mapping[Form, frozenset[str]] = MappingProxyType(
    {
        "anthropic usage": frozenset({"usage_date_utc", "model_version", "usage_output_tokens"}),
        "anthropic costs": frozenset({"usage_date_utc", "model", "cost_usd"}),
        "openai usage": frozenset({"model", "input_tokens", "output_tokens"}),
        "openai costs": frozenset({"amount_value", "amount_currency"}),
    }
)
_OPENAI_TIMES = frozenset({"start_time", "start_time_iso"})
_CENTS = 100


class Export(NamedTuple):
    """Rows with the place of each, for messages."""

    form: Form
    rows: tuple[tuple[str, Row], ...]


def read_export(text: str, *, name: str) -> Export:
    """Raises InputError: no form that is known, no row, or one page of several."""
    plain = text.removeprefix("\ufeff")
    if plain.lstrip()[:1] in ("{", "["):
        return _of_api(plain, name)
    reader = csv.DictReader(io.StringIO(plain))
    columns = [column.strip() for column in reader.fieldnames or ()]
    rows = tuple((f"{name}:{reader.line_num}", _stripped(row)) for row in reader)
    if set(columns) and set(columns) <= {*_OPENAI_TIMES, "end_time", "end_time_iso"}:
        raise InputError(f"{name!r} has no row with usage: its buckets are empty", hint=HINT)
    return Export(_form(columns, name), rows)


def day_utc(text: str, where: str) -> str:
    """The day in UTC of a time or a day; what names no zone is UTC."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{where}: {text[:30]!r} is no day", hint=HINT) from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC)
    return moment.date().isoformat()


def day_of_epoch(text: str, where: str) -> str:
    """The day in UTC of seconds since 1970."""
    try:
        moment = datetime.datetime.fromtimestamp(float(text), tz=datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"{where}: start_time is no time", hint=HINT) from error
    return moment.date().isoformat()


def _form(columns: list[str], name: str) -> Form:
    for form, needed in _COLUMNS.items():
        if needed <= set(columns) and (form != "openai usage" or _OPENAI_TIMES & set(columns)):
            return form
    seen = ", ".join(columns[:6]) or "nothing"
    raise InputError(
        f"{name!r} is no usage export that is known; its columns are {seen}", hint=HINT
    )


def _stripped(row: Mapping[str | None, str | list[str] | None]) -> Row:
    # More cells than columns stand under None, as a list.
    return {k.strip(): v.strip() for k, v in row.items() if k and isinstance(v, str)}


def _of_api(text: str, name: str) -> Export:
    """Pages of an API: one object, or a list of them."""
    try:
        # Money stays as it is written: a float would lose digits of it.
        pages = json.loads(text, parse_float=Decimal)
        found = list(_rows_of(pages if isinstance(pages, list) else [pages], name))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{name!r} is no page of a usage or cost API: {type(error).__name__}", hint=HINT
        ) from error
    if not found:
        raise InputError(f"{name!r} has no row with usage", hint=HINT)
    columns = list(dict.fromkeys(column for _, row in found for column in row))
    return Export(_form(columns, name), tuple(found))


def _rows_of(pages: list[Any], name: str) -> Iterator[tuple[str, Row]]:
    for number, page in enumerate(pages, 1):
        if page.get("has_more") and number == len(pages):
            raise InputError(
                f"{name!r} ends before the last page", hint="fetch every page, and put them in [ ]"
            )
        for bucket in page["data"]:
            for place, result in enumerate(bucket["results"]):
                begins = bucket.get("starting_at", bucket.get("start_time"))
                where = f"{name}, page {number}, {begins}, result {place + 1}"
                yield where, _flat(bucket, result)


def _flat(bucket: Mapping[str, Any], result: Mapping[str, Any]) -> Row:
    if "starting_at" not in bucket:
        amount = result.get("amount") or {}
        money = {f"amount_{k}": v for k, v in amount.items()} if amount else {}
        return _texts({**result, **money, "start_time": bucket["start_time"]})
    day = {"usage_date_utc": bucket["starting_at"]}
    if "amount" in result:
        _in_dollars(result)
        usd = Decimal(result["amount"]) / _CENTS
        model = result.get("model") or result.get("cost_type")
        return _texts({**day, "model": model, "token_type": result.get("token_type"),
                       "cost_usd": f"{usd:f}"})  # fmt: skip
    written = result.get("cache_creation") or {}
    return _texts(
        {
            **day,
            "model_version": result.get("model"),
            "usage_input_tokens_no_cache": result.get("uncached_input_tokens"),
            "usage_input_tokens_cache_read": result.get("cache_read_input_tokens"),
            "usage_input_tokens_cache_write_5m": written.get("ephemeral_5m_input_tokens"),
            "usage_input_tokens_cache_write_1h": written.get("ephemeral_1h_input_tokens"),
            "usage_output_tokens": result.get("output_tokens"),
        }
    )


def _in_dollars(result: Mapping[str, Any]) -> None:
    currency = result.get("currency") or "USD"
    if currency.upper() != "USD":
        raise InputError(
            f"the costs are in {currency!r}, the ledger is in US dollars",
            hint="compare the usage in place of the costs",
        )


def _texts(row: Mapping[str, Any]) -> Row:
    return {
        name: "" if value is None else str(value)
        for name, value in row.items()
        if not isinstance(value, dict | list)
    }
