"""Items of OpenAI Responses and our parts, in both directions."""

from collections.abc import Iterator, Sequence

from aihandler.backends.codec import NOTE
from aihandler.backends.openai_responses.content import (
    read_content,
    read_said,
    write_content,
    write_said,
)
from aihandler.backends.openai_responses.fields import (
    BESIDE,
    ITEM,
    KIND,
    MORE,
    header_of,
    is_plain,
    noted,
    without_header,
)
from aihandler.backends.wire_objects import restore, settle, take
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

# Lengths of the texts of a thought, by the list in which they stand.
_CUTS = f"{NOTE}cuts"
_BETWEEN = "\n\n"
_THOUGHTS = (("summary", "summary_text"), ("content", "reasoning_text"))


def read_item(item: Json) -> tuple[Part, ...]:
    """The parts of an item on the model's side; one without a word here is carried as it is."""
    parts: tuple[Part, ...] | None = None
    if isinstance(item, dict):
        match item.get("type", "message"):
            case "message" if item.get("role") == "assistant":
                parts = _read_message(item)
            case "function_call":
                parts = _read_call(item)
            case "reasoning":
                parts = _read_thought(item)
    return (Opaque(KIND, item),) if parts is None else parts


def write_turn(parts: Sequence[Part], *, own: bool) -> Iterator[tuple[int, dict[str, Json]]]:
    """The items of a turn of the model, each with the place of its first part."""
    said: list[Text | Refusal] = []
    begun = 0
    for place, part in enumerate(parts):
        if isinstance(part, (Text, Refusal)):
            fresh = ITEM in part.extra and MORE not in part.extra
            if said and own and fresh:
                yield begun, _write_message(said, own=own)
                said = []
            if not said:
                begun = place
            said.append(part)
            continue
        if said:
            yield begun, _write_message(said, own=own)
            said = []
        item = write_item(part, own=own)
        if item is not None:
            yield place, item
    if said:
        yield begun, _write_message(said, own=own)


def write_item(part: Part, *, own: bool) -> dict[str, Json] | None:
    """The item of a part that is one by itself; None when it is none."""
    match part:
        case ToolCall():
            wire: dict[str, Json] = {"type": "function_call", "call_id": part.id}
            wire |= {"name": part.name, "arguments": part.arguments or ("" if own else "{}")}
            return _headed(wire, part) if own else wire
        case Thinking():
            return _write_thought(part)
        case ToolResult():
            return _write_result(part, own=own)
        case Opaque() if part.format == KIND and isinstance(part.payload, dict):
            return part.payload
    return None


def read_result(item: dict[str, Json]) -> ToolResult | None:
    """What a tool answered."""
    call_id, output = item.get("call_id"), item.get("output")
    if not isinstance(call_id, str) or not isinstance(output, (str, list)):
        return None
    extra: dict[str, Json] = {ITEM: header_of(item), **without_header(item, "call_id", "output")}
    parts = read_content(output, extra)
    return ToolResult(
        call_id, tuple(p for p in parts if isinstance(p, (Text, Media, Opaque))), extra=extra
    )


def _write_result(part: ToolResult, *, own: bool) -> dict[str, Json]:
    wire: dict[str, Json] = {"type": "function_call_output", "call_id": part.call_id}
    known = part.parts or (own and ITEM in part.extra)
    wire["output"] = write_content(part.parts, part.extra, own=own) if known else ""
    return _headed(wire, part) if own else wire


def _headed(
    wire: dict[str, Json], part: Text | Refusal | Thinking | ToolCall | ToolResult
) -> dict[str, Json]:
    """Writes what was noted of the item; one that never was one of this format has only a type."""
    header = noted(part.extra)
    if header and "type" not in header:
        del wire["type"]
    return restore({**wire, **header}, part.extra)


def _read_message(item: dict[str, Json]) -> tuple[Part, ...] | None:
    content = item.get("content")
    header = header_of(item)
    beside = without_header(item, "role", "content")
    parts: list[Text | Refusal] = []
    if isinstance(content, str) and content:
        header["content"] = "string"
        parts = [Text(content)]
    elif isinstance(content, list) and content:
        said = [read_said(piece) for piece in content]
        parts = [part for part in said if part is not None]
        if len(parts) < len(said):
            return None
    if not parts:
        return None
    first, *more = parts
    extra: dict[str, Json] = {**first.extra, ITEM: header}
    if beside:
        extra[BESIDE] = beside
    return (_noted(first, extra), *(_noted(part, {**part.extra, MORE: True}) for part in more))


