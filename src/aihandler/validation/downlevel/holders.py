"""Objects and arrays: the parts that hold other parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aihandler.domain.task import Json
from aihandler.validation.downlevel.leaf import said, tell
from aihandler.validation.downlevel.marks import ABSENT, ENTRIES, TEXT
from aihandler.validation.downlevel.pointers import step
from aihandler.validation.downlevel.record import shown
from aihandler.validation.downlevel.refusal import Empty
from aihandler.validation.downlevel.undo import KEY, VALUE
from aihandler.validation.downlevel.unions import with_null

if TYPE_CHECKING:
    from aihandler.validation.downlevel.rewrite import Rewriter

_Node = dict[str, Any]


def object_of(node: _Node, at: str, within: tuple[str, ...], rewriter: Rewriter) -> _Node:
    """An object with named keys, or with open ones where the subset takes that."""
    required = [key for key in node.get("required", ()) if isinstance(key, str)]
    named = _named(node, required)
    sent = {
        key: rewriter.visit(part, f"{at}/properties{step(key)}", within)
        for key, part in named.items()
        if _may_be_there(f"{at}/properties{step(key)}", part, key in required, rewriter)
    }
    found: _Node = {"type": "object"}
    absent = _require_all(sent, required, rewriter) if rewriter.subset.all_required else ()
    if sent or rewriter.subset.closed:
        found["properties"] = sent
    if required:
        found["required"] = [key for key in sent if key in required or key in absent]
    if rewriter.subset.all_required:
        found["required"] = list(sent)
    if absent:
        found[ABSENT] = tuple(absent)
    limited = _implied_by_closing(node) if rewriter.subset.closed else node
    found |= said(limited, "object", at, rewriter.record)
    return found | _others(node, at, within, rewriter)


def map_of(node: _Node, at: str, within: tuple[str, ...], rewriter: Rewriter) -> _Node:
    """An object whose keys are data, as a list of entries; undone afterwards."""
    rest = node["additionalProperties"]
    value = rewriter.visit(rest, f"{at}/additionalProperties", within)
    entry: _Node = {
        "type": "object",
        "properties": {KEY: {"type": "string"}, VALUE: value},
        "required": [KEY, VALUE],
    }
    if rewriter.subset.closed or "additionalProperties" in rewriter.subset.keywords:
        entry["additionalProperties"] = False
    rewriter.record.rename(at, "additionalProperties", "a list of keys and values")
    # Nothing in the list keeps a key from standing there twice.
    rewriter.record.drop(at, "additionalProperties")
    around = _around(node, at, rewriter, "Entries of one object: no key twice.")
    return {"type": "array", **around, "items": entry, ENTRIES: True}


def text_of(node: _Node, kind: str, at: str, rewriter: Rewriter) -> _Node:
    """An object or an array of free form, as a string that holds its JSON; undone afterwards."""
    rewriter.record.drop(at, "type")
    around = _around(node, at, rewriter, f"The JSON text of an {kind}.")
    return {"type": "string", **around, TEXT: kind}


def _around(node: _Node, at: str, rewriter: Rewriter, form: str) -> _Node:
    """The words around a part that is sent in another form; its limits only hold in words."""
    found = said(node, node["type"], at, rewriter.record)
    lines = [found.get("description"), form]
    for key in found.keys() - {"title", "description"}:
        rewriter.record.drop(at, key)
        lines.append(f"Must hold: {tell(key, found[key])}.")
    around: _Node = {key: part for key, part in found.items() if key == "title"}
    if "description" in rewriter.subset.keywords:
        around["description"] = "\n".join(filter(None, lines))
    return around


def array(node: _Node, at: str, within: tuple[str, ...], rewriter: Rewriter) -> _Node:
    """An array; one whose first items differ becomes one of alternatives where it has to."""
    node = _modern(node)
    first, rest = node.get("prefixItems"), node.get("items", True)
    found: _Node = {"type": "array"}
    if first:
        if rest is False:
            most = min(len(first), node.get("maxItems", len(first)))
            node, rest = {**node, "maxItems": most}, True
        if "prefixItems" in rewriter.subset.keywords and rest in (True, {}):
            found["prefixItems"] = [
                rewriter.visit(part, f"{at}/prefixItems/{n}", within)
                for n, part in enumerate(first)
            ]
            return found | said(node, "array", at, rewriter.record)
        rewriter.record.drop(at, "prefixItems")
        limit = node.get("maxItems")
        reachable = [] if isinstance(limit, int) and limit <= len(first) else [rest]
        rest = {"anyOf": [*first, *reachable]}
    elif rest is False:
        node, rest = {**node, "maxItems": 0}, True
    if rest in (True, {}) and rewriter.subset.untyped:
        return found | said(node, "array", at, rewriter.record)
    if rest in (True, {}):
        return text_of(node, "array", at, rewriter)
    found["items"] = rewriter.visit(rest, f"{at}/items", within)
    return found | said(node, "array", at, rewriter.record)


def _named(node: _Node, required: list[str]) -> dict[str, Json]:
    rest = node.get("additionalProperties", True)
    named = dict(node.get("properties", {}))
    for key in required:
        if key not in named:
            if rest is False and "patternProperties" not in node:
                raise Empty(f"the key {key!r} is required and forbidden")
            named[key] = rest if isinstance(rest, dict) else True
    return named


def _may_be_there(at: str, part: Json, required: bool, rewriter: Rewriter) -> bool:
    if part is not False:
        return True
    if required:
        raise Empty(f"{shown(at)} is required and forbidden")
    if not rewriter.subset.closed:
        rewriter.record.drop(at, "false")
    return False


def _require_all(sent: dict[str, _Node], required: list[str], rewriter: Rewriter) -> list[str]:
    """Every optional key may say null instead; returns those that could not before."""
    absent = []
    for key in sent.keys() - set(required):
        part = with_null(sent[key], rewriter.definitions, rewriter.subset.type_lists)
        if part is not None:
            sent[key] = part
            absent.append(key)
    return sorted(absent)


def _implied_by_closing(node: _Node) -> _Node:
    if node.get("unevaluatedProperties") is False:
        return {key: part for key, part in node.items() if key != "unevaluatedProperties"}
    return node


def _others(node: _Node, at: str, within: tuple[str, ...], rewriter: Rewriter) -> _Node:
    """What is said about keys that are not named."""
    rest = node.get("additionalProperties", True)
    subset = rewriter.subset
    if subset.closed:
        if rest is not False and "additionalProperties" in node:
            rewriter.record.rename(at, "additionalProperties", "false")
        return {"additionalProperties": False}
    named = bool(node.get("properties"))
    if "additionalProperties" not in subset.keywords:
        if rest not in (True, {}):
            rewriter.record.drop(at, "additionalProperties")
        return {}
    if rest is False or (rest is True and "additionalProperties" in node):
        return {"additionalProperties": rest}
    if isinstance(rest, dict) and rest:
        return {"additionalProperties": rewriter.visit(rest, f"{at}/additionalProperties", within)}
    return {"additionalProperties": True} if subset.say_open and not named else {}


def _modern(node: _Node) -> _Node:
    """Tuples as draft 2020-12 writes them."""
    if not isinstance(node.get("items"), list):
        return node
    found = {key: part for key, part in node.items() if key not in {"items", "additionalItems"}}
    found["prefixItems"] = node["items"]
    if "additionalItems" in node:
        found["items"] = node["additionalItems"]
    return found
