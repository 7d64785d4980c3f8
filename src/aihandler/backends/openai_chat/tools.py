"""Tools, the choice among them, and calls of them, in both directions."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.backends.openai_chat.media import add_cache, take_cache
from aihandler.backends.openai_chat.passage import ORIGIN, Passage
from aihandler.backends.wire_objects import over, take_text
from aihandler.domain.parts import Opaque, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool, Tool, ToolChoice
from aihandler.errors import InputError


def read_tools(wire: Json) -> tuple[AnyTool, ...]:
    """Raises InputError."""
    if not isinstance(wire, list):
        raise InputError("tools must be a list (at /tools)", hint="send `tools: [...]`")
    return tuple(_read_tool(tool, place) for place, tool in enumerate(wire))


def tools_to_wire(
    tools: Sequence[AnyTool], choice: ToolChoice | None, passage: Passage
) -> list[Json]:
    """Where a server knows no list of allowed tools, it is only shown those that are allowed."""
    shown = set(choice.names) if choice and _narrows(choice, passage) else None
    wire = []
    for place, tool in enumerate(tools):
        pointer = f"/tools/{place}"
        if isinstance(tool, Opaque):
            if tool.format == ORIGIN:
                wire.append(tool.payload)
            else:
                passage.lose(pointer, f"a tool that only {tool.format!r} runs")
        elif shown is None or tool.name in shown:
            wire.append(_tool_to_wire(tool, pointer, passage))
    return wire


def read_choice(left: dict[str, Json]) -> ToolChoice | None:
    """Takes `tool_choice` and `parallel_tool_calls` out of a request."""
    chosen = _read_choice(left.get("tool_choice"))
    if chosen is not None:
        del left["tool_choice"]
    parallel = left.get("parallel_tool_calls")
    if isinstance(parallel, bool):
        del left["parallel_tool_calls"]
        return msgspec.structs.replace(chosen or ToolChoice(), parallel=parallel)
    return chosen


def choice_to_wire(choice: ToolChoice, body: dict[str, Json], passage: Passage) -> None:
    """Adds the choice to a request."""
    if choice.parallel is not None:
        body["parallel_tool_calls"] = choice.parallel
    form = passage.beside(choice.extra, "/tool_choice").get("form", "")
    if form == "any" and not choice.names:
        body["tool_choice"] = "any"
    elif len(choice.names) == 1 and choice.mode == "required" and form != "allowed_tools":
        named: dict[str, Json] = {"type": "function", "function": {"name": choice.names[0]}}
        if form == "untyped":
            del named["type"]
        body["tool_choice"] = named
    elif choice.names and not _narrows(choice, passage):
        tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
        allowed = {"mode": choice.mode, "tools": tools}
        body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": allowed}
    elif choice.mode != "auto" or form == "auto":
        body["tool_choice"] = choice.mode


def read_call(wire: Json) -> ToolCall | Opaque:
    """A call as it stands in a whole message."""
    if not isinstance(wire, dict) or not isinstance(wire.get("function"), dict):
        return Opaque(ORIGIN, wire)
    left, function = dict(wire), dict(wire["function"])
    name, arguments = take_text(function, "name"), take_text(function, "arguments")
    if not name or wire.get("type", "function") != "function":
        return Opaque(ORIGIN, wire)
    del left["function"]
    if function:
        left["function"] = function
    if left.pop("type", None) is None:
        left["type"] = None
    return ToolCall(take_text(left, "id"), name, arguments, extra=left)


def call_to_wire(call: ToolCall, call_id: str, extra: Mapping[str, Json]) -> dict[str, Json]:
    """A call as it stands in a whole message."""
    function: dict[str, Json] = {"name": call.name}
    if call.arguments:
        function["arguments"] = call.arguments
    elif "arguments" not in extra.get("function", ()):
        function["arguments"] = "{}"
    built: dict[str, Json] = {"function": function}
    if call_id:
        built["id"] = call_id
    if "type" not in extra:
        built["type"] = "function"
    wire = over(extra, built)
    if wire["type"] is None:
        del wire["type"]
    return wire


def _read_tool(wire: Json, place: int) -> AnyTool:
    if not isinstance(wire, dict):
        raise InputError(f"a tool must be an object (at /tools/{place})", hint="see `tools`")
    function = wire.get("function")
    if wire.get("type", "function") != "function" or not isinstance(function, dict):
        return Opaque(ORIGIN, wire)
    left, inner = dict(wire), dict(function)
    name = take_text(inner, "name")
    if not name:
        raise InputError(
            f"a tool has no name (at /tools/{place}/function/name)", hint="give it a `name`"
        )
    parameters = inner.pop("parameters") if isinstance(inner.get("parameters"), dict) else None
    if parameters == {}:
        inner["parameters"] = {}
    strict = inner.pop("strict") if isinstance(inner.get("strict"), bool) else None
    del left["function"]
    description = take_text(inner, "description")
    if inner:
        left["function"] = inner
    if left.pop("type", None) is None:
        left["type"] = None
    cache = take_cache(left)
    return Tool(name, description, parameters or {}, strict, cache=cache, extra=left)


def _tool_to_wire(tool: Tool, pointer: str, passage: Passage) -> dict[str, Json]:
    function: dict[str, Json] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    built: dict[str, Json] = {"function": function}
    add_cache(built, tool.cache, pointer, passage=passage)
    extra = passage.beside(tool.extra, pointer)
    if "type" not in extra:
        return over(extra, {"type": "function", **built})
    return {key: value for key, value in over(extra, built).items() if key != "type"}


def _narrows(choice: ToolChoice, passage: Passage) -> bool:
    """Whether the list of tools has to be cut, for want of a word for those allowed."""
    one = len(choice.names) == 1 and choice.mode == "required"
    native = passage.same or passage.profile.allowed_tools
    return bool(choice.names) and not one and not native


def _read_choice(wire: Json) -> ToolChoice | None:
    match wire:
        case "auto":
            return ToolChoice(extra={"form": "auto"})
        case "none":
            return ToolChoice("none")
        case "required":
            return ToolChoice("required")
        case "any":
            return ToolChoice("required", extra={"form": "any"})
        case {"function": {"name": str(name), **rest}, **beside} if not rest:
            if beside == {"type": "function"}:
                return ToolChoice("required", (name,))
            if not beside:
                return ToolChoice("required", (name,), extra={"form": "untyped"})
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}:
            names = tuple(_allowed_name(tool) for tool in tools)
            if mode in {"auto", "required"} and names and all(names):
                return ToolChoice(mode, names, extra={"form": "allowed_tools"})
    return None


def _allowed_name(wire: Json) -> str:
    match wire:
        case {"type": "function", "function": {"name": str(name)}} if len(wire) == 2:
            return name
    return ""
