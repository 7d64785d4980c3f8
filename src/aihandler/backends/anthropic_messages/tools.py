"""Tools and how to choose among them, in both directions."""

from aihandler.backends.anthropic_messages.fields import KIND, take_cache, write_cache
from aihandler.backends.wire_objects import Losses, rest_of, restore, settle, take
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Opaque
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool, Tool, ToolChoice

_MODES = {"auto": "auto", "none": "none", "any": "required"}


def read_tool(wire: Json) -> AnyTool:
    """A tool that the provider runs is carried as it is."""
    if not isinstance(wire, dict) or wire.get("type") not in (None, "custom"):
        return Opaque(KIND, wire)
    name, schema = wire.get("name"), wire.get("input_schema")
    if not isinstance(name, str) or not isinstance(schema, dict):
        return Opaque(KIND, wire)
    rest = rest_of(wire, "name", "input_schema")
    description = take(rest, "description", str, "")
    strict = rest.pop("strict") if isinstance(rest.get("strict"), bool) else None
    cache = take_cache(rest)
    extra = settle(rest, "description", "strict", "cache_control", "type")
    return Tool(name, description, schema, strict, cache, extra)


def read_choice(wire: Json) -> ToolChoice | None:
    """None when it is of no known form; it is then carried as an unknown field."""
    if not isinstance(wire, dict):
        return None
    rest = dict(wire)
    mode = rest.pop("type", None)
    parallel = None
    if mode != "none" and isinstance(rest.get("disable_parallel_tool_use"), bool):
        parallel = not rest.pop("disable_parallel_tool_use")
    if mode == "tool" and isinstance(rest.get("name"), str):
        return ToolChoice("required", (rest.pop("name"),), parallel, rest)
    known = _MODES.get(mode) if isinstance(mode, str) else None
    return ToolChoice(known, (), parallel, rest) if known else None  # type: ignore[arg-type]  # a mapping's values are no literals


def write_tools(body: dict[str, Json], request: Request, losses: Losses) -> None:
    """Tools, and the choice among them where there are any."""
    choice = request.tool_choice
    tools = [
        wire
        for place, tool in enumerate(request.tools)
        if _is_allowed(tool, choice) and (wire := _write_tool(tool, place, losses)) is not None
    ]
    if tools:
        body["tools"] = tools
    if choice is not None and (tools or losses.own):
        body["tool_choice"] = _write_choice(choice, body, losses)


def _is_allowed(tool: AnyTool, choice: ToolChoice | None) -> bool:
    # Here a choice among several is made by offering no others.
    if choice is None or isinstance(tool, Opaque):
        return True
    names = choice.names
    alone = len(names) == 1 and choice.mode == "required"
    return not names or alone or tool.name in names


def _write_tool(tool: AnyTool, place: int, losses: Losses) -> dict[str, Json] | None:
    if isinstance(tool, Opaque):
        if tool.format == KIND:
            return tool.payload  # type: ignore[no-any-return]  # foreign JSON, as it came
        losses.add(f"/tools/{place}", f"a tool that only {tool.format} runs")
        return None
    schema = dict(tool.parameters)
    wire: dict[str, Json] = {"name": tool.name, "input_schema": schema}
    if tool.description:
        wire["description"] = tool.description
    if tool.strict is not None:
        wire["strict"] = tool.strict
    write_cache(wire, tool.cache)
    if losses.own:
        return restore(wire, tool.extra)
    if "type" not in schema:
        wire["input_schema"] = {"type": "object", "properties": {}, **schema}
    losses.add_fields(f"/tools/{place}", tool.extra)
    return wire


def _write_choice(choice: ToolChoice, body: dict[str, Json], losses: Losses) -> dict[str, Json]:
    mode = choice.mode
    if mode == "required" and not losses.own and body.get("thinking", {}).get("type") in _THINKS:
        losses.add("/tool_choice", "a model that thinks cannot be made to call a tool")
        mode = "auto"
    wire: dict[str, Json]
    match mode:
        case "required" if len(choice.names) == 1:
            wire = {"type": "tool", "name": choice.names[0]}
        case "required":
            wire = {"type": "any"}
        case _:
            wire = {"type": mode}
    if choice.parallel is not None and mode != "none":
        wire["disable_parallel_tool_use"] = not choice.parallel
    if losses.own:
        return restore(wire, choice.extra)
    losses.add_fields("/tool_choice", choice.extra)
    return wire


_THINKS = frozenset({"enabled", "adaptive"})
