"""From our messages to those of this format."""

from collections.abc import Mapping, Sequence

from aihandler.backends.openai_chat.media import part_to_wire
from aihandler.backends.openai_chat.passage import ORIGIN, Passage
from aihandler.backends.openai_chat.tools import call_to_wire
from aihandler.backends.wire_objects import over
from aihandler.domain.conversation import Message
from aihandler.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from aihandler.domain.task import Json

# Thinking of these forms goes back as it came, or not at all.
_KEPT_FORMS = frozenset({"reasoning_details", "content"})
_SEE_BELOW = "The result stands in the next message."


def messages_to_wire(messages: Sequence[Message], passage: Passage) -> list[dict[str, Json]]:
    """Results of tools become messages of their own, right behind the calls."""
    wire: list[dict[str, Json]] = []
    for place, message in enumerate(messages):
        pointer = f"/messages/{place}"
        if not message.extra and all(_is_plain(part) for part in message.parts):
            wire.append({"role": message.role, "content": message.text})
        elif message.role == "assistant":
            wire.append(_assistant(message, pointer, passage))
        else:
            wire.extend(_asking(message, pointer, passage))
    return wire


def _is_plain(part: Part) -> bool:
    return isinstance(part, Text) and not (part.extra or part.citations or part.cache is not None)


def _asking(message: Message, pointer: str, passage: Passage) -> list[dict[str, Json]]:
    results: list[dict[str, Json]] = []
    moved: list[dict[str, Json]] = []
    rest: list[tuple[str, Part]] = []
    for number, part in enumerate(message.parts):
        where = f"{pointer}/parts/{number}"
        if not isinstance(part, ToolResult):
            rest.append((where, part))
            continue
        if rest:
            passage.lose(where, "its place behind other parts: results come first in this format")
        results.append(_result(part, where, passage, moved=moved))
    extra = passage.beside(message.extra, pointer)
    if not rest and not moved and results:
        return results
    pieces = [wire for where, part in rest if (wire := part_to_wire(part, where, passage))]
    built: dict[str, Json] = {"role": _role(message, extra)}
    if pieces or moved or "content" not in extra:
        plain = not moved and all(_is_plain(part) for _, part in rest)
        listed = isinstance(extra.get("content"), list)
        built["content"] = _joined(pieces) if plain and not listed else [*moved, *pieces]
    return [*results, over(extra, built)]


def _role(message: Message, extra: Mapping[str, Json]) -> str:
    if message.role == "system" and extra.get("role") == "developer":
        return "developer"
    return message.role


def _joined(pieces: Sequence[Mapping[str, Json]]) -> str:
    return "".join(piece["text"] for piece in pieces)


def _result(
    result: ToolResult, pointer: str, passage: Passage, *, moved: list[dict[str, Json]]
) -> dict[str, Json]:
    extra = passage.beside(result.extra, pointer)
    built: dict[str, Json] = {"role": "tool", "tool_call_id": passage.ids.out(result.call_id)}
    if extra.get("role") == "function":
        built = {"role": "function"}
    if result.name and (passage.same or passage.profile.tool_result_names):
        built["name"] = result.name
    if result.failed:
        passage.lose(f"{pointer}/failed", "that the tool failed")
    if result.cache is not None:
        passage.lose(f"{pointer}/cache", "a mark for the provider's prompt cache")
    pieces = _result_pieces(result, pointer, passage, moved=moved)
    plain = all(_is_plain(part) for part in result.parts)
    if plain and len(pieces) <= 1 and not isinstance(extra.get("content"), list):
        if pieces or "content" not in extra:
            built["content"] = _joined(pieces)
    else:
        built["content"] = pieces or (_SEE_BELOW if moved else "")
    return over(extra, built)


def _result_pieces(
    result: ToolResult, pointer: str, passage: Passage, *, moved: list[dict[str, Json]]
) -> list[dict[str, Json]]:
    pieces = []
    for number, part in enumerate(result.parts):
        where = f"{pointer}/parts/{number}"
        wire = part_to_wire(part, where, passage)
        if wire is None:
            continue
        if isinstance(part, Media) and not (passage.same or passage.profile.tool_result_media):
            passage.lose(where, "its place in a tool's result: moved to the message behind it")
            label = f"From the result of the tool call {passage.ids.out(result.call_id)}:"
            moved += [{"type": "text", "text": label}, wire]
        else:
            pieces.append(wire)
    return pieces


