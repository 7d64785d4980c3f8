"""Images, sounds and documents, in both directions."""

import base64
import binascii
from collections.abc import Mapping
from typing import Literal

from aihandler.backends.bedrock_converse.fields import FORM, form_of, opened, restore
from aihandler.backends.codec import NOTE
from aihandler.backends.wire_objects import take
from aihandler.domain.parts import Media
from aihandler.domain.task import Json

MediaKind = Literal["image", "audio", "document"]
_OFFICE = "application/vnd.openxmlformats-officedocument"
# Words of this format for what media types name; the first of several is the one that is written.
FORMATS: Mapping[MediaKind, Mapping[str, str]] = {
    "image": {
        "png": "image/png",
        "jpeg": "image/jpeg",
        "gif": "image/gif",
        "webp": "image/webp",
    },
    "audio": {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "ogg": "audio/ogg",
        "opus": "audio/opus",
        "flac": "audio/flac",
        "aac": "audio/aac",
        "m4a": "audio/mp4",
        "webm": "audio/webm",
        "mka": "audio/x-matroska",
        "pcm": "audio/pcm",
        "mpeg": "audio/mpeg",
        "mpga": "audio/mpeg",
        "mp4": "audio/mp4",
        "mkv": "audio/x-matroska",
        "x-aac": "audio/aac",
    },
    "document": {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": f"{_OFFICE}.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    },
}
# Other names of the same, as clients of other formats have them.
_ALSO = {
    "image/jpg": "jpeg",
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/x-m4a": "m4a",
    "audio/x-flac": "flac",
    "audio/x-aac": "aac",
    "application/json": "txt",
    "application/xml": "txt",
    "application/xhtml+xml": "html",
}
_USUAL: Mapping[MediaKind, str] = {"image": "png", "audio": "wav", "document": "pdf"}
# The word that stood there, where it is not the one that we would write; "" for none.
_WRITTEN = f"{NOTE}format"
_OWN_FILES = "s3://"


def read_media(kind: MediaKind, inner: Json) -> Media | None:
    """None when it has a form that is not known: the block is then carried as it is."""
    if not isinstance(inner, dict):
        return None
    rest = opened(inner)
    word, source = rest.pop("format", ""), rest.pop("source", None)
    if not isinstance(word, str) or (word and word not in FORMATS[kind]):
        return None
    found = _read_source(source, rest)
    if found is None:
        return None
    if not word and form_of(rest):
        word = "txt"
    media_type = FORMATS[kind].get(word, "")
    name = take(rest, "name", str, "") if kind == "document" else ""
    part = Media(kind, media_type, **found, name=name, extra=rest)
    if format_of(part) != inner.get("format"):
        rest[_WRITTEN] = inner.get("format", "")
    return part


def write_media(part: Media, *, own: bool) -> dict[str, Json]:
    """The block without its name; what has no word here has been taken out before."""
    word = part.extra.get(_WRITTEN) if own else None
    if word is None:
        word = format_of(part) or _USUAL[part.kind]
    wire: dict[str, Json] = {"format": word} if word else {}
    if part.kind == "document" and part.name:
        wire["name"] = part.name
    wire["source"] = _write_source(part, own=own)
    return restore(wire, part.extra) if own and part.extra else wire


def format_of(part: Media) -> str | None:
    """The word for what a part holds; None when there is none."""
    media_type = part.media_type.partition(";")[0].strip().lower()
    if not media_type:
        return _by_name(part)
    for word, known in FORMATS[part.kind].items():
        if known == media_type:
            return word
    also = _ALSO.get(media_type)
    if also in FORMATS[part.kind]:
        return also
    return "txt" if part.kind == "document" and media_type.startswith("text/") else None


def is_own_file(address: str) -> bool:
    """True for a place from which this provider reads by itself."""
    return address.startswith(_OWN_FILES)


def _by_name(part: Media) -> str:
    ending = part.name.rpartition(".")[2].lower()
    return ending if ending in FORMATS[part.kind] else _USUAL[part.kind]


def _read_source(source: Json, rest: dict[str, Json]) -> dict[str, Json] | None:
    if not isinstance(source, dict) or len(source) != 1:
        return None
    if isinstance(text := source.get("bytes"), str):
        data = _bytes(text)
        return None if data is None else {"data": data}
    if isinstance(text := source.get("text"), str):
        rest[FORM] = "text"
        return {"data": text.encode("utf-8", "surrogatepass")}
    place = source.get("s3Location")
    if not isinstance(place, dict) or not isinstance(place.get("uri"), str) or not place["uri"]:
        return None
    if len(place) > 1:
        beside = {key: value for key, value in place.items() if key != "uri"}
        rest["source"] = {"s3Location": beside}
    return {"file_id": place["uri"]}


def _write_source(part: Media, *, own: bool) -> dict[str, Json]:
    place = part.file_id or part.url
    if not part.data and place:
        return {"s3Location": {"uri": place}}
    if own and form_of(part.extra) == "text":
        return {"text": part.data.decode("utf-8", "replace")}
    return {"bytes": base64.b64encode(part.data).decode()}


def _bytes(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Another way to write the same bytes could not be told from this one on the way back.
    return data if base64.b64encode(data).decode() == text else None
