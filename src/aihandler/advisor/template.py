"""An empty profile with a line for every key, and its JSON Schema; both are made of the structs."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from aihandler.advisor.company import Profile
from aihandler.advisor.economics.inputs import RULES
from aihandler.config.shape import schema_of
from aihandler.domain.task import Json

_HEAD = """\
# What your company says of itself, for `aihandler advise --profile FILE`.
# Take the # away from what you know. What you leave out is asked for by name, never assumed as a
# fact; inputs of the cost that are assumed are listed first in the advice.
# Shares are numbers: 0.2 is 20 %. Money is in US dollars.
"""
_COSTS = "inputs of the total cost: [likely] or [likely, lowest, highest]"
_CLAIMS = "numbers that somebody stated, by a name of your own: each is held against its sum"
_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}
# Written out below, not as one line.
_APART = ("company", "tasks", "claims", "costs", "hosting", "security")


def profile_schema() -> dict[str, Json]:
    """The JSON Schema of a profile, for editors."""
    return schema_of(Profile, title="company.yaml")


def profile_template() -> str:
    """An annotated profile in which every key is a comment; it reads as one that says nothing."""
    defs: Mapping[str, Any] = schema_of(Profile, title="company.yaml")["$defs"]
    lines = [_HEAD, *_keys(defs["Profile"], 0), "company:", *_keys(defs["Company"], 2)]
    lines += ["  # what of the security checklist is in place", "  # security:"]
    lines += [*_keys(defs["SecurityMeasures"], 2, inner=2)]
    lines += ["tasks:", "  # a name of your own, once for each kind of work", "  first:"]
    lines += _keys(defs["TaskFacts"], 4)
    lines += [f"    # {_COSTS}", "    # costs:", *_costs()]
    lines += ["    # a machine for an open model", "    # hosting:"]
    lines += _keys(defs["Hosting"], 4, inner=2)
    return "\n".join([*lines, f"# {_CLAIMS}", "# claims:", *_claims(defs)]) + "\n"


def _keys(struct: Mapping[str, Any], indent: int, *, inner: int = 0) -> Iterator[str]:
    margin, before = " " * indent, " " * inner
    for name, node in struct["properties"].items():
        if name not in _APART:
            about = node.get("description", "")
            line = f"{margin}# {before}{name}: {_example(node)}"
            yield f"{line}  # {about}" if about else line


def _example(node: Mapping[str, Any]) -> str:
    options = node.get("enum")
    if options:
        return " or ".join(str(option) for option in options if option is not None)
    match node.get("type"):
        case "object" if isinstance(node.get("additionalProperties"), dict):
            return f"{{NAME: {_example(node['additionalProperties'])}}}"
        case "array" if node.get("prefixItems"):
            return f"[{', '.join(_example(item) for item in node['prefixItems'])}]"
        case str() as kind:
            return _TYPES.get(kind, "a value")
    return "a mapping" if "$ref" in node else "a value"


def _costs() -> Iterator[str]:
    for name, rule in RULES.items():
        taken = "" if rule.assumed is None else f"; left out: {_span(rule.assumed)}"
        yield from textwrap.wrap(
            f"{rule.meaning}, in {rule.unit}{taken}",
            width=92,
            initial_indent="    #   # ",
            subsequent_indent="    #   # ",
        )
        yield f"    #   {name}: [likely, lowest, highest]"


def _span(assumed: tuple[float, float, float]) -> str:
    value, low, high = assumed
    return f"{value:g}" if low == high else f"{value:g} ({low:g} to {high:g})"


def _claims(defs: Mapping[str, Any]) -> Iterator[str]:
    for struct in defs.values():
        properties = struct.get("properties", {})
        if "is" not in properties:
            continue
        (form,) = properties["is"]["enum"]
        needed = set(struct.get("required", ()))
        yield f"#   # {struct.get('description', '').splitlines()[0]}"
        yield f"#   a_{form}:"
        yield f"#     is: {form}"
        for name, node in properties.items():
            if name != "is":
                told = "" if name in needed else " (may be left out)"
                yield f"#     {name}: {_example(node)}{told}"
