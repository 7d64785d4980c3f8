"""Does a subset take this schema? Asked of the finished one, knowing nothing of how it came."""

from collections.abc import Callable, Iterator
from typing import Any

from aihandler.domain.task import Json
from aihandler.validation.downlevel.pointers import step
from aihandler.validation.downlevel.record import shown
from aihandler.validation.downlevel.subsets import Subset
from aihandler.validation.downlevel.vocabulary import type_of

_Node = dict[str, Any]
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})


def objection(sent: _Node, subset: Subset) -> str:
    """The first thing that the subset does not take; empty when it takes all."""
    if subset.everything:
        return ""
    if subset.root_object and (sent.get("type") != "object" or "anyOf" in sent):
        return "the root has to be an object"
    for where, node in parts(sent):
        reason = _of_part(node, subset) or _of_reference(node, sent)
        if reason:
            return f"{shown(where)}: {reason}"
    return _of_size(sent, subset)


def parts(sent: Json, where: str = "") -> Iterator[tuple[str, _Node]]:
    """Every part of a schema, with its pointer."""
    if not isinstance(sent, dict):
        return
    yield where, sent
    for key, part in sent.items():
        if key in {"properties", "$defs"}:
            for name, each in part.items():
                yield from parts(each, f"{where}/{key}{step(name)}")
        elif key in {"anyOf", "prefixItems"}:
            for index, each in enumerate(part):
                yield from parts(each, f"{where}/{key}/{index}")
        elif key in {"items", "additionalProperties"}:
            yield from parts(part, f"{where}/{key}")


def _of_part(node: _Node, subset: Subset) -> str:
    for key in node:
        if key not in subset.keywords:
            return f"the keyword {key!r} is not taken"
    if "$ref" in node:
        alone = subset.ref_siblings or len(node) == 1
        return "" if alone else "nothing may stand beside a reference"
    if "anyOf" in node:
        alone = len(node) == 1 or not subset.union_alone
        return "" if alone else "nothing may stand beside a union"
    return _of_type(node, subset) or _of_values(node, subset) or _of_object(node, subset)


def _of_reference(node: _Node, sent: _Node) -> str:
    name = node.get("$ref", "").removeprefix("#/$defs/")
    return f"the definition {name!r} is missing" if name and name not in sent["$defs"] else ""


def _of_type(node: _Node, subset: Subset) -> str:
    kind = node.get("type")
    if kind is None:
        return "" if subset.untyped else "a type is missing"
    if isinstance(kind, list) and (not subset.type_lists or {"object", "array"} & set(kind)):
        return "such a list of types is not taken"
    if kind == "array" and "items" not in node and not subset.untyped:
        return "" if "prefixItems" in node else "the type of the items is missing"
    return ""


def _of_values(node: _Node, subset: Subset) -> str:
    if "enum" in node and subset.enum_types:
        others = {type_of(value) for value in node["enum"]} - subset.enum_types
        if others:
            return f"values of type {min(others)} may not be listed"
    if "format" in node and node["format"] not in subset.formats:
        return f"the format {node['format']!r} is not taken"
    if "pattern" in node and not subset.takes_pattern(node["pattern"]):
        return "the pattern is of a form that is not taken"
    most = subset.min_items_up_to
    if most is not None and node.get("minItems", 0) > most:
        return f"minItems above {most} is not taken"
    if not subset.bounds_of_numbers and _BOUNDS & set(node):
        kind = node.get("type", "number")
        if "number" in ([kind] if isinstance(kind, str) else kind):
            return "bounds of numbers are not taken"
    return ""


def _of_object(node: _Node, subset: Subset) -> str:
    kind = node.get("type")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return ""
    if subset.closed and node.get("additionalProperties") is not False:
        return "additionalProperties has to be false"
    if subset.all_required and set(node.get("required", ())) != set(node.get("properties", {})):
        return "every property has to be required"
    if not subset.free_form and not subset.closed and not node.get("properties"):
        return "the object names no keys"
    return ""


def _of_size(sent: _Node, subset: Subset) -> str:
    measured: tuple[tuple[str, int, Callable[[_Node], int]], ...] = (
        ("levels of objects", subset.max_depth, depth),
        ("properties", subset.max_properties, _properties),
        ("listed values", subset.max_enum_values, _listed),
        ("optional properties", subset.max_optional, _optional),
        ("unions", subset.max_unions, _unions),
        ("characters of names and values", subset.max_name_chars, _chars),
    )
    for name, most, count in measured:
        if most and (found := count(sent)) > most:
            return f"it has {found:,} {name}, and at most {most:,} are taken"
    return _of_large_lists(sent, subset)


def _of_large_lists(sent: _Node, subset: Subset) -> str:
    for where, node in parts(sent) if subset.large_enum_values else ():
        values = node.get("enum", ())
        chars = sum(len(value) for value in values if isinstance(value, str))
        if len(values) > subset.large_enum_values and chars > subset.large_enum_chars:
            return f"{shown(where)}: the listed values have {chars:,} characters together"
    return ""


def depth(sent: _Node) -> int:
    """How many objects are held in one another; a reference that leads back ends the count."""
    definitions = sent.get("$defs", {})
    known: dict[str, int] = {}

    def of(node: Json) -> int:
        if not isinstance(node, dict):
            return 0
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            if name not in known:
                known[name] = 0
                known[name] = of(definitions.get(name))
            return known[name]
        held = [*node.get("properties", {}).values(), *node.get("anyOf", ())]
        held += [*node.get("prefixItems", ()), node.get("items"), node.get("additionalProperties")]
        return max(map(of, held), default=0) + ("properties" in node)

    return of({key: part for key, part in sent.items() if key != "$defs"})


def _properties(sent: _Node) -> int:
    return sum(len(node.get("properties", ())) for _, node in parts(sent))


def _listed(sent: _Node) -> int:
    return sum(len(node.get("enum", ())) for _, node in parts(sent))


def _unions(sent: _Node) -> int:
    return sum("anyOf" in node or isinstance(node.get("type"), list) for _, node in parts(sent))


def _optional(sent: _Node) -> int:
    return sum(
        len(set(node.get("properties", {})) - set(node.get("required", ())))
        for _, node in parts(sent)
    )


def _chars(sent: _Node) -> int:
    found = sum(map(len, sent.get("$defs", {})))
    for _, node in parts(sent):
        found += sum(map(len, node.get("properties", {})))
        found += sum(len(str(value)) for value in node.get("enum", ()))
        found += len(str(node["const"])) if "const" in node else 0
    return found
