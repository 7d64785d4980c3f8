"""The limits of one part that need no other part: which are sent, reworded or told in words."""

from typing import Any

import msgspec

from aihandler.domain.task import Json
from aihandler.validation.downlevel.record import Record, shown
from aihandler.validation.downlevel.refusal import Empty
from aihandler.validation.downlevel.subsets import Subset
from aihandler.validation.downlevel.vocabulary import CHECKED_FORMATS, LIMITS, concerns, type_of

# A longer limit is only named: the description is for the model, not for a validator.
TOLD_CHARS = 160

_encode = msgspec.json.Encoder(decimal_format="number").encode
_Node = dict[str, Any]


def said(node: _Node, kind: str, at: str, record: Record) -> _Node:
    """The limits of a part of one type as the subset takes them.

    What has to do with other parts (properties, items, unions) is not looked at.
    """
    subset = record.subset
    found: _Node = {}
    told: list[str] = []
    for key, value in _reworded(node, kind, at, record).items():
        if key not in LIMITS or key in _ELSEWHERE or not concerns(key, kind):
            continue
        if _takes(key, value, kind, subset):
            found[key] = value
        elif key != "format" or value in CHECKED_FORMATS:
            record.drop(at, key)
            told.append(tell(key, _with_its_outcomes(node) if key == "if" else value))
            found |= _weaker(key, value, subset)
        else:
            # Nothing asserts it, but the model may make use of it.
            told.append(tell(key, value))
    if found.get("enum") == []:
        raise Empty(f"no value is listed at {shown(at)} that its type admits")
    return {**found, **words(node, told, subset)}


# Written by those who write the parts they hold; `type` by the caller.
_ELSEWHERE = {"type", "properties", "required", "additionalProperties", "items", "prefixItems"}


def words(node: _Node, told: list[str], subset: Subset) -> _Node:
    """Title and description, with the limits that are told in words only."""
    found: _Node = {}
    title, text = node.get("title"), node.get("description")
    if "title" in subset.keywords and isinstance(title, str):
        found["title"] = title
    lines = [text] if isinstance(text, str) and text else []
    if told:
        lines.append(f"Must hold: {'; '.join(told)}.")
    if lines and "description" in subset.keywords:
        found["description"] = "\n".join(lines)
    return found


def tell(keyword: str, value: Json) -> str:
    """A limit in words."""
    text = _encode(value).decode()
    return f"{keyword} {text}" if len(text) <= TOLD_CHARS else keyword


def _with_its_outcomes(node: _Node) -> _Node:
    return {key: node[key] for key in ("if", "then", "else") if key in node}


def _reworded(node: _Node, kind: str, at: str, record: Record) -> _Node:
    found = _const_listed(node, kind, at, record)
    keywords = record.subset.keywords
    for strict, loose, by in _STRICT if kind == "integer" else ():
        bound = found.get(strict)
        if strict in keywords or loose not in keywords or loose in found:
            continue
        if isinstance(bound, int) and not isinstance(bound, bool):
            record.rename(at, strict, loose)
            found = {**found, loose: bound + by}
            del found[strict]
    return found


def _const_listed(node: _Node, kind: str, at: str, record: Record) -> _Node:
    if "const" not in node or "const" in record.subset.keywords:
        return node
    if not _takes("enum", [node["const"]], kind, record.subset):
        return node
    record.rename(at, "const", "enum")
    return {**{key: part for key, part in node.items() if key != "const"}, "enum": [node["const"]]}


_STRICT = (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1))
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def _takes(key: str, value: Json, kind: str, subset: Subset) -> bool:
    if key not in subset.keywords:
        return False
    match key:
        case "format":
            return value in subset.formats
        case "pattern":
            return isinstance(value, str) and subset.takes_pattern(value)
        case "minItems":
            return subset.min_items_up_to is None or value <= subset.min_items_up_to
        case "enum" if subset.enum_types:
            return all(type_of(each) in subset.enum_types for each in value)
    return kind == "integer" or key not in _BOUNDS or subset.bounds_of_numbers


def _weaker(key: str, value: Json, subset: Subset) -> _Node:
    """What of a dropped limit can still be sent."""
    if key == "minItems" and key in subset.keywords and subset.min_items_up_to is not None:
        return {key: min(value, subset.min_items_up_to)}
    return {}
