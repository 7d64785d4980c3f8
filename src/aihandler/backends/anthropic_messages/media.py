"""Images and documents, in both directions."""

import base64
import binascii
from typing import Literal

from aihandler.backends.anthropic_messages.fields import take_cache
from aihandler.backends.wire_objects import form_of, note_form, rest_of, settle, take
from aihandler.domain.parts import Media
from aihandler.domain.task import Json

_FALLBACK_TYPES = {"image": "image/png", "document": "application/pdf"}


def read_media(block: dict[str, Json]) -> Media | None:
    """None when the source has a form that is not known: the block is then carried as it is."""
    kind: Literal["image", "document"] = "image" if block["type"] == "image" else "document"
    source: Json = block.get("source")
    found = _read_source(source) if isinstance(source, dict) else None
    if found is None:
        return None
    rest = rest_of(block, "type", "source")
    name = take(rest, "title", str, "") if kind == "document" else ""
    cache = take_cache(rest)
    extra = settle(rest, "title", "cache_control")
    if found.get("data") is not None and _is_text(found["media_type"]) != (
        source["type"] == "text"
    ):
        note_form(extra, source["type"])
    return Media(kind, **found, name=name, cache=cache, extra=extra)


def write_media(part: Media) -> dict[str, Json]:
    """Text documents go as text: as bytes this format takes PDF alone."""
    wire: dict[str, Json] = {"type": part.kind, "source": _write_source(part)}
    if part.name and part.kind == "document":
        wire["title"] = part.name
    return wire


def _read_source(source: dict[str, Json]) -> dict[str, Json] | None:
    values = {key: value for key, value in source.items() if key != "type"}
    if not all(isinstance(value, str) for value in values.values()):
        return None
    match source.get("type"), sorted(values):
        case "url", ["url"]:
            return values
        case "file", ["file_id"]:
            return values
        case "base64", ["data", "media_type"]:
            data = _bytes(values["data"])
            return None if data is None else {"media_type": values["media_type"], "data": data}
        case "text", ["data", "media_type"] if values["media_type"] == "text/plain":
            return {"media_type": "text/plain", "data": values["data"].encode()}
    return None


def _write_source(part: Media) -> dict[str, Json]:
    if not part.data and part.url:
        return {"type": "url", "url": part.url}
    if not part.data and part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if _as_text(part):
        text = part.data.decode("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": text}
    media_type = part.media_type or _FALLBACK_TYPES[part.kind]
    data = base64.b64encode(part.data).decode()
    return {"type": "base64", "media_type": media_type, "data": data}


def _as_text(part: Media) -> bool:
    form = form_of(part.extra)
    return form == "text" if form else part.kind == "document" and _is_text(part.media_type)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type == "application/json"


def _bytes(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Another way to write the same bytes could not be told from this one on the way back.
    return data if base64.b64encode(data).decode() == text else None
