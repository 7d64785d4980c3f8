"""Images, sound and documents, and the other pieces of a message's content, in both directions."""

import base64
import binascii

from aihandler.backends.openai_chat.passage import ORIGIN, Passage
from aihandler.backends.wire_objects import over, take_text
from aihandler.domain.parts import CacheLifetime, Media, Opaque, Part, Refusal, Text, Thinking
from aihandler.domain.task import Json

_AUDIO_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


def read_part(wire: dict[str, Json]) -> Part:
    """One piece of content; what we cannot take apart without loss is carried whole."""
    left = dict(wire)
    match left.pop("type", None):
        case "text" if isinstance(wire.get("text"), str):
            text = left.pop("text")
            return Text(text, cache=take_cache(left), extra=left)
        case "refusal" if isinstance(wire.get("refusal"), str) and len(wire) == 2:
            return Refusal(wire["refusal"])
        case "image_url" if isinstance(wire.get("image_url"), dict):
            return _image(left, dict(left["image_url"])) or Opaque(ORIGIN, wire)
        case "input_audio" if isinstance(wire.get("input_audio"), dict):
            return _audio(left, dict(left["input_audio"])) or Opaque(ORIGIN, wire)
        case "file" if isinstance(wire.get("file"), dict):
            return _file(left, dict(left["file"])) or Opaque(ORIGIN, wire)
        case "thinking" if _plain_thought(wire.get("thinking")):
            thought = "".join(piece["text"] for piece in left.pop("thinking"))
            return Thinking(thought, extra={"field": "content", **left})
    return Opaque(ORIGIN, wire)


def part_to_wire(part: Part, pointer: str, passage: Passage) -> dict[str, Json] | None:
    """None when the format has no place for it, which is then noted."""
    match part:
        case Text():
            built: dict[str, Json] = {"type": "text", "text": part.text}
            add_cache(built, part.cache, pointer, passage=passage)
            if part.citations:
                passage.lose(f"{pointer}/citations", "citations of a text that is sent")
            return over(passage.beside(part.extra, pointer), built)
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Media():
            return _media_to_wire(part, pointer, passage)
        case Opaque() if part.format == ORIGIN and isinstance(part.payload, dict):
            return part.payload
        case Opaque():
            passage.lose(pointer, f"a part that only {part.format!r} understands")
        case Thinking():
            passage.lose(pointer, "thinking in a message that is not a model's")
        case _:
            passage.lose(pointer, "a tool call or result where this format has none")
    return None


def take_cache(left: dict[str, Json]) -> CacheLifetime | None:
    """A mark up to which the provider may keep what was sent."""
    mark = left.get("cache_control")
    if mark == {"type": "ephemeral"}:
        lifetime: CacheLifetime = ""
    elif mark == {"type": "ephemeral", "ttl": "5m"}:
        lifetime = "5m"
    elif mark == {"type": "ephemeral", "ttl": "1h"}:
        lifetime = "1h"
    else:
        return None
    del left["cache_control"]
    return lifetime


def add_cache(
    built: dict[str, Json], cache: CacheLifetime | None, pointer: str, *, passage: Passage
) -> None:
    """Only servers that pass such marks on take them; others refuse the request for it."""
    if cache is None:
        return
    if passage.profile.cache_marks or passage.same:
        mark = {"type": "ephemeral", "ttl": cache} if cache else {"type": "ephemeral"}
        built["cache_control"] = mark
    else:
        passage.lose(f"{pointer}/cache", "a mark for the provider's prompt cache")


def data_of(text: str) -> bytes | None:
    """The bytes of base64, or None where it would not be written again as it was."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def data_url(media: Media) -> str:
    """Bytes as an address."""
    kind = media.media_type or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(media.data).decode()}"


def _plain_thought(pieces: Json) -> bool:
    """One text: more of them could not be told apart again."""
    return (
        isinstance(pieces, list)
        and len(pieces) == 1
        and isinstance(pieces[0], dict)
        and pieces[0].keys() == {"type", "text"}
        and isinstance(pieces[0]["text"], str)
    )


def _from_url(url: str) -> tuple[str, bytes] | None:
    head, comma, body = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    data = data_of(body)
    return None if data is None else (head[5:-7], data)


def _image(left: dict[str, Json], image: dict[str, Json]) -> Part | None:
    url = take_text(image, "url")
    if not url:
        return None
    del left["image_url"]
    cache = take_cache(left)
    if image:
        left["image_url"] = image
    held = _from_url(url)
    if held is None:
        return Media("image", url=url, cache=cache, extra=left)
    return Media("image", held[0], held[1], cache=cache, extra=left)


def _audio(left: dict[str, Json], audio: dict[str, Json]) -> Part | None:
    data = data_of(take_text(audio, "data"))
    form = take_text(audio, "format")
    if not data or not form:
        return None
    del left["input_audio"]
    cache = take_cache(left)
    if audio:
        left["input_audio"] = audio
    media_type = _AUDIO_TYPES.get(form, f"audio/{form}")
    return Media("audio", media_type, data, cache=cache, extra=left)


def _file(left: dict[str, Json], file: dict[str, Json]) -> Part | None:
    held = _from_url(take_text(file, "file_data"))
    file_id, name = take_text(file, "file_id"), take_text(file, "filename")
    if held is None and not file_id:
        return None
    del left["file"]
    cache = take_cache(left)
    if file or not name:
        left["file"] = file
    media_type, data = held or ("", b"")
    return Media("document", media_type, data, file_id=file_id, name=name, cache=cache, extra=left)


def _media_to_wire(media: Media, pointer: str, passage: Passage) -> dict[str, Json] | None:
    if not passage.same and media.kind not in passage.profile.media:
        passage.lose(pointer, f"{_named(media)}: this server takes none")
        return None
    built = _built(media, passage)
    if built is None:
        where = "file id" if media.file_id else "address"
        passage.lose(pointer, f"{_named(media)} that is only known by its {where}")
        return None
    add_cache(built, media.cache, pointer, passage=passage)
    return over(passage.beside(media.extra, pointer), built)


def _built(media: Media, passage: Passage) -> dict[str, Json] | None:
    match media.kind:
        case "image":
            return _image_to_wire(media)
        case "audio":
            return _audio_to_wire(media)
        case "document":
            return _file_to_wire(media, passage)


def _image_to_wire(media: Media) -> dict[str, Json] | None:
    url = data_url(media) if media.data else media.url
    return {"type": "image_url", "image_url": {"url": url}} if url else None


def _audio_to_wire(media: Media) -> dict[str, Json] | None:
    if not media.data:
        return None
    kind = media.media_type
    form = _AUDIO_FORMATS.get(kind) or kind.partition("/")[2] or "wav"
    audio = {"data": base64.b64encode(media.data).decode(), "format": form}
    return {"type": "input_audio", "input_audio": audio}


def _file_to_wire(media: Media, passage: Passage) -> dict[str, Json] | None:
    file: dict[str, Json] = {}
    if media.data:
        file["file_data"] = data_url(media)
    elif media.file_id and (passage.same or not media.url):
        file["file_id"] = media.file_id
    else:
        return None
    if media.name:
        file["filename"] = media.name
    elif media.data and not passage.same:
        # OpenAI refuses a document without a name.
        file["filename"] = "document"
    return {"type": "file", "file": file}


def _named(media: Media) -> str:
    return {"image": "an image", "audio": "a sound", "document": "a document"}[media.kind]
