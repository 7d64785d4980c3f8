"""Brings a value nearer to its schema where nothing is lost or invented by it.

The schema's own errors lead: each names a place and what is wanted there. After at most
`MAX_ROUNDS` rounds of changes the whole value must be valid, or nothing of it is used.
"""

import re
from collections.abc import Callable
from decimal import Decimal

import msgspec

from aihandler.domain.task import Json
from aihandler.validation.schema import Schema, SchemaError
from aihandler.validation.strict import NotJson, parse
from aihandler.validation.verdict import name, pointer

MAX_ROUNDS = 4
MAX_ERRORS = 64

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?")
# Half of Europe writes a thousand and five hundred like this, and the other half one and a half.
_AMBIGUOUS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
# A text with one of these may be a list already, only written as one string.
_LIST_MARKS = re.compile(r"[,;\n|]")

_Path = tuple[str | int, ...]
# Changes a value in place and says what was done, or leaves it alone and says nothing.
_Change = Callable[[Json], str]


class Coerced(msgspec.Struct, frozen=True):
    """A valid value, and what was changed to get it."""

    value: Json
    notes: tuple[str, ...]


def coerce(value: Json, schema: Schema, errors: tuple[SchemaError, ...]) -> Coerced | None:
    """The value as the schema wants it, or None when that would take a guess."""
    unwrapped = _unwrapped(value, schema)
    if unwrapped is not None:
        return unwrapped
    notes: list[str] = []
    changed = _copy(value)
    for _ in range(MAX_ROUNDS):
        if not errors:
            return Coerced(changed, tuple(notes))
        if len(errors) > MAX_ERRORS:
            return None
        root = [changed]
        done = [note for error in errors if (note := _put_right(root, error, schema))]
        if not done:
            return None
        changed = root[0]
        notes.extend(done)
        errors = schema.errors(changed, chars=0)
    return None if errors else Coerced(changed, tuple(notes))


def _unwrapped(value: Json, schema: Schema) -> Coerced | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((key, inner),) = value.items()
    if not isinstance(inner, dict | list) or not schema.admits(inner):
        return None
    # An empty object satisfies most schemas and says nothing.
    return Coerced(inner, (f"removed the wrapper {name(key)}",)) if inner else None


def _put_right(root: list[Json], error: SchemaError, schema: Schema) -> str:
    """Changes what one error names. `root` is a list of one, so that the root can be replaced."""
    path: _Path = (0, *error.instance_path)
    holder = _at(root, path[:-1])
    if holder is None or not _has(holder, path[-1]):
        return ""
    place = pointer(path[1:]) or "/"
    rule = error.kind.name
    if rule in {"additionalProperties", "unevaluatedProperties"}:
        return _drop_keys(holder[path[-1]], error.kind.as_dict()["unexpected"], schema, place)
    if holder[path[-1]] is None and isinstance(holder, dict):
        del holder[path[-1]]
        return f"took null as absent at {place}"
    for wanted in _wanted_types(error):
        found, note = _as_type(holder[path[-1]], wanted)
        if note:
            holder[path[-1]] = found
            return f"{note} at {place}"
    return ""


def _drop_keys(found: Json, unexpected: list[str], schema: Schema, place: str) -> str:
    if not isinstance(found, dict) or not set(unexpected) < set(found):
        return ""
    # A key that is nearly one of the schema's is a slip of the pen, and its value is meant.
    meant = {_folded(key) for key in schema.keys}
    if any(_folded(key) in meant for key in unexpected):
        return ""
    for key in unexpected:
        del found[key]
    return f"dropped the keys {', '.join(name(key) for key in unexpected[:5])} at {place}"


def _wanted_types(error: SchemaError) -> tuple[str, ...]:
    if error.kind.name == "type":
        return tuple(error.kind.as_dict()["types"])
    if error.kind.name not in {"anyOf", "oneOf"}:
        return ()
    # An optional type: every alternative fails at this very place because of its type.
    wanted: list[str] = []
    for alternative in error.kind.as_dict()["context"]:
        if [e.kind.name for e in alternative] != ["type"]:
            return ()
        if alternative[0].instance_path != error.instance_path:
            return ()
        wanted.extend(alternative[0].kind.as_dict()["types"])
    return tuple(wanted)


def _as_type(found: Json, wanted: str) -> tuple[Json, str]:
    """The value as `wanted`, and a note; an empty note when it cannot be without a loss."""
    if wanted == "array" and isinstance(found, bool | int | float | str):
        return _as_list(found)
    if not isinstance(found, str):
        return found, ""
    match wanted:
        case "integer" if _INTEGER.fullmatch(found):
            return int(found), "read a number out of a string"
        case "number" if _is_exact_number(found):
            return parse(found), "read a number out of a string"
        case "boolean" if found in _BOOLEANS:
            return _BOOLEANS[found], "read a boolean out of a string"
        case "object":
            return _parsed(found, dict, "object")
    return found, ""


def _as_list(found: bool | int | float | str) -> tuple[Json, str]:
    if isinstance(found, str):
        value, note = _parsed(found, list, "array")
        if note or _LIST_MARKS.search(found) or found.strip()[:1] in {"", "["}:
            return value, note
    return [found], "made a list of one"


def _is_exact_number(text: str) -> bool:
    if not _NUMBER.fullmatch(text) or _AMBIGUOUS.fullmatch(text):
        return False
    return Decimal(text) == Decimal(repr(float(text)))


def _parsed(text: str, kind: type, wanted: str) -> tuple[Json, str]:
    try:
        value = parse(text)
    except NotJson:
        return text, ""
    return (value, f"read an {wanted} out of a string") if isinstance(value, kind) else (text, "")


def _at(root: Json, path: _Path) -> Json:
    for part in path:
        if not _has(root, part):
            return None
        root = root[part]
    return root


def _has(holder: Json, part: str | int) -> bool:
    if isinstance(holder, dict):
        return part in holder
    return isinstance(holder, list) and isinstance(part, int) and part < len(holder)


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


def _folded(key: str) -> str:
    return re.sub(r"[\W_]+", "", key).casefold()
