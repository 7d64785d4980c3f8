"""Two schemas that hold at once, as one."""

from collections.abc import Callable, Mapping
from typing import Any

from aihandler.domain.task import Json
from aihandler.validation.downlevel.pointers import step
from aihandler.validation.downlevel.vocabulary import LIMITS, equal, is_kind

# A keyword that cannot be merged, by its pointer below the place of the merge.
Lost = list[tuple[str, str]]
_Node = dict[str, Any]


def merged(first: _Node, second: _Node, lost: Lost, below: str = "") -> _Node:
    """What both ask. Words for people are taken from the first.

    A limit of the second that has no common form with the first is left out and noted in `lost`.
    """
    one, two = _within_each_other(first, second, lost, below)
    found = dict(one)
    for key, value in two.items():
        if key not in found:
            found[key] = value
        elif key == "properties":
            found[key] = _properties(found[key], value, lost, below)
        elif key in LIMITS and not equal(found[key], value):
            both = _BOTH[key](found[key], value) if key in _BOTH else None
            if both is None:
                lost.append((below, key))
            else:
                found[key] = both
    return _without_strangers(found)


def _properties(one: _Node, two: _Node, lost: Lost, below: str) -> _Node:
    found = dict(one)
    for name, part in two.items():
        mine = found.get(name, True)
        if mine is False or part is False:
            found[name] = False
        elif isinstance(mine, dict) and isinstance(part, dict):
            found[name] = merged(mine, part, lost, f"{below}/properties{step(name)}")
        else:
            found[name] = part if isinstance(part, dict) else mine
    return found


def _within_each_other(one: _Node, two: _Node, lost: Lost, below: str) -> tuple[_Node, _Node]:
    """Each without the keys that the other forbids; what is left can be put together."""
    one, two = _kept(one, two, lost, below), _kept(two, one, lost, below)
    for mine, other in ((one, two), (two, one)):
        rest = mine.get("additionalProperties")
        # Keys of the other that fall under a schema for all further keys: no common form here.
        strangers = set(other.get("properties", {})) - set(mine.get("properties", {}))
        if isinstance(rest, dict) and rest and strangers:
            lost.append((below, "additionalProperties"))
            mine["additionalProperties"] = True
        if "items" in mine and "prefixItems" in other and "prefixItems" not in mine:
            lost.append((below, "items"))
            del mine["items"]
    return one, two


def _kept(node: _Node, other: _Node, lost: Lost, below: str) -> _Node:
    closed = other.get("additionalProperties") is False and "patternProperties" not in other
    if not closed:
        return dict(node)
    names, required = node.get("properties", {}), set(node.get("required", ()))
    allowed = set(other.get("properties", {}))
    if required - allowed:
        # One wants the key that the other forbids: nothing satisfies both.
        lost.append((below, "additionalProperties"))
    kept = {key: part for key, part in names.items() if key in allowed or key in required}
    return {**node, "properties": kept} if names else dict(node)


def _without_strangers(node: _Node) -> _Node:
    kind, values = node.get("type"), node.get("enum")
    if isinstance(kind, str) and isinstance(values, list):
        return {**node, "enum": [value for value in values if is_kind(value, kind)]}
    return node


def _types(one: Json, two: Json) -> Json:
    mine = [one] if isinstance(one, str) else one
    yours = [two] if isinstance(two, str) else two
    both = [kind for kind in mine if kind in yours or (kind == "integer" and "number" in yours)]
    both += [kind for kind in yours if kind == "integer" and "number" in mine and kind not in both]
    return (both[0] if len(both) == 1 else both) or None


def _union(one: Json, two: Json) -> Json:
    return [*one, *(name for name in two if name not in one)]


def _common(one: Json, two: Json) -> Json:
    return [value for value in one if any(equal(value, other) for other in two)] or None


def _both_closed(one: Json, two: Json) -> Json:
    if one is False or two is False:
        return False
    if isinstance(one, dict) and isinstance(two, dict) and one and two:
        return None
    return one if isinstance(one, dict) and one else two


_BOTH: Mapping[str, Callable[[Json, Json], Json]] = {
    "type": _types,
    "required": _union,
    "enum": _common,
    "additionalProperties": _both_closed,
    "uniqueItems": lambda one, two: one or two,
    **dict.fromkeys(
        ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"),
        max,
    ),
    **dict.fromkeys(
        ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"),
        min,
    ),
}
