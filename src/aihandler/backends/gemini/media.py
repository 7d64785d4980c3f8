"""Images, sounds and documents, in both directions."""

import base64
import binascii
from typing import Literal
from urllib.parse import urlsplit

from aihandler.backends.gemini.fields import FORM, keep, settle, take_text, usual
from aihandler.domain.parts import Media
from aihandler.domain.task import Json

# Files that only this provider can read.
_OWN_FILES = ("gs://", "https://generativelanguage.googleapis.com/")
_FALLBACK_TYPES = {"image": "image/png", "audio": "audio/wav", "document": "application/pdf"}
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
}
_URL_SAFE = "url_safe"
_Kind = Literal["image", "audio", "document"]


def read_media(plain: dict[str, Json]) -> Media | None:
    """A part with `inlineData` or `fileData`; None for video, and for what has an odd form."""
    name = "inlineData" if "inlineData" in plain else "fileData"
    inner = plain[name]
    if not isinstance(inner, dict):
        return None
    inner = usual(inner)
    media_type = inner.pop("mimeType", None)
    kind = _kind(media_type) if isinstance(media_type, str) else None
    if kind is None:
        return None
    extra = {key: value for key, value in plain.items() if key != name}
    found = _read_bytes(inner, extra) if name == "inlineData" else _read_address(inner)
    if found is None:
        return None
    title = take_text(inner, "displayName")
    keep(extra, name, settle(inner, "displayName"))
    return Media(kind, media_type, **found, name=title, extra=extra)


def write_media(part: Media) -> dict[str, Json]:
    """The bytes where we have them, else the address."""
    named = {"displayName": part.name} if part.name else {}
    if part.data or not (part.url or part.file_id):
        encode = base64.urlsafe_b64encode if part.extra.get(FORM) == _URL_SAFE else base64.b64encode
        media_type = part.media_type or _FALLBACK_TYPES[part.kind]
        return {
            "inlineData": {
                "mimeType": media_type,
                "data": encode(part.data).decode(),
                **named,
            }
        }
    address = part.url or part.file_id
    # Vertex wants a type with every address.
    typed = {"mimeType": part.media_type or _type_of(address) or _FALLBACK_TYPES[part.kind]}
    return {"fileData": {**typed, "fileUri": address, **named}}


def _type_of(address: str) -> str:
    ending = urlsplit(address).path.rpartition(".")[2].lower()
    return _TYPES.get(ending, "")


def _kind(media_type: str) -> _Kind | None:
    family = media_type.partition("/")[0].lower()
    if family == "image":
        return "image"
    if family == "audio":
        return "audio"
    return None if family == "video" or "/" not in media_type else "document"


def _read_bytes(inner: dict[str, Json], extra: dict[str, Json]) -> dict[str, Json] | None:
    text = inner.pop("data", None)
    if not isinstance(text, str):
        return None
    try:
        if "-" in text or "_" in text:
            # Google's own library for Python writes this alphabet.
            data, back = base64.urlsafe_b64decode(text), base64.urlsafe_b64encode
            extra[FORM] = _URL_SAFE
        else:
            data, back = base64.b64decode(text, validate=True), base64.b64encode
    except (binascii.Error, ValueError):
        return None
    # Another way to write the same bytes could not be told from this one on the way back.
    return {"data": data} if back(data).decode() == text else None


def _read_address(inner: dict[str, Json]) -> dict[str, Json] | None:
    address = inner.pop("fileUri", None)
    if not isinstance(address, str) or not address:
        return None
    return {"file_id" if address.startswith(_OWN_FILES) else "url": address}
