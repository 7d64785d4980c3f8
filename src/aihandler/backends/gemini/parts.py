"""Parts of generateContent and ours, in both directions: one of theirs is one of ours."""

from collections.abc import Sequence

from aihandler.backends.gemini.calls import (
    CallPairs,
    read_call,
    read_result,
    write_call,
    write_result,
)
from aihandler.backends.gemini.fields import (
    DATA,
    KIND,
    SIGNATURE,
    restore,
    settle,
    take_text,
    usual,
)
from aihandler.backends.gemini.media import read_media, write_media
from aihandler.backends.wire_objects import rest_of
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


def read_part(wire: Json, pairs: CallPairs) -> Part:
    """A part of a kind that has no word here, or of an odd form, is carried as it is."""
    if not isinstance(wire, dict):
        return Opaque(KIND, wire)
    if len(wire) == 1 and isinstance(wire.get("text"), str):
        return Text(wire["text"])
    plain = usual(wire)
    part: Part | None = None
    match [key for key in plain if key in DATA]:
        case ["text"] if isinstance(plain["text"], str):
            part = _read_text(plain["text"], rest_of(plain, "text"))
        case ["functionCall"]:
            part = read_call(plain, pairs)
        case ["functionResponse"]:
            part = read_result(plain, pairs)
        case ["inlineData"] | ["fileData"]:
            part = read_media(plain)
    return Opaque(KIND, wire) if part is None else part


def write_part(part: Part) -> Json:
    """One part, with what its `extra` holds; of parts from elsewhere that has been taken out."""
    match part:
        case Text():
            wire: dict[str, Json] = {"text": part.text}
        case Thinking():
            wire = {"text": part.text, "thought": True}
            if part.signature:
                wire[SIGNATURE] = part.signature
        case ToolCall():
            wire = write_call(part)
        case ToolResult():
            wire = write_result(part)
        case Media():
            wire = write_media(part)
        case Refusal():
            return {"text": part.text}
        case Opaque():
            return part.payload
    return restore(wire, part.extra) if part.extra else wire


def read_parts(parts: Sequence[Json], pairs: CallPairs) -> tuple[Part, ...]:
    """The parts of one content."""
    return tuple([read_part(wire, pairs) for wire in parts])


def _read_text(text: str, rest: dict[str, Json]) -> Text | Thinking | None:
    if rest.get("thought") is not True:
        if not text and rest.get(SIGNATURE):
            # A signature alone, which may come behind what it signs.
            return None
        # A signature stays with its part: only this provider knows what it signs.
        return Text(text, extra=settle(rest, "thought", SIGNATURE))
    del rest["thought"]
    signature = take_text(rest, SIGNATURE)
    by = KIND if signature else ""
    return Thinking(text, signature, extra=settle(rest, SIGNATURE), signed_by=by)