def _noted(part: Text | Refusal, extra: dict[str, Json]) -> Part:
    if isinstance(part, Refusal):
        return Refusal(part.text, extra)
    return Text(part.text, part.citations, part.cache, extra)


def _write_message(said: Sequence[Text | Refusal], *, own: bool) -> dict[str, Json]:
    extra = said[0].extra if own else {}
    header = dict(noted(extra))
    beside = noted(extra, BESIDE)
    form = header.pop("content", "" if ITEM in extra else "string")
    plain = all(is_plain(_bare(part)) for part in said) if own else isinstance(said[0], Text)
    if form == "string" and len(said) == 1 and plain:
        content: Json = said[0].text
    else:
        content = [write_said(_bare(part), own=own) for part in said]
    return {**header, "role": "assistant", "content": content, **beside}


def _bare(part: Text | Refusal) -> Text | Refusal:
    """The part without what belongs to its item."""
    extra = {key: value for key, value in part.extra.items() if key not in {ITEM, MORE, BESIDE}}
    if isinstance(part, Refusal):
        return Refusal(part.text, extra)
    return Text(part.text, part.citations, part.cache, extra)


def _read_call(item: dict[str, Json]) -> tuple[Part, ...] | None:
    call_id, name, arguments = item.get("call_id"), item.get("name"), item.get("arguments")
    if not (isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str)):
        return None
    rest = without_header(item, "call_id", "name", "arguments")
    return (ToolCall(call_id, name, arguments, extra={ITEM: header_of(item), **rest}),)


def _read_thought(item: dict[str, Json]) -> tuple[Part, ...] | None:
    texts: list[str] = []
    cuts: dict[str, Json] = {}
    rest = without_header(item)
    for key, kind in _THOUGHTS:
        pieces = rest.get(key)
        if not isinstance(pieces, list) or not pieces:
            continue
        if not all(_is_piece(piece, kind) for piece in pieces):
            return None
        del rest[key]
        texts += [piece["text"] for piece in pieces]
        cuts[key] = [len(piece["text"]) for piece in pieces]
    sealed = take(rest, "encrypted_content", str, "")
    extra = settle(rest, "summary", "content", "encrypted_content")
    extra[ITEM] = header_of(item)
    if (cuts and cuts.keys() != {"summary"}) or len(texts) > 1:
        extra[_CUTS] = cuts
    by = KIND if sealed else ""
    return (Thinking(_BETWEEN.join(texts), sealed=sealed, extra=extra, signed_by=by),)


def _is_piece(piece: Json, kind: str) -> bool:
    return (
        isinstance(piece, dict)
        and piece.keys() == {"type", "text"}
        and piece["type"] == kind
        and isinstance(piece["text"], str)
    )


def _write_thought(part: Thinking) -> dict[str, Json]:
    wire: dict[str, Json] = {"type": "reasoning", **_written_texts(part)}
    if part.sealed:
        wire["encrypted_content"] = part.sealed
    wire = _headed(wire, part)
    wire.setdefault("summary", [])
    return wire


def _written_texts(part: Thinking) -> dict[str, Json]:
    cuts = noted(part.extra, _CUTS)
    lengths = [length for key, _ in _THOUGHTS for length in cuts.get(key, ())]
    whole = sum(lengths) + len(_BETWEEN) * (len(lengths) - 1)
    if not lengths or whole != len(part.text):
        # Of another format, or no longer the text that was read.
        lengths, cuts = [len(part.text)], {"summary": [len(part.text)]}
        if not part.text:
            return {}
    pieces, at = [], 0
    for length in lengths:
        pieces.append(part.text[at : at + length])
        at += length + len(_BETWEEN)
    texts = iter(pieces)
    return {
        key: [{"type": kind, "text": next(texts)} for _ in cuts[key]]
        for key, kind in _THOUGHTS
        if key in cuts
    }
