"""Tools and how to choose among them, in both directions."""

from collections.abc import Iterable, Iterator

import msgspec

from aihandler.backends.bedrock_converse.fields import (
    KIND,
    cache_of,
    cache_point,
    keep,
    opened,
    restore,
    settle,
)
from aihandler.backends.profiles import Profile
from aihandler.backends.wire_objects import Losses, take
from aihandler.domain.conversation import Message, Request
from aihandler.domain.parts import Opaque, ToolCall, ToolResult
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool, Tool, ToolChoice

_CONFIG = "toolConfig"
_NO_PARAMETERS: dict[str, Json] = {"type": "object", "properties": {}}


def read_tools(rest: dict[str, Json]) -> tuple[tuple[AnyTool, ...], ToolChoice | None]:
    """Takes out what is understood; a cache point is a mark on the tool before it."""
    config = rest.get(_CONFIG)
    if not isinstance(config, dict) or not config:
        return (), None
    inner = dict(config)
    tools: list[AnyTool] = []
    for wire in take(inner, "tools", list, []):
        cache = cache_of(wire)
        last = tools[-1] if tools else None
        if cache is not None and isinstance(last, Tool) and last.cache is None:
            tools[-1] = msgspec.structs.replace(last, cache=cache)
        else:
            tools.append(_read_tool(wire))
    choice = _read_choice(inner.get("toolChoice"))
    if choice is not None:
        del inner["toolChoice"]
    keep(rest, _CONFIG, inner)
    return tuple(tools), choice


def write_tools(
    body: dict[str, Json],
    request: Request,
    profile: Profile,
    losses: Losses,
    *,
    turns: Iterable[Message],
) -> None:
    """Tools, and the choice among them. Where turns hold calls there have to be tools."""
    choice = request.tool_choice
    offered = [
        (tool, f"/tools/{place}")
        for place, tool in enumerate(request.tools)
        if losses.own or _is_offered(tool, choice)
    ]
    wire = [block for tool, at in offered for block in _write_tool(tool, at, profile, losses)]
    if not losses.own:
        wire = _fitted(wire, request, turns, losses)
    if wire:
        body[_CONFIG] = {"tools": wire}
    if choice is not None and (wire or losses.own):
        written = _write_choice(choice, losses)
        if written:
            body.setdefault(_CONFIG, {})["toolChoice"] = written


def _read_tool(wire: Json) -> AnyTool:
    spec = wire.get("toolSpec") if isinstance(wire, dict) and len(wire) == 1 else None
    if not isinstance(spec, dict):
        return Opaque(KIND, wire)
    rest = opened(spec)
    name, schema = rest.pop("name", None), rest.pop("inputSchema", None)
    if not isinstance(name, str) or not isinstance(schema, dict) or set(schema) != {"json"}:
        return Opaque(KIND, wire)
    parameters = schema["json"]
    if not isinstance(parameters, dict):
        return Opaque(KIND, wire)
    description = take(rest, "description", str, "")
    strict = rest.pop("strict") if isinstance(rest.get("strict"), bool) else None
    return Tool(name, description, parameters, strict, extra=settle(rest, "description", "strict"))


def _read_choice(wire: Json) -> ToolChoice | None:
    """None when it is of no known form; it is then carried as an unknown field."""
    if wire == {"auto": {}}:
        return ToolChoice("auto")
    if wire == {"any": {}}:
        return ToolChoice("required")
    tool = wire.get("tool") if isinstance(wire, dict) and len(wire) == 1 else None
    if isinstance(tool, dict) and set(tool) == {"name"} and isinstance(tool["name"], str):
        return ToolChoice("required", (tool["name"],))
    return None


def _is_offered(tool: AnyTool, choice: ToolChoice | None) -> bool:
    # Here a choice among several is made by offering no others.
    if choice is None or isinstance(tool, Opaque):
        return True
    names = choice.names
    alone = len(names) == 1 and choice.mode == "required"
    return not names or alone or tool.name in names


def _write_tool(
    tool: AnyTool, at: str, profile: Profile, losses: Losses
) -> Iterator[dict[str, Json]]:
    if isinstance(tool, Opaque):
        if tool.format == KIND:
            yield tool.payload
        else:
            losses.add(at, f"a tool that only {tool.format} runs")
        return
    spec: dict[str, Json] = {"name": tool.name, "inputSchema": {"json": dict(tool.parameters)}}
    if tool.description:
        spec["description"] = tool.description
    if losses.own:
        if tool.strict is not None:
            spec["strict"] = tool.strict
        yield {"toolSpec": restore(spec, tool.extra)}
    else:
        if "type" not in tool.parameters:
            spec["inputSchema"] = {"json": {**_NO_PARAMETERS, **tool.parameters}}
        _be_strict(spec, tool, at, profile=profile, losses=losses)
        yield {"toolSpec": spec}
    if tool.cache is None:
        return
    if losses.own or profile.cache_marks:
        yield cache_point(tool.cache)
    else:
        losses.add(f"{at}/cache", "the profile says that cache points are not taken")


def _be_strict(
    spec: dict[str, Json], tool: Tool, at: str, *, profile: Profile, losses: Losses
) -> None:
    losses.add_fields(at, tool.extra)
    if not tool.strict:
        return
    if profile.strict:
        spec["strict"] = True
    else:
        losses.add(f"{at}/strict", "the profile says that arguments are held to no schema")


def _fitted(
    wire: list[dict[str, Json]], request: Request, turns: Iterable[Message], losses: Losses
) -> list[dict[str, Json]]:
    """What the rules of this format make of the tools, given the turns."""
    parts = [part for turn in turns for part in turn.parts]
    talked = any(isinstance(part, (ToolCall, ToolResult)) for part in parts)
    choice = request.tool_choice
    if choice is not None and choice.mode == "none" and wire:
        if not talked:
            return []
        losses.add("/tool_choice", "this format cannot forbid tools after they were used")
    if wire or not talked:
        return wire
    # A conversation with calls is refused where no tools are declared.
    losses.add("/tools", "the tools of earlier calls are declared, with parameters of any kind")
    names = {part.name: None for part in parts if isinstance(part, ToolCall)} or {"tool": None}
    return [
        {"toolSpec": {"name": name, "inputSchema": {"json": dict(_NO_PARAMETERS)}}}
        for name in names
    ]


def _write_choice(choice: ToolChoice, losses: Losses) -> dict[str, Json] | None:
    if not losses.own:
        losses.add_fields("/tool_choice", choice.extra)
        if choice.parallel is not None:
            losses.add("/tool_choice/parallel", "this format leaves it to the model")
    if choice.mode == "none":
        return None
    if choice.mode == "auto":
        return {"auto": {}}
    return {"tool": {"name": choice.names[0]}} if len(choice.names) == 1 else {"any": {}}
