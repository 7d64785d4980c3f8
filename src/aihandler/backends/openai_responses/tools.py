"""Tools and how to choose among them, in both directions."""

from collections.abc import Sequence

from aihandler.backends.openai_responses.fields import KIND
from aihandler.backends.wire_objects import Losses, form_of, note_form, restore, settle, take
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Opaque
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool, Tool, ToolChoice


def read_tool(wire: Json) -> AnyTool:
    """A tool that the provider runs, or of a kind without a word here, is carried as it is."""
    if not isinstance(wire, dict) or wire.get("type") != "function":
        return Opaque(KIND, wire)
    name = wire.get("name")
    if not isinstance(name, str) or not name:
        return Opaque(KIND, wire)
    rest = {key: value for key, value in wire.items() if key not in {"type", "name"}}
    description = take(rest, "description", str, "")
    nothing: dict[str, Json] = {}
    parameters = take(rest, "parameters", dict, nothing)
    strict = rest.pop("strict") if isinstance(rest.get("strict"), bool) else None
    extra = settle(rest, "description", "parameters", "strict")
    return Tool(name, description, parameters, strict, extra=extra)


def read_choice(rest: dict[str, Json]) -> ToolChoice | None:
    """Takes `tool_choice` and `parallel_tool_calls`; a choice of another form stays in `rest`."""
    choice = _read_choice(rest.get("tool_choice"))
    if choice is not None:
        del rest["tool_choice"]
    parallel = rest.get("parallel_tool_calls")
    if not isinstance(parallel, bool):
        return choice
    del rest["parallel_tool_calls"]
    if choice is None:
        return ToolChoice(parallel=parallel)
    return ToolChoice(choice.mode, choice.names, parallel, choice.extra)


def write_tools(body: dict[str, Json], request: Request, losses: Losses) -> None:
    """Tools, and the choice among them where there are any."""
    tools = _written_tools(request.tools, losses)
    if tools:
        body["tools"] = tools
    choice = request.tool_choice
    if choice is None or not (tools or losses.own):
        return
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel
    if not losses.own:
        losses.add_fields("/tool_choice", choice.extra)
    written = _written_choice(choice, own=losses.own)
    # A choice of a form without a word here stands in `extra`; it is no default then.
    if written is not None and not (losses.own and "tool_choice" in request.extra):
        body["tool_choice"] = written


def _written_tools(tools: Sequence[AnyTool], losses: Losses) -> list[Json]:
    written: list[Json] = []
    for place, tool in enumerate(tools):
        if isinstance(tool, Tool):
            written.append(_written_tool(tool, f"/tools/{place}", losses))
        elif tool.format == KIND:
            written.append(tool.payload)
        else:
            losses.add(f"/tools/{place}", f"a tool that only {tool.format} runs")
    return written


def _written_tool(tool: Tool, pointer: str, losses: Losses) -> dict[str, Json]:
    wire: dict[str, Json] = {"type": "function", "name": tool.name}
    if tool.description:
        wire["description"] = tool.description
    if losses.own:
        if tool.parameters:
            wire["parameters"] = dict(tool.parameters)
        if tool.strict is not None:
            wire["strict"] = tool.strict
        return restore(wire, tool.extra)
    schema = dict(tool.parameters)
    wire["parameters"] = schema if "type" in schema else {"type": "object", **_keys(schema)}
    # Here a tool is strict unless it says otherwise, and a schema that was not made for it refused.
    wire["strict"] = tool.strict or False
    if tool.cache is not None:
        losses.add(f"{pointer}/cache", "a mark for the prompt cache: tools have none here")
    losses.add_fields(pointer, tool.extra)
    return wire


def _keys(schema: dict[str, Json]) -> dict[str, Json]:
    return schema or {"properties": {}}


def _written_choice(choice: ToolChoice, *, own: bool) -> Json:
    form = form_of(choice.extra) if own else ""
    if len(choice.names) == 1 and choice.mode == "required" and form != "allowed_tools":
        return {"type": "function", "name": choice.names[0]}
    if choice.names:
        tools = [{"type": "function", "name": name} for name in choice.names]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}
    if choice.mode == "auto" and form != "auto":
        return None
    return choice.mode


def _read_choice(wire: Json) -> ToolChoice | None:
    extra: dict[str, Json] = {}
    match wire:
        case "auto":
            note_form(extra, "auto")
            return ToolChoice(extra=extra)
        case "none":
            return ToolChoice("none")
        case "required":
            return ToolChoice("required")
        case {"type": "function", "name": str(name), **rest} if not rest:
            return ToolChoice("required", (name,))
        case {"type": "allowed_tools", "mode": mode, "tools": list(tools), **rest} if not rest:
            names = tuple(_allowed(tool) for tool in tools)
            if mode in {"auto", "required"} and names and all(names):
                note_form(extra, "allowed_tools")
                return ToolChoice(mode, names, extra=extra)
    return None


def _allowed(wire: Json) -> str:
    match wire:
        case {"type": "function", "name": str(name), **rest} if not rest:
            return name
    return ""
