"""Llama 3: a whole answer that is a call, as JSON with no mark around it or after a tag."""

import json
from collections.abc import Sequence

from aihandler.backends.chat_templates.conversation import Tool, ToolCall
from aihandler.backends.chat_templates.markup.calls import call_from_object
from aihandler.backends.chat_templates.markup.message import Source, Unsure, unsure
from aihandler.backends.chat_templates.markup.scan import TURN_ENDS, Marks
from aihandler.backends.chat_templates.markup.values import json_value, python_calls

TAG = "<|python_tag|>"
_INTERPRETERS = ("python", "code_interpreter", "ipython")


def may_be_bare(text: str) -> bool:
    """Whether a text that begins like this may be a call."""
    return text.startswith(("{", TAG))


def bare_calls(text: str, tools: Sequence[Tool]) -> list[ToolCall]:
    """The calls that the whole text is; none when it is an answer in JSON."""
    text = Marks((), TURN_ENDS).without_ends(text.strip()).strip()
    if text.startswith(TAG):
        return _after_tag(text.removeprefix(TAG).strip(), tools)
    try:
        calls = _objects(Source(text, tools))
    except Unsure:
        return []
    # An object that names no tool on offer is an answer, whatever its keys are called.
    offered = {tool.name for tool in tools}
    return calls if all(call.name in offered for call in calls) else []


def _objects(source: Source) -> list[ToolCall]:
    calls: list[ToolCall] = []
    at = 0
    while at < len(source.text):
        written, at = json_value(source, at)
        calls.append(call_from_object(written))
        at = source.skip(at)
        # Several calls are written with semicolons between them.
        at = source.skip(at + 1) if source.has(at, ";") else at
    return calls


def _after_tag(text: str, tools: Sequence[Tool]) -> list[ToolCall]:
    if text.startswith("{"):
        return _objects(Source(text, tools))
    offered = {tool.name for tool in tools}
    for name in _INTERPRETERS:
        if name in offered:
            return [ToolCall(name, json.dumps({"code": text}, ensure_ascii=False))]
    try:
        # `brave_search.call(query="...")`: the method belongs to the writing, not to the name.
        return [ToolCall(n.removesuffix(".call"), given) for n, given in python_calls(text)]
    except Unsure:
        unsure("code for an interpreter that was not offered")
