"""Content blocks of Converse and our parts, in both directions."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from aihandler.backends.bedrock_converse.fields import (
    FORM,
    KIND,
    cache_of,
    cache_point,
    form_of,
    joined,
    note_usual,
    opened,
    restore,
)
from aihandler.backends.bedrock_converse.media import MediaKind, read_media, write_media
from aihandler.backends.codec import NOTE
from aihandler.backends.wire_objects import take
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

# The field of our parts that says: look at this with a guardrail.
GUARD = "guardContent"
# The forms of a text: an answer with sources, a value in the result of a tool.
_CITED, _VALUE = "cited", "json"
# Lengths of the pieces in which a text with sources came.
_CUTS = f"{NOTE}cuts"
_NO_CONTENT = "none"
_MEDIA: Mapping[str, MediaKind] = {"image": "image", "document": "document", "audio": "audio"}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def read_blocks(blocks: Iterable[Json]) -> tuple[Part, ...]:
    """The parts; a cache point is a mark on the part before it."""
    parts: list[Part] = []
    for block in blocks:
        cache = cache_of(block)
        if cache is not None and parts and _may_be_marked(parts[-1]):
            parts[-1] = msgspec.structs.replace(parts[-1], cache=cache)
        else:
            parts.append(read_block(block))
    return tuple(parts)


def read_block(block: Json) -> Part:
    """A block of a kind that has no word here, or of an odd form, is carried as it is."""
    if isinstance(block, dict) and len(block) == 1:
        ((kind, inner),) = block.items()
        if kind == "text" and isinstance(inner, str):
            return Text(inner)
        part = _read(kind, inner)
        if part is not None:
            return part
    return Opaque(KIND, block)


def write_blocks(parts: Sequence[Part], *, own: bool) -> list[Json]:
    """The blocks, with the cache points that the parts are marked with."""
    blocks: list[Json] = []
    for part in parts:
        blocks.append(write_block(part, own=own))
        if not isinstance(part, (Thinking, Refusal, Opaque)) and part.cache is not None:
            blocks.append(cache_point(part.cache))
    return blocks


def write_block(part: Part, *, own: bool) -> dict[str, Json]:
    """One block; `own` also writes what only this format knows.

    What this format cannot hold has been taken out before.
    """
    match part:
        case Text():
            return _write_text(part) if own and (part.extra or part.citations) else _plain(part)
        case Refusal():
            return {"text": part.text}
        case Thinking():
            return {"reasoningContent": _write_thinking(part, own=own)}
        case ToolCall():
            return {"toolUse": _write_call(part, own=own)}
        case ToolResult():
            return {"toolResult": _write_result(part, own=own)}
        case Media():
            return _write_media(part, own=own)
        case Opaque():
            return part.payload  # type: ignore[no-any-return]  # foreign JSON, as it came


def arguments_value(call: ToolCall) -> dict[str, Json]:
    """The arguments as an object; a text that is none stands under one key of its own."""
    value = _value_of(call.arguments or "{}")
    return value if isinstance(value, dict) else {"arguments": call.arguments}


def _read(kind: str, inner: Json) -> Part | None:
    if kind in _MEDIA:
        return read_media(_MEDIA[kind], inner)
    if not isinstance(inner, dict):
        return None
    match kind:
        case "toolUse":
            return _read_call(inner)
        case "toolResult":
            return _read_result(inner)
        case "reasoningContent":
            return _read_thinking(inner)
        case "citationsContent":
            return _read_cited(inner)
        case "guardContent":
            return _read_guarded(inner)
    return None


def _may_be_marked(part: Part) -> bool:
    return isinstance(part, (Text, Media, ToolCall, ToolResult)) and part.cache is None


def _read_call(inner: dict[str, Json]) -> ToolCall | None:
    rest = opened(inner)
    call_id, name = rest.pop("toolUseId", None), rest.pop("name", None)
    arguments = rest.pop("input", None)
    note_usual(rest, "type", "tool_use")
    # Any other type is a tool that the provider runs.
    if "type" in rest or not isinstance(arguments, dict):
        return None
    if not (isinstance(call_id, str) and isinstance(name, str)):
        return None
    return ToolCall(call_id, name, _encode(arguments).decode(), extra=rest)


def _write_call(part: ToolCall, *, own: bool) -> dict[str, Json]:
    wire: dict[str, Json] = {"toolUseId": part.id, "name": part.name}
    wire["input"] = arguments_value(part)
    return restore(wire, part.extra) if own and part.extra else wire


def _read_result(inner: dict[str, Json]) -> ToolResult | None:
    rest = opened(inner)
    call_id, content = rest.pop("toolUseId", None), rest.pop("content", None)
    note_usual(rest, "type", "tool_result")
    if not isinstance(call_id, str) or "type" in rest:
        return None
    if "content" not in inner:
        rest[FORM] = _NO_CONTENT
    elif not isinstance(content, list):
        return None
    failed = rest.get("status") == "error"
    if failed:
        del rest["status"]
    note_usual(rest, "status", "success")
    parts = tuple(_read_told(block) for block in content or ())
    return ToolResult(call_id, parts, failed=failed, extra=rest)


def _read_told(block: Json) -> Text | Media | Opaque:
    if isinstance(block, dict) and len(block) == 1 and "json" in block:
        return Text(_encode(block["json"]).decode(), extra={FORM: _VALUE})
    part = read_block(block)
    # Only these stand in results; anything else goes back as it came.
    return part if isinstance(part, (Text, Media, Opaque)) else Opaque(KIND, block)


def _write_result(part: ToolResult, *, own: bool) -> dict[str, Json]:
    wire: dict[str, Json] = {"toolUseId": part.call_id}
    if part.parts or not (own and form_of(part.extra) == _NO_CONTENT):
        wire["content"] = write_blocks(part.parts, own=own)
    if part.failed:
        wire["status"] = "error"
    return restore(wire, part.extra) if own and part.extra else wire


def _read_thinking(inner: dict[str, Json]) -> Thinking | None:
    if len(inner) != 1:
        return None
    sealed = inner.get("redactedContent")
    if isinstance(sealed, str) and sealed:
        return Thinking(sealed=sealed, signed_by=KIND)
    said = inner.get("reasoningText")
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return None
    rest = opened(said)
    text, signature = rest.pop("text"), take(rest, "signature", str, "")
    return Thinking(text, signature, extra=rest, signed_by=KIND if signature else "")


def _write_thinking(part: Thinking, *, own: bool) -> dict[str, Json]:
    if part.sealed:
        return {"redactedContent": part.sealed}
    wire: dict[str, Json] = {"text": part.text}
    if part.signature:
        wire["signature"] = part.signature
    return {"reasoningText": restore(wire, part.extra) if own else wire}


def _read_cited(inner: dict[str, Json]) -> Text | None:
    rest = opened(inner)
    content, citations = rest.pop("content", None), rest.pop("citations", [])
    if not isinstance(content, list) or not isinstance(citations, list):
        return None
    texts = [p["text"] for p in content if isinstance(p, dict) and p.keys() == {"text"}]
    if len(texts) != len(content) or not all(isinstance(text, str) for text in texts):
        return None
    rest[FORM] = _CITED
    if len(texts) != 1:
        rest[_CUTS] = [len(text) for text in texts]
    return Text("".join(texts), tuple(citations), extra=rest)


def _read_guarded(inner: dict[str, Json]) -> Text | Media | None:
    if len(inner) != 1:
        return None
    if "image" in inner:
        image = read_media("image", inner["image"])
        return image and msgspec.structs.replace(image, extra={**image.extra, GUARD: {}})
    said = inner.get("text")
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return None
    rest = dict(said)
    return Text(rest.pop("text"), extra={GUARD: rest})


def _plain(part: Text) -> dict[str, Json]:
    return {"text": part.text}


def _write_text(part: Text) -> dict[str, Json]:
    form = form_of(part.extra)
    guard = part.extra.get(GUARD)
    if isinstance(guard, dict):
        return {GUARD: {"text": joined({"text": part.text}, guard)}}
    if form == _VALUE and (value := _value_of(part.text)) is not _NO_VALUE:
        return {"json": value}
    if form == _CITED or part.citations:
        wire: dict[str, Json] = {"content": [{"text": text} for text in _pieces(part)]}
        wire["citations"] = list(part.citations)
        return {"citationsContent": restore(wire, part.extra)}
    return _plain(part)


def _pieces(part: Text) -> list[str]:
    cuts = part.extra.get(_CUTS)
    if not isinstance(cuts, list) or sum(cuts) != len(part.text):
        return [part.text]
    texts: list[str] = []
    at = 0
    for length in cuts:
        texts.append(part.text[at : at + length])
        at += length
    return texts


def _write_media(part: Media, *, own: bool) -> dict[str, Json]:
    if own and GUARD in part.extra:
        extra = {key: value for key, value in part.extra.items() if key != GUARD}
        inner = msgspec.structs.replace(part, extra=extra)
        return {GUARD: {"image": write_media(inner, own=True)}}
    return {part.kind: write_media(part, own=own)}


_NO_VALUE = object()


def _value_of(text: str) -> Json:
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _NO_VALUE
