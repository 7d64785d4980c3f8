"""Alternatives: `anyOf`, `oneOf` and lists of types, as a subset takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aihandler.domain.task import Json
from aihandler.validation.downlevel.leaf import words
from aihandler.validation.downlevel.record import shown
from aihandler.validation.downlevel.refusal import Empty
from aihandler.validation.downlevel.vocabulary import limits, of_kind, type_of, typed

if TYPE_CHECKING:
    from aihandler.validation.downlevel.rewrite import Rewriter

_Node = dict[str, Any]
# An alternative and the place where it stands in the task's schema.
Branch = tuple[str, _Node]


def branches_of(node: _Node, at: str, rewriter: Rewriter) -> list[Branch] | None:
    """The alternatives that a part names, each with the limits beside them; None without any."""
    key = next((key for key in ("anyOf", "oneOf") if key in node), None)
    if key is None:
        return None
    # No server reads both a union and the limits beside it in the same way.
    beside = {name: node[name] for name in limits(node) if name != key}
    found = []
    for index, part in enumerate(node[key]):
        branch = {} if part is True else part
        if isinstance(branch, dict):
            place = f"{at}/{key}/{index}"
            both = rewriter.both(branch, beside, place) if beside else branch
            found.append((place, both))
    if not found:
        raise Empty(f"{shown(at)} admits no value")
    if key == "oneOf":
        rewriter.record.rename(at, "oneOf", "anyOf")
        if not _exclude_each_other([branch for _, branch in found]):
            rewriter.record.drop(at, "oneOf")
    return found


def by_kind(node: _Node, kinds: list[str], at: str) -> list[Branch]:
    """One alternative for each type of a list."""
    limiting = {key: node[key] for key in limits(node)}
    found = [(at, of_kind(limiting, kind)) for kind in kinds]
    kept = [(at, branch) for _, branch in found if branch.get("enum") != []]
    if not kept:
        raise Empty(f"no value is listed at {shown(at)} that its types admit")
    return kept


def union(
    node: _Node, branches: list[Branch], within: tuple[str, ...], rewriter: Rewriter
) -> _Node:
    """Several alternatives as they are sent."""
    subset = rewriter.subset
    place = shown(branches[0][0])
    nullable = False
    if subset.null_as_keyword:
        nulls = [branch for _, branch in branches if _is_null(branch)]
        branches = [(at, branch) for at, branch in branches if not _is_null(branch)]
        nullable = any("enum" not in of_kind(branch, "null") for branch in nulls)
    sent: list[_Node] = []
    for at, branch in branches:
        one = _if_any(branch, at, within, rewriter)
        if one is not None and one not in sent:
            sent.append(one)
    if not sent and nullable:
        return {"type": "null", **words(node, [], subset)}
    if not sent:
        raise Empty(f"{place} admits no value, and neither do its alternatives")
    around = words(node, [], subset) | ({"nullable": True} if nullable else {})
    if len(sent) == 1:
        return sent[0] | around
    if subset.union_alone and around:
        sent[0] = _first_leaf_with(sent[0], around)
        return {"anyOf": sent}
    return {"anyOf": sent, **around}


def _is_null(branch: _Node) -> bool:
    return branch.get("type") == "null" and limits(branch) <= {"type", "enum", "const"}


def _if_any(branch: _Node, at: str, within: tuple[str, ...], rewriter: Rewriter) -> _Node | None:
    try:
        return rewriter.visit(branch, at, within)
    except Empty:
        return None


def with_null(sent: _Node, definitions: Mapping[str, _Node], subset_lists: bool) -> _Node | None:
    """The part so that null may be said as well; None when it may be already."""
    if admits_null(sent, definitions):
        return None
    kind = sent.get("type")
    kinds = [kind] if isinstance(kind, str) else kind or []
    if subset_lists and kinds and not {"object", "array"} & set(kinds):
        found = {**sent, "type": list(dict.fromkeys([*kinds, "null"]))}
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
        # A constant names the only value; it has to become a list of two.
        if "const" in found:
            found["enum"] = [found.pop("const"), None]
        return found
    outer: _Node = {key: sent[key] for key in ("title", "description") if key in sent}
    inner: _Node = {key: part for key, part in sent.items() if key not in outer}
    if set(inner) == {"anyOf"}:
        return {"anyOf": [*inner["anyOf"], {"type": "null"}], **outer}
    return {"anyOf": [inner, {"type": "null"}], **outer}


def admits_null(sent: _Node, definitions: Mapping[str, _Node], depth: int = 0) -> bool:
    """Whether null is a value of a part of the sent schema."""
    if depth > len(definitions) + 8:
        return False
    if "$ref" in sent:
        target = definitions.get(sent["$ref"].removeprefix("#/$defs/"))
        return target is not None and admits_null(target, definitions, depth + 1)
    if "anyOf" in sent:
        return any(admits_null(part, definitions, depth + 1) for part in sent["anyOf"])
    if sent.get("nullable"):
        return True
    kind = sent.get("type", "null")
    listed = None in sent.get("enum", [None]) and sent.get("const") is None
    return listed and (kind == "null" or "null" in kind)


def _first_leaf_with(sent: _Node, around: _Node) -> _Node:
    if "anyOf" in sent:
        first, *others = sent["anyOf"]
        return {"anyOf": [_first_leaf_with(first, around), *others]}
    return around | sent


def _exclude_each_other(branches: list[_Node]) -> bool:
    """True when it is plain that no value fits two: other types, or another value under a key."""
    if any("$ref" in branch for branch in branches):
        # What stands beside a reference does not tell the type of what it leads to.
        return False
    kinds = [typed(branch).get("type") for branch in branches]
    if all(isinstance(kind, str) for kind in kinds) and len(set(map(str, kinds))) == len(kinds):
        # Every integer is a number.
        return not {"integer", "number"} <= set(map(str, kinds))
    shared = set.intersection(*(set(branch.get("required", ())) for branch in branches))
    if any(kind != "object" for kind in kinds):
        return False
    return any(_differ([b.get("properties", {}).get(key) for b in branches]) for key in shared)


def _differ(parts: list[Json]) -> bool:
    seen: list[tuple[str, Json]] = []
    for part in parts:
        if not isinstance(part, dict):
            return False
        values = [part["const"]] if "const" in part else part.get("enum")
        if not isinstance(values, list):
            return False
        marked = [(type_of(value), value) for value in values]
        if any(value in seen for value in marked):
            return False
        seen += marked
    return True
