"""Tools and calls of them, in both directions. Arguments are an object here, and ids are new."""

import msgspec

from aihandler.backends.anthropic_messages.blocks import arguments_value
from aihandler.backends.call_ids import made_call_id
from aihandler.backends.ollama.fields import AS_TEXT, KIND, WITHOUT_ID
from aihandler.backends.wire_objects import Losses, rest_of, restore, settle, take
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Opaque, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool, Tool, ToolChoice

_to_json = msgspec.json.Encoder().encode
_CACHE = "a mark for the provider's prompt cache"


def read_tool(wire: Json) -> AnyTool:
    """A tool of another form is carried as it is."""
    function = wire.get("function") if isinstance(wire, dict) else None
    if not isinstance(function, dict) or wire.get("type", "function") != "function":
        return Opaque(KIND, wire)
    inner, outer = dict(function), rest_of(wire, "function")
    name = take(inner, "name", str, "")
    parameters = inner.get("parameters")
    if not name or not isinstance(parameters, dict):
        return Opaque(KIND, wire)
    del inner["parameters"]
    description = take(inner, "description", str, "")
    if inner:
        outer["function"] = inner
    if outer.get("type") == "function":
        del outer["type"]
    else:
        outer["type"] = None
    return Tool(name, description, parameters, extra=outer)


def write_tools(body: dict[str, Json], request: Request, losses: Losses) -> None:
    """The tools that may be chosen. This format has no word for how to choose among them."""
    choice = request.tool_choice
    shown = [
        wire
        for place, tool in enumerate(request.tools)
        if _is_allowed(tool, choice) and (wire := _write_tool(tool, place, losses)) is not None
    ]
    if shown:
        body["tools"] = shown
    if choice is None:
        return
    if choice.mode == "required":
        losses.add("/tool_choice", "that a tool must be called")
    if choice.parallel is False:
        losses.add("/tool_choice/parallel", "that only one tool may be called at once")
    losses.add_fields("/tool_choice", choice.extra)


def read_call(wire: Json, *about: str) -> ToolCall | Opaque:
    """`about` is what an id is made from where the call has none."""
    function = wire.get("function") if isinstance(wire, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return Opaque(KIND, wire)
    outer, inner = rest_of(wire, "function"), rest_of(function, "name", "arguments")
    call_id = take(outer, "id", str, "")
    extra = settle(outer, "id")
    if inner:
        extra["function"] = inner
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        extra[AS_TEXT] = True
        text = arguments
    else:
        text = _to_json(arguments if arguments is not None else {}).decode()
    if not call_id:
        extra[WITHOUT_ID] = True
        call_id = made_call_id(*about, function["name"])
    return ToolCall(call_id, function["name"], text, extra=extra)


def write_call(call: ToolCall, pointer: str, losses: Losses) -> dict[str, Json]:
    """One call; arguments that are no object stand in one, under a key of their own."""
    own = losses.own
    arguments: Json = call.arguments
    if not (own and AS_TEXT in call.extra):
        arguments = arguments_value(call)
        if call.arguments and arguments == {"arguments": call.arguments}:
            said = "no JSON object: sent as a text under `arguments`"
            losses.add(f"{pointer}/arguments", said)
    wire: dict[str, Json] = {"function": {"name": call.name, "arguments": arguments}}
    if call.id and not (own and WITHOUT_ID in call.extra):
        wire = {"id": call.id, **wire}
    if call.signature:
        losses.add(f"{pointer}/signature", "the signature of a tool call")
    if call.cache is not None:
        losses.add(f"{pointer}/cache", _CACHE)
    if own:
        return restore(wire, call.extra)
    losses.add_fields(pointer, call.extra)
    return wire


def _is_allowed(tool: AnyTool, choice: ToolChoice | None) -> bool:
    # A choice is made by offering no others.
    if choice is None or choice.mode == "none":
        return choice is None
    return isinstance(tool, Opaque) or not choice.names or tool.name in choice.names


def _write_tool(tool: AnyTool, place: int, losses: Losses) -> Json | None:
    pointer = f"/tools/{place}"
    if isinstance(tool, Opaque):
        if tool.format == KIND:
            return tool.payload
        losses.add(pointer, f"a tool that only {tool.format} runs")
        return None
    parameters = dict(tool.parameters)
    if not losses.own and "type" not in parameters:
        parameters = {"type": "object", "properties": {}, **parameters}
    function: dict[str, Json] = {"name": tool.name, "parameters": parameters}
    if tool.description:
        function["description"] = tool.description
    wire: dict[str, Json] = {"type": "function", "function": function}
    if losses.own:
        wire = restore(wire, tool.extra)
        return rest_of(wire, "type") if wire["type"] is None else wire
    if tool.strict:
        losses.add(f"{pointer}/strict", "that arguments are held to the schema")
    if tool.cache is not None:
        losses.add(f"{pointer}/cache", _CACHE)
    losses.add_fields(pointer, tool.extra)
    return wire
