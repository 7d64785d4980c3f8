"""Tools and how to choose among them, in both directions."""

from collections.abc import Sequence

from aihandler.backends.codec import NOTE
from aihandler.backends.gemini.fields import KIND, keep, restore, settle, take_text, usual
from aihandler.backends.gemini.schemas import json_schema
from aihandler.backends.wire_objects import Losses, rest_of
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Opaque
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool, Tool, ToolChoice

# How the tools were grouped: for each object the number of functions, the name under which they
# stood, and whether tools of the provider stood beside them.
GROUPS = f"{NOTE}groups"
# The schema of the arguments in the older form, as it was written.
_OLDER = f"{NOTE}parameters"
_FUNCTIONS = "functionDeclarations"
_MODES = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}
_WRITTEN = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
_Group = tuple[int, str, bool]


def read_tools(rest: dict[str, Json]) -> tuple[AnyTool, ...]:
    """Functions are tools; what the provider runs itself is carried as it is."""
    listed = rest.get("tools")
    if not isinstance(listed, list) or not listed:
        return ()
    del rest["tools"]
    found: list[AnyTool] = []
    groups = [_read_group(wire, found) for wire in listed]
    if not _is_usual(groups):
        rest[GROUPS] = groups
    return tuple(found)


def read_choice(rest: dict[str, Json]) -> ToolChoice | None:
    """None when it is of no known form; it is then carried as an unknown field."""
    config = rest.get("toolConfig")
    if not isinstance(config, dict):
        return None
    config = usual(config)
    inner = config.get("functionCallingConfig")
    if not isinstance(inner, dict):
        return None
    inner = usual(inner)
    mode = inner.get("mode")
    known = _MODES.get(mode) if isinstance(mode, str) else None
    if known is None:
        return None
    names = inner.get("allowedFunctionNames")
    allowed: tuple[str, ...] = ()
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        allowed = tuple(inner.pop("allowedFunctionNames"))
    if mode == _WRITTEN[known]:
        del inner["mode"]
    del config["functionCallingConfig"]
    keep(rest, "toolConfig", config)
    return ToolChoice(known, allowed, extra=settle(inner, "allowedFunctionNames"))  # type: ignore[arg-type]  # a mapping's values are no literals


def write_tools(body: dict[str, Json], request: Request, losses: Losses) -> None:
    """Tools, and the choice among them where there are any."""
    choice = request.tool_choice
    offered = [
        (f"/tools/{place}", tool)
        for place, tool in enumerate(request.tools)
        if losses.own or _is_offered(tool, choice)
    ]
    groups = request.extra.get(GROUPS) if losses.own else None
    tools = _written(offered, groups, losses)
    if tools:
        body["tools"] = tools
    if choice is not None and (tools or losses.own):
        written = _written_choice(choice, losses)
        body["toolConfig"] = {"functionCallingConfig": written}


def _read_group(wire: Json, found: list[AnyTool]) -> _Group:
    if not isinstance(wire, dict):
        found.append(Opaque(KIND, wire))
        return 0, "", True
    name = _FUNCTIONS if _FUNCTIONS in wire else "function_declarations"
    functions = wire.get(name)
    read = [_read_function(f) for f in functions] if isinstance(functions, list) else []
    tools = [tool for tool in read if tool is not None]
    if not tools or len(tools) < len(read):
        found.append(Opaque(KIND, wire))
        return 0, "", True
    found.extend(tools)
    if len(wire) == 1:
        return len(tools), name, False
    found.append(Opaque(KIND, rest_of(wire, name)))
    return len(tools), name, True


def _read_function(wire: Json) -> Tool | None:
    if not isinstance(wire, dict) or not isinstance(wire.get("name"), str):
        return None
    rest = usual(wire)
    name = rest.pop("name")
    description = take_text(rest, "description")
    parameters = _read_parameters(rest)
    extra = settle(rest, "description", "parameters", "parametersJsonSchema")
    return Tool(name, description, parameters, extra=extra)


def _read_parameters(rest: dict[str, Json]) -> dict[str, Json]:
    schema, older = rest.get("parametersJsonSchema"), rest.get("parameters")
    if isinstance(schema, dict) and schema:
        del rest["parametersJsonSchema"]
        return schema
    if isinstance(older, dict) and older:
        rest[_OLDER] = rest.pop("parameters")
        return json_schema(older)
    return {}


def _is_usual(groups: Sequence[_Group]) -> bool:
    """All functions in the first object, and the provider's tools in those behind it."""
    return all(
        (place == 0 and name == _FUNCTIONS and not beside) if count else beside
        for place, (count, name, beside) in enumerate(groups)
    )


def _is_offered(tool: AnyTool, choice: ToolChoice | None) -> bool:
    # Names may stand beside a call that must be made; else a choice is made by offering no others.
    if choice is None or isinstance(tool, Opaque) or choice.mode == "required":
        return True
    return not choice.names or tool.name in choice.names


def _written(
    offered: Sequence[tuple[str, AnyTool]], groups: Json, losses: Losses
) -> list[dict[str, Json]]:
    written = [(tool, _write_tool(tool, pointer, losses)) for pointer, tool in offered]
    if isinstance(groups, list) and len(written) == sum(n + beside for n, _, beside in groups):
        return _grouped([wire for _, wire in written], groups)
    functions = [wire for tool, wire in written if isinstance(tool, Tool)]
    others = [w for tool, w in written if isinstance(tool, Opaque) and tool.format == KIND]
    return [*([{_FUNCTIONS: functions}] if functions else ()), *others]


def _grouped(written: Sequence[Json], groups: Sequence[_Group]) -> list[dict[str, Json]]:
    left = list(written)
    made: list[dict[str, Json]] = []
    for count, name, beside in groups:
        functions, left = left[:count], left[count:]
        wire: Json = {name: functions} if count else {}
        if beside:
            other = left.pop(0)
            wire = {**wire, **other} if isinstance(other, dict) else other
        made.append(wire)
    return made


def _write_tool(tool: AnyTool, pointer: str, losses: Losses) -> Json:
    if isinstance(tool, Opaque):
        if tool.format == KIND:
            return tool.payload
        losses.add(pointer, f"a tool that only {tool.format} runs")
        return None
    wire: dict[str, Json] = {"name": tool.name}
    if tool.description:
        wire["description"] = tool.description
    older = tool.extra.get(_OLDER) if losses.own else None
    if isinstance(older, dict) and json_schema(older) == tool.parameters:
        wire["parameters"] = older
    elif tool.parameters:
        wire["parametersJsonSchema"] = dict(tool.parameters)
    if losses.own:
        return restore(wire, tool.extra)
    if tool.strict:
        losses.add(f"{pointer}/strict", "this format does not promise to keep to the schema")
    if tool.cache is not None:
        losses.add(f"{pointer}/cache", "a mark for the prompt cache: this format has none")
    losses.add_fields(pointer, tool.extra)
    return wire


def _written_choice(choice: ToolChoice, losses: Losses) -> dict[str, Json]:
    wire: dict[str, Json] = {"mode": _WRITTEN[choice.mode]}
    if choice.names and (losses.own or choice.mode == "required"):
        wire["allowedFunctionNames"] = list(choice.names)
    if losses.own:
        return restore(wire, choice.extra)
    if choice.parallel is False:
        losses.add("/tool_choice/parallel", "this format cannot keep calls from being parallel")
    losses.add_fields("/tool_choice", choice.extra)
    return wire
