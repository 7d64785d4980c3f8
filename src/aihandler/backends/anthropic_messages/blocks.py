"""Content blocks of Anthropic Messages and our parts, in both directions."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.backends.anthropic_messages.fields import KIND, take_cache, write_cache
from aihandler.backends.anthropic_messages.media import read_media, write_media
from aihandler.backends.signed import from_client
from aihandler.backends.wire_objects import form_of, note_form, rest_of, restore, settle, take
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

_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder().decode


def read_block(block: Json) -> Part:
    """A block of a kind that has no word here, or of an odd form, is carried as it is."""
    kind = block.get("type") if isinstance(block, dict) else None
    part: Part | None = None
    match kind:
        case "text":
            part = _read_text(block)
        case "thinking":
            part = _read_thinking(block)
        case "redacted_thinking":
            part = _read_sealed(block)
        case "tool_use":
            part = _read_call(block)
        case "tool_result":
            part = _read_result(block)
        case "image" | "document":
            part = read_media(block)
    return Opaque(KIND, block) if part is None else part


def write_block(part: Part, *, own: bool) -> dict[str, Json]:
    """One block; `own` also writes the fields that only this format knows.

    What this format cannot hold has been taken out before.
    """
    match part:
        case Text():
            wire: dict[str, Json] = {"type": "text", "text": part.text}
            if part.citations and own:
                wire["citations"] = list(part.citations)
        case Thinking():
            wire = _write_thinking(part)
        case ToolCall():
            wire = {
                "type": "tool_use",
                "id": part.id,
                "name": part.name,
                "input": arguments_value(part),
            }
        case ToolResult():
            wire = _write_result(part, own=own)
        case Media():
            wire = write_media(part)
        case Refusal():
            return {"type": "text", "text": part.text}
        case Opaque():
            return part.payload  # type: ignore[no-any-return]  # foreign JSON, as it came
    if not isinstance(part, Thinking):
        write_cache(wire, part.cache)
    return restore(wire, part.extra) if own and part.extra else wire


def read_content(content: Json, extra: dict[str, Json]) -> tuple[Part, ...]:
    """The parts of a content that is a text or a list; the form is noted where it is not usual."""
    if isinstance(content, str):
        parts: tuple[Part, ...] = (Text(content),) if content else ()
        form = "string"
    else:
        parts = tuple(map(read_block, content))
        form = "list"
    if form != _usual_form(parts):
        note_form(extra, form)
    return parts


def write_content(
    parts: Sequence[Part], extra: Mapping[str, Json], *, own: bool
) -> str | list[Json]:
    """A text where one plain text is all there is, else a list."""
    form = (form_of(extra) if own else "") or _usual_form(parts)
    if form == "string" and all(_is_plain(part) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [write_block(part, own=own) for part in parts]


def arguments_value(call: ToolCall) -> dict[str, Json]:
    """The arguments as an object; a text that is none stands under one key of its own."""
    try:
        value = _from_json(call.arguments or "{}")
    except (msgspec.DecodeError, UnicodeError):
        value = None
    return value if isinstance(value, dict) else {"arguments": call.arguments}


def _usual_form(parts: Sequence[Part]) -> str:
    return "string" if len(parts) == 1 and _is_plain(parts[0]) else "list"


def _is_plain(part: Part) -> bool:
    return isinstance(part, Text) and part.cache is None and not part.citations and not part.extra


def _read_text(block: dict[str, Json]) -> Text | None:
    text = block.get("text")
    if not isinstance(text, str):
        return None
    if len(block) == 2:
        return Text(text)
    rest = rest_of(block, "type", "text")
    empty: list[Json] = []
    citations = take(rest, "citations", list, empty)
    cache = take_cache(rest)
    return Text(text, tuple(citations), cache, settle(rest, "citations", "cache_control"))


def _read_thinking(block: dict[str, Json]) -> Thinking | None:
    text = block.get("thinking")
    if not isinstance(text, str):
        return None
    rest = rest_of(block, "type", "thinking")
    signature = take(rest, "signature", str, "")
    part = Thinking(text, signature, extra=settle(rest, "signature"))
    return _signed(part) if signature else part


def _read_sealed(block: dict[str, Json]) -> Thinking | None:
    data = block.get("data")
    if not isinstance(data, str) or not data:
        return None
    return _signed(Thinking(sealed=data, extra=rest_of(block, "type", "data")))


def _signed(part: Thinking) -> Thinking:
    part = from_client(part)
    return part if part.signed_by else msgspec.structs.replace(part, signed_by=KIND)


def _write_thinking(part: Thinking) -> dict[str, Json]:
    if part.sealed:
        return {"type": "redacted_thinking", "data": part.sealed}
    signed = {"signature": part.signature} if part.signature else {}
    return {"type": "thinking", "thinking": part.text, **signed}


def _read_call(block: dict[str, Json]) -> ToolCall | None:
    call_id, name, arguments = block.get("id"), block.get("name"), block.get("input")
    if not (isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, dict)):
        return None
    rest = rest_of(block, "type", "id", "name", "input")
    cache = take_cache(rest)
    text = _to_json(arguments).decode()
    return ToolCall(call_id, name, text, cache=cache, extra=settle(rest, "cache_control"))


def _read_result(block: dict[str, Json]) -> ToolResult | None:
    call_id, content = block.get("tool_use_id"), block.get("content", [])
    if not isinstance(call_id, str) or not isinstance(content, (str, list)):
        return None
    rest = rest_of(block, "type", "tool_use_id", "content")
    failed = take(rest, "is_error", bool, False)
    cache = take_cache(rest)
    extra = settle(rest, "is_error", "cache_control")
    if "content" not in block:
        note_form(extra, "none")
    parts = tuple(map(_as_told, read_content(content, extra) if "content" in block else ()))
    return ToolResult(call_id, parts, failed=failed, cache=cache, extra=extra)


def _as_told(part: Part) -> Text | Media | Opaque:
    # Only these stand in results; anything else goes back as it came.
    if isinstance(part, (Text, Media, Opaque)):
        return part
    return Opaque(KIND, write_block(part, own=True))


def _write_result(part: ToolResult, *, own: bool) -> dict[str, Json]:
    wire: dict[str, Json] = {"type": "tool_result", "tool_use_id": part.call_id}
    if not (own and not part.parts and form_of(part.extra) == "none"):
        wire["content"] = write_content(part.parts, part.extra, own=own)
    if part.failed:
        wire["is_error"] = True
    return wire