def _assistant(message: Message, pointer: str, passage: Passage) -> dict[str, Json]:
    extra = passage.beside(message.extra, pointer)
    built: dict[str, Json] = {"role": "assistant"}
    spoken: list[tuple[Part, dict[str, Json]]] = []
    calls: list[Json] = []
    for number, part in enumerate(message.parts):
        where = f"{pointer}/parts/{number}"
        if isinstance(part, ToolCall):
            calls.append(_call(part, where, passage))
        elif isinstance(part, Opaque) and _is_call(part):
            calls.append(part.payload)
        elif isinstance(part, Thinking):
            _thought(part, where, passage, built=built, spoken=spoken)
        elif isinstance(part, Media) and part.kind == "audio" and part.file_id:
            built["audio"] = {"id": part.file_id}
        else:
            if calls:
                passage.lose(where, "its place behind a tool call: calls come last")
            spoken.extend(_spoken(part, where, passage, built=built))
    _speak(spoken, built, listed=isinstance(extra.get("content"), list))
    if calls:
        built["tool_calls"] = calls
    if "content" not in built and not passage.same:
        empty = not calls or passage.profile.no_content == "empty"
        built["content"] = "" if empty else None
    return over(extra, built)


def _is_call(part: Opaque) -> bool:
    payload = part.payload if part.format == ORIGIN else None
    return isinstance(payload, dict) and payload.get("type") == "custom"


def _call(call: ToolCall, pointer: str, passage: Passage) -> dict[str, Json]:
    if call.signature:
        passage.lose(f"{pointer}/signature", "the signature of a tool call")
    if call.cache is not None:
        passage.lose(f"{pointer}/cache", "a mark for the provider's prompt cache")
    extra = passage.beside(call.extra, pointer)
    call_id = passage.ids.out(call.id) if call.id else ""
    return call_to_wire(call, call_id, extra)


def _spoken(
    part: Part, pointer: str, passage: Passage, *, built: dict[str, Json]
) -> list[tuple[Part, dict[str, Json]]]:
    if isinstance(part, Text) and part.citations and passage.same:
        built.setdefault("annotations", []).extend(part.citations)
        part = Text(part.text, cache=part.cache, extra=part.extra)
    wire = part_to_wire(part, pointer, passage)
    return [] if wire is None else [(part, wire)]


def _speak(
    spoken: Sequence[tuple[Part, dict[str, Json]]], built: dict[str, Json], *, listed: bool
) -> None:
    if listed and spoken:
        built["content"] = [wire for _, wire in spoken]
        return
    refused = [part.text for part, _ in spoken if isinstance(part, Refusal)]
    said = [(part, wire) for part, wire in spoken if not isinstance(part, Refusal)]
    if refused:
        built["refusal"] = "".join(refused)
    if said:
        plain = all(_is_plain(part) for part, _ in said)
        wires = [wire for _, wire in said]
        built["content"] = _joined(wires) if plain else wires


def _thought(
    thought: Thinking,
    pointer: str,
    passage: Passage,
    *,
    built: dict[str, Json],
    spoken: list[tuple[Part, dict[str, Json]]],
) -> None:
    """Some servers want to see a model's thoughts again, others refuse the request for it."""
    extra = passage.beside(thought.extra, pointer)
    form = extra.get("field")
    if form not in _KEPT_FORMS:
        form = passage.profile.thinking_replay or form
    if form == "reasoning_details" and extra:
        built.setdefault("reasoning_details", []).append(detail_to_wire(thought, extra))
        return
    if thought.signature or thought.sealed:
        passage.lose(pointer, "signed or sealed thinking, which only its own provider can check")
    if not thought.text:
        return
    if form == "content":
        beside = {key: value for key, value in extra.items() if key != "field"}
        pieces = [{"type": "text", "text": thought.text}]
        spoken.append((thought, {"type": "thinking", "thinking": pieces, **beside}))
    elif form in {"reasoning", "reasoning_content"}:
        built[form] = built.get(form, "") + thought.text
    else:
        passage.lose(pointer, "thinking of an earlier turn")


def detail_to_wire(thought: Thinking, extra: Mapping[str, Json]) -> dict[str, Json]:
    """One of OpenRouter's `reasoning_details`, as it came."""
    detail = {key: value for key, value in extra.items() if key != "field"}
    kind = detail.get("type")
    if thought.text or kind == "reasoning.text":
        detail["summary" if kind == "reasoning.summary" else "text"] = thought.text
    if thought.signature:
        detail["signature"] = thought.signature
    if thought.sealed:
        detail["data"] = thought.sealed
    return detail
