"""Turns and tools as the values that a template reads: the form that transformers gives them."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from aihandler.backends.chat_templates.conversation import Tool, ToolCall, Turn


class Form(msgspec.Struct, frozen=True):
    """How one template wants its values.

    `parts`: contents are lists of typed parts; `arguments_as_text`: arguments of calls stay JSON
    text; `empty_text`: a call without words has the text "" instead of null; `short_ids`: ids of
    calls are nine letters and digits.
    """

    parts: bool = False
    arguments_as_text: bool = False
    empty_text: bool = False
    short_ids: bool = False


def to_messages(turns: Sequence[Turn], form: Form) -> list[dict[str, Any]]:
    """What a template calls `messages`."""
    return [_message(turn, form) for turn in turns]


def to_tools(tools: Sequence[Tool]) -> list[dict[str, Any]] | None:
    """What a template calls `tools`; none rather than an empty list, as templates test for both."""
    if not tools:
        return None
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in tools
    ]


def _message(turn: Turn, form: Form) -> dict[str, Any]:
    content: Any = turn.text
    if turn.calls and not turn.text and not form.empty_text:
        content = None
    elif form.parts:
        content = [{"type": "text", "text": turn.text}]
    message: dict[str, Any] = {"role": turn.role, "content": content}
    if turn.reasoning:
        # Two names for one thing; a template reads the one it knows.
        message |= {"reasoning_content": turn.reasoning, "thinking": turn.reasoning}
    if turn.calls:
        message["tool_calls"] = [_call(call, form) for call in turn.calls]
    if turn.role == "tool":
        message |= {"tool_call_id": _id(turn.call_id, form), "name": turn.name}
    return message


def _call(call: ToolCall, form: Form) -> dict[str, Any]:
    arguments: Any = call.arguments
    if not form.arguments_as_text:
        arguments = json.loads(call.arguments)
    return {
        "type": "function",
        "id": _id(call.id, form),
        "function": {"name": call.name, "arguments": arguments},
    }


def _id(call_id: str, form: Form) -> str:
    if not form.short_ids or (len(call_id) == 9 and call_id.isalnum() and call_id.isascii()):
        return call_id
    # Hexadecimal digits are letters and digits; one id gives one short id.
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]
