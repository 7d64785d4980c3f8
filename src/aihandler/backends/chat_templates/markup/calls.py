"""One reader per way of writing a tool call: from the opening mark to the place behind the call."""

import re
from collections.abc import Callable, Sequence

from aihandler.backends.chat_templates.conversation import ToolCall
from aihandler.backends.chat_templates.markup.message import Source, unsure
from aihandler.backends.chat_templates.markup.values import (
    elements,
    json_value,
    marked_object,
    members,
    object_text,
    plain,
    python_calls,
    typed,
    unquoted,
)

Found = tuple[list[ToolCall], int]
Reader = Callable[[Source, int], Found]

_ATTRIBUTES = re.compile(r'\s*name="([^"<>]*)"(?:\s+string="(true|false)")?\s*>')
_NAME_KEYS = ("name", "tool_name", "function")
_ARGUMENT_KEYS = ("arguments", "parameters", "params")


def call_from_object(text: str) -> ToolCall:
    """`{"name": ..., "arguments": {...}}`, under the names that models use for the two."""
    found = members(text)
    names = [key for key in _NAME_KEYS if found.get(key, "").startswith('"')]
    arguments = [key for key in _ARGUMENT_KEYS if key in found]
    if len(names) != 1 or len(arguments) > 1:
        unsure("a tool call has no name, or two")
    given = found[arguments[0]] if arguments else "{}"
    if given.startswith('"'):
        given = unquoted(given)
    call_id = next((found[key] for key in ("id", "tool_call_id") if key in found), '""')
    call_id = unquoted(call_id) if call_id.startswith('"') else call_id
    return ToolCall(unquoted(found[names[0]]), given, call_id)


def listed(close: str) -> Reader:
    """A JSON list of calls, or one call, up to `close`; an empty `close` is the end of the text."""

    def read(source: Source, at: int) -> Found:
        text, at = json_value(source, at)
        calls = [call_from_object(element) for element in elements(text)]
        return calls, source.after(at, close) if close else at

    return read


def tagged(close: str) -> Reader:
    """`<tool_call>`, which holds JSON, function blocks or a name with keys and values."""

    def read(source: Source, at: int) -> Found:
        at = source.skip(at)
        if source.has(at, "{") or source.has(at, "["):
            return listed(close)(source, at)
        if source.has(at, "<function="):
            calls, at = _blocks(source, at)
            return calls, source.after(at, close)
        return _keyed(source, at, close)

    return read


def function_block(source: Source, at: int) -> Found:
    """`<function=name>`, with JSON or parameter blocks inside; a lone `</tool_call>` may follow."""
    calls, at = _blocks(source, at - len("<function="))
    end = source.skip(at)
    return calls, end + len("</tool_call>") if source.has(end, "</tool_call>") else at


def _blocks(source: Source, at: int) -> Found:
    calls: list[ToolCall] = []
    while source.has(at := source.skip(at), "<function="):
        name, at = source.until(at + len("<function="), ">")
        if source.has(at := source.skip(at), "{"):
            text, at = json_value(source, at)
        else:
            text, at = _parameters(source, at, name)
        calls.append(ToolCall(name, text))
        at = source.after(at, "</function>")
    return calls, at


def _parameters(source: Source, at: int, name: str) -> tuple[str, int]:
    pairs: dict[str, str] = {}
    while source.has(at := source.skip(at), "<parameter="):
        key, at = source.until(at + len("<parameter="), ">")
        value, at = _value(source, at, "</parameter>", ("<parameter=", "</function>"))
        _put(pairs, key, typed(_without_line_ends(value), source.schema(name, key)))
    return object_text(pairs), at


def _value(source: Source, at: int, close: str, nexts: Sequence[str]) -> tuple[str, int]:
    """Up to the first `close` that one of `nexts` follows: a value may hold the mark itself."""
    begin, end = at, source.text.find(close, at)
    while end >= 0 and not source.text.startswith(tuple(nexts), source.skip(end + len(close))):
        end = source.text.find(close, end + len(close))
    if end < 0:
        unsure("a parameter of a tool call is cut or malformed")
    return source.text[begin:end], end + len(close)


def _keyed(source: Source, at: int, close: str) -> Found:
    """`name<arg_key>k</arg_key><arg_value>v</arg_value>`."""
    ends = [end for end in (source.text.find(m, at) for m in ("<arg_key>", close)) if end >= 0]
    end = min(ends, default=-1)
    if end < 0:
        unsure("a tool call is cut or malformed")
    name, at = source.text[at:end].strip(), end
    pairs: dict[str, str] = {}
    while source.has(at := source.skip(at), "<arg_key>"):
        key, at = source.until(at + len("<arg_key>"), "</arg_key>")
        at = source.after(at, "<arg_value>")
        value, at = _value(source, at, "</arg_value>", ("<arg_key>", close))
        _put(pairs, key, typed(value, source.schema(name, key)))
    return [ToolCall(name, object_text(pairs))], source.after(at, close)


