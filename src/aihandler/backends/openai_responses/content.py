"""What stands inside of items: texts, images, files and sound, in both directions."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from aihandler.backends.openai_chat.media import data_of, data_url
from aihandler.backends.openai_responses.fields import KIND, is_plain
from aihandler.backends.wire_objects import form_of, note_form, restore, settle, take
from aihandler.domain.parts import CacheLifetime, Media, Opaque, Part, Refusal, Text
from aihandler.domain.task import Json

_MARK = {"mode": "explicit"}
_AUDIO_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


def read_content(content: Json, extra: dict[str, Json]) -> tuple[Part, ...]:
    """The parts of what a user says or a tool answers; the form is noted where it is unusual."""
    if isinstance(content, str):
        parts: tuple[Part, ...] = (Text(content),) if content else ()
        form = "string"
    else:
        parts = tuple(map(read_input, content))
        form = "list"
    if form != _usual_form(parts):
        note_form(extra, form)
    return parts


def write_content(
    parts: Sequence[Part], extra: Mapping[str, Json], *, own: bool
) -> str | list[Json]:
    """A text where that is all there is, else a list."""
    form = (form_of(extra) if own else "") or _usual_form(parts)
    if form == "string" and all(map(is_plain, parts)):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [write_input(part, own=own) for part in parts]


def read_input(wire: Json) -> Part:
    """One piece of content; what has no word here, or an odd form, is carried as it is."""
    part: Part | None = None
    if isinstance(wire, dict):
        rest = dict(wire)
        match rest.pop("type", None):
            case "input_text" if isinstance(rest.get("text"), str):
                text = rest.pop("text")
                part = Text(text, cache=_take_mark(rest), extra=rest)
            case "input_image":
                part = _read_image(rest)
            case "input_file":
                part = _read_file(rest)
            case "input_audio":
                part = _read_audio(rest)
    return Opaque(KIND, wire) if part is None else part


def write_input(part: Part, *, own: bool) -> dict[str, Json]:
    """One piece of content; what this format cannot hold has been taken out before."""
    match part:
        case Text():
            wire: dict[str, Json] = {"type": "input_text", "text": part.text}
        case Media():
            wire = _write_media(part)
        case Refusal():
            return {"type": "input_text", "text": part.text}
        case Opaque():
            return part.payload  # type: ignore[no-any-return]  # foreign JSON, as it came
        case _:
            raise AssertionError(type(part))
    if part.cache is not None:
        wire["prompt_cache_breakpoint"] = dict(_MARK)
    return restore(wire, part.extra) if own and part.extra else wire


def read_said(wire: Json) -> Text | Refusal | None:
    """A piece of what a model said; None when it is of no known form."""
    if not isinstance(wire, dict):
        return None
    rest = dict(wire)
    kind = rest.pop("type", None)
    if kind == "refusal" and isinstance(rest.get("refusal"), str):
        return Refusal(rest.pop("refusal"), rest)
    if kind not in _SAID or not isinstance(rest.get("text"), str):
        return None
    text = rest.pop("text")
    none: list[Json] = []
    citations = take(rest, "annotations", list, none)
    extra = settle(rest, "annotations", "logprobs")
    if kind != "output_text":
        note_form(extra, kind)
    return Text(text, tuple(citations), extra=extra)


def write_said(part: Text | Refusal, *, own: bool) -> dict[str, Json]:
    """A piece of what a model said."""
    wire: dict[str, Json]
    if isinstance(part, Refusal):
        wire = {"type": "refusal", "refusal": part.text}
    else:
        wire = {"type": (form_of(part.extra) if own else "") or "output_text", "text": part.text}
        if part.citations and own:
            wire["annotations"] = list(part.citations)
    return restore(wire, part.extra) if own and part.extra else wire


# No set: a client may send something that has no hash.
_SAID = ("output_text", "input_text", "text")


def _usual_form(parts: Sequence[Part]) -> str:
    return "string" if len(parts) == 1 and is_plain(parts[0]) else "list"


def _take_mark(rest: dict[str, Json]) -> CacheLifetime | None:
    if rest.get("prompt_cache_breakpoint") != _MARK:
        return None
    del rest["prompt_cache_breakpoint"]
    return ""


def _read_image(rest: dict[str, Json]) -> Media | None:
    url = take(rest, "image_url", str, "")
    file_id = take(rest, "file_id", str, "")
    found = _located(url, file_id)
    if found is None:
        return None
    mark = _take_mark(rest)
    return Media("image", **found, cache=mark, extra=settle(rest, "image_url", "file_id"))


def _read_file(rest: dict[str, Json]) -> Media | None:
    held = take(rest, "file_data", str, "")
    url, file_id = take(rest, "file_url", str, ""), take(rest, "file_id", str, "")
    if held and url:
        return None
    found = _located(held or url, file_id)
    if found is None or (held and "data" not in found):
        return None
    name, mark = take(rest, "filename", str, ""), _take_mark(rest)
    extra = settle(rest, "file_data", "file_url", "file_id", "filename")
    return Media("document", **found, name=name, cache=mark, extra=extra)


def _read_audio(rest: dict[str, Json]) -> Media | None:
    audio = rest.pop("input_audio", None)
    if not isinstance(audio, dict) or audio.keys() != {"data", "format"}:
        return None
    data = data_of(audio["data"]) if isinstance(audio["data"], str) else None
    kind = _AUDIO_TYPES.get(audio["format"]) if isinstance(audio["format"], str) else None
    if not data or kind is None:
        return None
    return Media("audio", kind, data, cache=_take_mark(rest), extra=rest)


def _located(url: str, file_id: str) -> dict[str, Any] | None:
    """Where the bytes are, or the bytes; None when that could not be written again as it was."""
    if not url:
        return {"file_id": file_id} if file_id else None
    if file_id:
        return None
    if not url.startswith("data:"):
        return {"url": url}
    head, _, body = url.partition(",")
    data = data_of(body) if head.endswith(";base64") else None
    return {"media_type": head[5:-7], "data": data} if data and head[5:-7] else None


def _write_media(part: Media) -> dict[str, Json]:
    if part.kind == "audio":
        kind = part.media_type
        form = _AUDIO_FORMATS.get(kind) or kind.partition("/")[2] or "wav"
        data = base64.b64encode(part.data).decode()
        return {"type": "input_audio", "input_audio": {"data": data, "format": form}}
    if part.kind == "image":
        where = {"image_url": data_url(part)} if part.data else _address(part, "image_url")
        return {"type": "input_image", **where}
    wire = {"file_data": data_url(part)} if part.data else _address(part, "file_url")
    if part.name:
        wire["filename"] = part.name
    return {"type": "input_file", **wire}


def _address(part: Media, key: str) -> dict[str, Json]:
    return {key: part.url} if part.url else {"file_id": part.file_id}
