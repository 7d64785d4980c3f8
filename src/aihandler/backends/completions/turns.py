"""A request as the turns that chat templates know, and what has no place in them."""

from collections.abc import Iterator, Mapping

import msgspec

from aihandler.backends.chat_templates import Tool as TemplateTool
from aihandler.backends.chat_templates import ToolCall as TemplateCall
from aihandler.backends.chat_templates import Turn
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Message, Request
from aihandler.domain.parts import Part, Refusal, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.task import Json
from aihandler.domain.tools import Tool


class Conversed(msgspec.Struct, frozen=True):
    """What a template renders. `prefill` is what the answer has begun with."""

    turns: tuple[Turn, ...]
    tools: tuple[TemplateTool, ...] = ()
    prefill: str = ""
    switches: Mapping[str, Json] = {}


def conversed(request: Request, switches: frozenset[str], losses: Losses) -> Conversed:
    """The request in turns; `switches` are those that the template reads."""
    names = _names_of_calls(request)
    turns: list[Turn] = []
    for number, message in enumerate(request.messages):
        pointer = f"/messages/{number}"
        losses.add_fields(pointer, message.extra)
        if message.role == "assistant":
            turns.append(_assistant(message, pointer, losses))
        else:
            turns.extend(_others(message, pointer, losses, names=names))
    prefill = ""
    if turns and turns[-1].role == "assistant" and turns[-1].text and not turns[-1].calls:
        # What the model is to go on with, as the formats have it that know such a thing.
        prefill = turns.pop().text
    tools = _tools(request, losses)
    return Conversed(tuple(turns), tools, prefill, _switches(request, switches, losses))


def _names_of_calls(request: Request) -> dict[str, str]:
    parts = (part for message in request.messages for part in message.parts)
    return {part.id: part.name for part in parts if isinstance(part, ToolCall)}


def _assistant(message: Message, pointer: str, losses: Losses) -> Turn:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[TemplateCall] = []
    for number, part in enumerate(message.parts):
        where = f"{pointer}/parts/{number}"
        _note_beside(part, where, losses)
        match part:
            case Text(text) | Refusal(text):
                if calls and text:
                    losses.add(where, "its place behind a tool call: calls come last")
                texts.append(text)
            case Thinking(text):
                thoughts += [text] if text else []
            case ToolCall(call_id, name, arguments):
                calls.append(TemplateCall(name, arguments or "{}", call_id))
            case _:
                losses.add(where, "a part that is no text, tool call or thinking")
    return Turn("assistant", "".join(texts), "\n\n".join(thoughts), tuple(calls))


def _others(
    message: Message, pointer: str, losses: Losses, *, names: Mapping[str, str]
) -> Iterator[Turn]:
    texts: list[str] = []
    results: list[Turn] = []
    for number, part in enumerate(message.parts):
        where = f"{pointer}/parts/{number}"
        _note_beside(part, where, losses)
        match part:
            case Text(text):
                texts.append(text)
            case ToolResult():
                if texts:
                    losses.add(where, "its place behind a text: results come first")
                results.append(_result(part, where, losses, names=names))
            case _:
                losses.add(where, "a part that is no text: this server takes prompts of text only")
    yield from results
    text = "".join(texts)
    if text or not results:
        yield Turn("system" if message.role == "system" else "user", text)


def _result(result: ToolResult, pointer: str, losses: Losses, *, names: Mapping[str, str]) -> Turn:
    if result.failed:
        losses.add(f"{pointer}/failed", "that the tool failed")
    texts: list[str] = []
    for number, part in enumerate(result.parts):
        if isinstance(part, Text):
            texts.append(part.text)
        else:
            losses.add(f"{pointer}/parts/{number}", "a part of a result that is no text")
    name = result.name or names.get(result.call_id, "")
    return Turn("tool", "".join(texts), call_id=result.call_id, name=name)


def _note_beside(part: Part, pointer: str, losses: Losses) -> None:
    losses.add_fields(pointer, getattr(part, "extra", {}))
    for field, what in _BESIDE.items():
        if getattr(part, field, None) not in (None, "", ()):
            losses.add(f"{pointer}/{field}", what)


_BESIDE = {
    "cache": "a mark for the provider's prompt cache",
    "citations": "citations",
    "signature": "a signature, which only its own provider can check",
    "sealed": "sealed thinking, which only its own provider can read",
}


def _tools(request: Request, losses: Losses) -> tuple[TemplateTool, ...]:
    choice = request.tool_choice
    allowed = choice.names if choice is not None else ()
    if choice is not None:
        if choice.mode == "none":
            return ()
        losses.add_fields("/tool_choice", choice.extra)
        if choice.mode == "required":
            losses.add("/tool_choice/mode", "a prompt cannot force a call; the answer is judged")
        if choice.parallel is not None:
            losses.add("/tool_choice/parallel", "a prompt cannot say how many calls there may be")
    told: list[TemplateTool] = []
    for number, tool in enumerate(request.tools):
        pointer = f"/tools/{number}"
        if not isinstance(tool, Tool):
            losses.add(pointer, "a provider's own tool")
            continue
        _note_beside_tool(tool, pointer, losses)
        if not allowed or tool.name in allowed:
            told.append(TemplateTool(tool.name, tool.description, tool.parameters))
    return tuple(told)


def _note_beside_tool(tool: Tool, pointer: str, losses: Losses) -> None:
    losses.add_fields(pointer, tool.extra)
    if tool.strict:
        losses.add(f"{pointer}/strict", "that its arguments are held to the schema")
    if tool.cache is not None:
        losses.add(f"{pointer}/cache", _BESIDE["cache"])


def _switches(request: Request, known: frozenset[str], losses: Losses) -> dict[str, Json]:
    wish = request.thinking
    if wish is None:
        return {}
    wanted: dict[str, Json] = {"enable_thinking": wish.enabled, "thinking": wish.enabled}
    if wish.effort:
        wanted["reasoning_effort"] = wish.effort
    if not wish.enabled:
        wanted["thinking_budget"] = 0
    elif wish.max_tokens is not None:
        wanted["thinking_budget"] = wish.max_tokens
    heard = {name: value for name, value in wanted.items() if name in known}
    if not heard:
        losses.add("/thinking", "how much to think: the model's template has no switch for it")
        return heard
    if wish.max_tokens is not None and "thinking_budget" not in heard:
        losses.add("/thinking/max_tokens", "the bound on thinking tokens")
    if wish.effort and "reasoning_effort" not in heard:
        losses.add("/thinking/effort", "how hard to think")
    return heard
