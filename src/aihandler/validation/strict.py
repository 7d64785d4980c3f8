"""Strict JSON: what the standard allows, without what it leaves to chance."""

import json
import math
from typing import NoReturn

import msgspec

from aihandler.domain.task import Json

MAX_DEPTH = 100

_canonical = msgspec.json.Encoder(order="deterministic").encode


class NotJson(ValueError):
    """The text is not the JSON that was hoped for; the message names the rule, not the text."""


class Conflict(NotJson):
    """One key, two values: which one is meant is anybody's guess."""


class Cut(NotJson):
    """The text ends before the value does."""


def parse(text: str) -> Json:
    """The value of a whole text. Raises NotJson, also for NaN, infinities, unequal doubles."""
    try:
        value = _decoder().decode(text)
    except NotJson:
        raise
    except RecursionError:
        raise NotJson(f"is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        place = f" near character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotJson(f"is not valid JSON{place}") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        check_depth(value)
    return storable(value)


def same(one: Json, other: Json) -> bool:
    """True for equal values of equal types: 1, 1.0 and true are three different values."""
    return _canonical(one) == _canonical(other)


def storable(value: Json) -> Json:
    """The value itself; raises NotJson when it has text that is no Unicode (half a surrogate)."""
    try:
        _canonical(value)
    except (UnicodeError, RecursionError, OverflowError):
        raise NotJson("has text that cannot be stored as UTF-8") from None
    return value


def collect(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """An object of key-value pairs. A key twice is a conflict unless both values are the same."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: dict[str, Json] = {}
    for key, value in pairs:
        if key in seen and not _same_or_odd(seen[key], value):
            raise Conflict("has one key twice with different values")
        seen[key] = value
    return found


def finite(text: str) -> float:
    """A JSON number as a float. Raises NotJson beyond the range of one."""
    number = float(text)
    if not math.isfinite(number):
        raise NotJson("has a number beyond all bounds")
    return number


def check_depth(value: Json) -> None:
    """Raises NotJson for a value nested deeper than `MAX_DEPTH`."""
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        level = [inner for part in level for inner in _containers(part)]
        if not level:
            return
    raise NotJson(f"is nested deeper than {MAX_DEPTH} levels")


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=collect, parse_float=finite, parse_constant=_no_constant
    )


def _no_constant(_: str) -> NoReturn:
    raise NotJson("has NaN or an infinity where JSON has numbers")


def _same_or_odd(one: Json, other: Json) -> bool:
    try:
        return same(one, other)
    except UnicodeError:
        return False


def _containers(part: Json) -> list[Json]:
    parts = part.values() if isinstance(part, dict) else part
    return [inner for inner in parts if isinstance(inner, dict | list)]
