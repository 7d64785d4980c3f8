"""Values inside markup, as JSON text that says the same."""

import ast
import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.chat_templates.markup.message import Source, unsure

_DEPTH = 64
_PYTHON_LIMIT = 100_000
_QUOTE = '<|"|>'
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_KINDS: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def json_value(source: Source, at: int) -> tuple[str, int]:
    """One JSON value as it was written, and the place behind it."""
    at = source.skip(at)
    try:
        _, end = json.JSONDecoder().raw_decode(source.text, at)
    except (ValueError, RecursionError):
        unsure("the arguments of a tool call are cut or no JSON")
    return source.text[at:end], end


def members(text: str) -> Mapping[str, str]:
    """The members of a JSON object, each as it was written."""
    try:
        raw = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError):
        unsure("a tool call is no JSON object")
    return {key: bytes(value).decode() for key, value in raw.items()}


def elements(text: str) -> list[str]:
    """The elements of a JSON array; a lone object counts as an array of one."""
    if text.startswith("{"):
        return [text]
    try:
        return [bytes(raw).decode() for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError):
        unsure("a list of tool calls is no JSON")


def unquoted(text: str) -> str:
    """The text inside a JSON string."""
    try:
        return msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, msgspec.ValidationError):
        unsure("a name or id in a tool call is no text")


def typed(text: str, schema: Mapping[str, Any]) -> str:
    """JSON for a value that stands in markup without its type: the tool's schema decides.

    Without a schema it is the text that was written, which loses nothing.
    """
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, list) or "string" in kinds or not set(kinds) <= _KINDS.keys():
        return json.dumps(text, ensure_ascii=False)
    written = _PYTHON_WORDS.get(text.strip(), text.strip())
    value = plain(written)
    is_bool = isinstance(value, bool)
    fits = any(isinstance(value, _KINDS[k]) and is_bool == (k == "boolean") for k in kinds)
    if not fits:
        unsure("a parameter of a tool call has another type than its schema")
    return written


def plain(text: str) -> Any:
    """A JSON value that stands alone."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        unsure("a parameter of a tool call is no JSON")


def object_text(pairs: Mapping[str, str]) -> str:
    """A JSON object of members that are JSON already."""
    inside = ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {v}" for k, v in pairs.items())
    return f"{{{inside}}}"


def python_calls(text: str) -> list[tuple[str, str]]:
    """`[name(key=value), ...]`: names and JSON arguments. Literals only, nothing is run."""
    if len(text) > _PYTHON_LIMIT:
        unsure("a tool call is too long")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        calls = tree.elts if isinstance(tree, ast.List) else [tree]
        return [_python_call(call) for call in calls]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        unsure("a tool call is cut or no list of calls")


def _python_call(call: ast.expr) -> tuple[str, str]:
    if not isinstance(call, ast.Call) or call.args:
        raise ValueError
    values = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    if None in values or len(values) < len(call.keywords):
        raise ValueError
    return ast.unparse(call.func), json.dumps(values, ensure_ascii=False, allow_nan=False)


def marked_object(source: Source, at: int, depth: int = 0) -> tuple[str, int]:
    """Gemma's object `{key:value}`, whose texts stand between `<|"|>`."""
    pairs: dict[str, str] = {}
    at = source.after(at, "{")
    while not source.has(at := source.skip(at), "}"):
        if pairs:
            at = source.skip(source.after(at, ","))
        if source.has(at, _QUOTE):
            key, at = source.until(at + len(_QUOTE), _QUOTE)
            at = source.after(at, ":")
        else:
            key, at = source.until(at, ":")
        if key.strip() in pairs:
            unsure("a tool call names one parameter twice")
        pairs[key.strip()], at = _marked_value(source, at, depth)
    return object_text(pairs), at + 1


def _marked_value(source: Source, at: int, depth: int) -> tuple[str, int]:
    if depth > _DEPTH:
        unsure("the arguments of a tool call are nested too deep")
    at = source.skip(at)
    if source.has(at, _QUOTE):
        text, at = source.until(at + len(_QUOTE), _QUOTE)
        return json.dumps(text, ensure_ascii=False), at
    if source.has(at, "{"):
        return marked_object(source, at, depth + 1)
    if source.has(at, "["):
        return _marked_list(source, at, depth)
    text, at = json_value(source, at)
    if text.startswith('"') or not math.isfinite(plain(text) or 0):
        unsure("the arguments of a tool call are malformed")
    return text, at


def _marked_list(source: Source, at: int, depth: int) -> tuple[str, int]:
    values: list[str] = []
    at += 1
    while not source.has(at := source.skip(at), "]"):
        if values:
            at = source.after(at, ",")
        value, at = _marked_value(source, at, depth + 1)
        values.append(value)
    return f"[{', '.join(values)}]", at + 1
