"""Bends a conversation to what a template can express, and says what was moved."""

import json
from collections.abc import Sequence

import msgspec

from aihandler.backends.chat_templates.conversation import Tool, ToolCall, Turn
from aihandler.backends.chat_templates.messages import to_tools
from aihandler.backends.chat_templates.shape import Shape

_INSTRUCTIONS = """You may call these tools, one JSON object a line:
{tools}

To call one, answer with nothing but this, once for each call:
<tool_call>
{{"name": "the tool's name", "arguments": {{"argument": "value"}}}}
</tool_call>"""


class Adapted(msgspec.Struct, frozen=True):
    """Turns and tools as a template takes them; `notes` say what had to be moved.

    `as_text`: tools are described, and so called, in the plain form of `_INSTRUCTIONS`.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...]
    notes: tuple[str, ...]
    as_text: bool = False


def adapted(turns: Sequence[Turn], tools: Sequence[Tool], shape: Shape) -> Adapted:
    """The same conversation, in turns that this template renders without loss."""
    notes: list[str] = []
    fitting = list(turns)
    as_text = not shape.tools and (bool(tools) or _uses_tools(turns))
    if as_text:
        notes.append("tools are described in the system text: the template has no place for them")
        fitting = _tools_as_text(fitting, tools)
        tools = ()
    elif not shape.parallel and any(len(turn.calls) > 1 for turn in turns):
        notes.append("parallel calls were put one after the other")
        fitting = _one_call_a_turn(fitting)
    fitting = _systems(fitting, shape, notes)
    if not shape.repeats:
        fitting = _merged(fitting, notes)
    if shape.tools and not shape.user_after_tool:
        fitting = _answered(fitting, notes)
    return Adapted(tuple(fitting), tuple(tools), tuple(notes), as_text)


def _uses_tools(turns: Sequence[Turn]) -> bool:
    return any(turn.calls or turn.role == "tool" for turn in turns)


def _tools_as_text(turns: Sequence[Turn], tools: Sequence[Tool]) -> list[Turn]:
    changed = [_tool_turn_as_text(turn) for turn in turns]
    if not tools:
        return changed
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in to_tools(tools) or ())
    text = _INSTRUCTIONS.format(tools=listed)
    if changed and changed[0].role == "system":
        return [_with_text(changed[0], f"{changed[0].text}\n\n{text}"), *changed[1:]]
    return [Turn("system", text), *changed]


def _tool_turn_as_text(turn: Turn) -> Turn:
    if turn.role == "tool":
        return Turn("user", f"<tool_response>\n{turn.text}\n</tool_response>")
    if not turn.calls:
        return turn
    calls = "\n".join(f"<tool_call>\n{_call_text(call)}\n</tool_call>" for call in turn.calls)
    text = f"{turn.text}\n{calls}" if turn.text else calls
    return Turn("assistant", text, reasoning=turn.reasoning)


def _call_text(call: ToolCall) -> str:
    return f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}'


def _one_call_a_turn(turns: Sequence[Turn]) -> list[Turn]:
    """Each call with its own result behind it."""
    results = {turn.call_id: turn for turn in turns if turn.role == "tool"}
    placed: set[str] = set()
    changed: list[Turn] = []
    for turn in turns:
        if turn.role == "tool" and turn.call_id in placed:
            continue
        if len(turn.calls) < 2:
            changed.append(turn)
            continue
        for number, call in enumerate(turn.calls):
            words = turn if number == 0 else Turn("assistant")
            changed.append(msgspec.structs.replace(words, calls=(call,)))
            if call.id in results:
                changed.append(results[call.id])
                placed.add(call.id)
    return changed


def _systems(turns: Sequence[Turn], shape: Shape, notes: list[str]) -> list[Turn]:
    leading = 0
    while leading < len(turns) and turns[leading].role == "system":
        leading += 1
    system = "\n\n".join(turn.text for turn in turns[:leading] if turn.text)
    rest = list(turns[leading:])
    if not shape.late_system and any(turn.role == "system" for turn in rest):
        notes.append("a later system text was moved into a user turn")
        rest = [_as_user(turn) for turn in rest]
    if not system:
        return rest
    if shape.system and any(turn.role == "user" for turn in rest):
        return [Turn("system", system), *rest]
    notes.append("the system text was moved into the first user turn")
    if rest and rest[0].role == "user":
        return [_with_text(rest[0], f"{system}\n\n{rest[0].text}"), *rest[1:]]
    return [Turn("user", system), *rest]


def _as_user(turn: Turn) -> Turn:
    return msgspec.structs.replace(turn, role="user") if turn.role == "system" else turn


def _merged(turns: Sequence[Turn], notes: list[str]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        before = merged[-1] if merged else None
        if before and _joinable(before, turn):
            merged[-1] = _with_text(before, f"{before.text}\n\n{turn.text}")
        else:
            merged.append(turn)
    if len(merged) < len(turns):
        notes.append("turns of one speaker in a row were joined")
    return merged


def _answered(turns: Sequence[Turn], notes: list[str]) -> list[Turn]:
    """With an assistant's turn between a tool's result and a user's words."""
    changed: list[Turn] = []
    for turn in turns:
        if changed and changed[-1].role == "tool" and turn.role == "user":
            # Not an empty text: one of these templates refuses it.
            changed.append(Turn("assistant", "..."))
            notes.append("a silent assistant turn was put between a tool's result and a user turn")
        changed.append(turn)
    return changed


def _joinable(before: Turn, turn: Turn) -> bool:
    same = before.role == turn.role and turn.role in {"user", "assistant"}
    return same and not (before.calls or turn.calls)


def _with_text(turn: Turn, text: str) -> Turn:
    return msgspec.structs.replace(turn, text=text)