def invoked(prefix: str, close: str) -> Reader:
    """`<invoke name="n"><parameter name="k">v</parameter></invoke>`, each tag with `prefix`."""
    parameter, end_parameter = f"<{prefix}parameter", f"</{prefix}parameter>"
    end_invoke = f"</{prefix}invoke>"

    def read(source: Source, at: int) -> Found:
        calls: list[ToolCall] = []
        while source.has(at := source.skip(at), f"<{prefix}invoke"):
            name, _, at = _attributes(source, at + len(f"<{prefix}invoke"))
            pairs: dict[str, str] = {}
            while source.has(at := source.skip(at), parameter):
                key, is_text, at = _attributes(source, at + len(parameter))
                value, at = _value(source, at, end_parameter, (parameter, end_invoke))
                _put(pairs, key, _declared(value, is_text, source, name=name, key=key))
            calls.append(ToolCall(name, object_text(pairs)))
            at = source.after(at, end_invoke)
        return calls, source.after(at, close)

    return read


def named_function(source: Source, at: int) -> Found:
    """`<function name="n"><param name="k">v</param></function>`, a value maybe in CDATA."""
    name, _, at = _attributes(source, at)
    pairs: dict[str, str] = {}
    while source.has(at := source.skip(at), "<param"):
        key, _, at = _attributes(source, at + len("<param"))
        if source.has(at, "<![CDATA["):
            value, at = source.until(at + len("<![CDATA["), "]]>")
            at = source.after(at, "</param>")
        else:
            value, at = _value(source, at, "</param>", ("<param", "</function>"))
        _put(pairs, key, typed(value, source.schema(name, key)))
    return [ToolCall(name, object_text(pairs))], source.after(at, "</function>")


def mistral(source: Source, at: int) -> Found:
    """`[TOOL_CALLS]`, then a JSON list, or `name[ARGS]{...}` with a call id perhaps between."""
    at = source.skip(at)
    if source.has(at, "["):
        return listed("")(source, at)
    written, at = source.until(at, "[ARGS]")
    name, _, call_id = written.partition("[CALL_ID]")
    arguments, at = json_value(source, at)
    return [ToolCall(name.strip(), arguments, call_id.strip())], at


def gemma(source: Source, at: int) -> Found:
    """`call:name{key:value}<tool_call|>`."""
    name, end = source.until(source.after(at, "call:"), "{")
    arguments, at = marked_object(source, end - 1)
    return [ToolCall(name.strip(), arguments)], source.after(at, "<tool_call|>")


def deepseek(source: Source, at: int) -> Found:
    """`function<sep>name`, a fence and JSON; or `name<sep>{...}`, as later versions write it."""
    calls: list[ToolCall] = []
    while source.has(at := source.skip(at), "<｜tool▁call▁begin｜>"):
        first, at = source.until(at + len("<｜tool▁call▁begin｜>"), "<｜tool▁sep｜>")
        if source.has(source.skip(at), "{"):
            name = first
            arguments, at = json_value(source, at)
        else:
            name, at = source.until(at, "```json")
            arguments, at = json_value(source, at)
            at = source.after(at, "```")
        calls.append(ToolCall(name.strip(), arguments))
        at = source.after(at, "<｜tool▁call▁end｜>")
    return calls, source.after(at, "<｜tool▁calls▁end｜>")


def kimi(source: Source, at: int) -> Found:
    """`functions.name:0`, a mark and JSON; the number belongs to the id, not to the name."""
    calls: list[ToolCall] = []
    while source.has(at := source.skip(at), "<|tool_call_begin|>"):
        call_id, at = source.until(at + len("<|tool_call_begin|>"), "<|tool_call_argument_begin|>")
        arguments, at = json_value(source, at)
        name = call_id.strip().removeprefix("functions.").rpartition(":")[0]
        calls.append(ToolCall(name, arguments, call_id.strip()))
        at = source.after(at, "<|tool_call_end|>")
    return calls, source.after(at, "<|tool_calls_section_end|>")


def kimi_without_section(source: Source, at: int) -> Found:
    """The same where the model forgot to open the section."""
    return kimi(source, at - len("<|tool_call_begin|>"))


def pythonic(source: Source, at: int) -> Found:
    """`[name(key=value)]` up to `<|tool_call_end|>`."""
    text, at = source.until(at, "<|tool_call_end|>")
    return [ToolCall(name, arguments) for name, arguments in python_calls(text)], at


def apertus(source: Source, at: int) -> Found:
    """A list of `{"name": {arguments}}` up to `<|tools_suffix|>`."""
    text, at = json_value(source, at)
    calls = []
    for element in elements(text):
        found = members(element)
        if len(found) != 1:
            unsure("a tool call has no name, or two")
        calls += [ToolCall(name, arguments) for name, arguments in found.items()]
    return calls, source.after(at, "<|tools_suffix|>")


def _attributes(source: Source, at: int) -> tuple[str, str | None, int]:
    found = _ATTRIBUTES.match(source.text, at)
    if found is None:
        unsure("a tool call is cut or malformed")
    return found.group(1), found.group(2), found.end()


def _declared(value: str, is_text: str | None, source: Source, *, name: str, key: str) -> str:
    if is_text == "false":
        plain(value)
        return value.strip()
    schema = {"type": "string"} if is_text == "true" else source.schema(name, key)
    return typed(value, schema)


def _put(pairs: dict[str, str], key: str, value: str) -> None:
    if key.strip() in pairs:
        unsure("a tool call names one parameter twice")
    pairs[key.strip()] = value


def _without_line_ends(value: str) -> str:
    return value.removeprefix("\n").removesuffix("\n")
