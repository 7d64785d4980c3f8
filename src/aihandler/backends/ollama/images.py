"""Images, which stand beside the text of a message as a list of base64, in both directions."""

import base64
import binascii

from aihandler.backends.wire_objects import Losses
from aihandler.domain.parts import Media
from aihandler.domain.task import Json

# How the files of each kind begin; the format does not tell what an image is.
_SIGNS = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


def take_images(rest: dict[str, Json]) -> tuple[Media, ...]:
    """Takes `images` out; a list that could not be written again as it came stays in `rest`."""
    wire = rest.get("images")
    if not isinstance(wire, list) or not wire:
        return ()
    images = [_read(image) for image in wire]
    if any(image is None for image in images):
        return ()
    del rest["images"]
    return tuple(image for image in images if image is not None)


def write_image(part: Media, pointer: str, losses: Losses) -> str | None:
    """None, and a loss, for what is no image or has its bytes elsewhere."""
    if part.kind != "image":
        losses.add(pointer, f"this format takes no {part.kind}")
        return None
    if not part.data:
        losses.add(pointer, "an image by address or id: this format takes its bytes only")
        return None
    if part.cache is not None:
        losses.add(f"{pointer}/cache", "a mark for the provider's prompt cache")
    return base64.b64encode(part.data).decode()


def _read(image: Json) -> Media | None:
    if not isinstance(image, str):
        return None
    try:
        data = base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Another way to write the same bytes could not be told from this one on the way back.
    if not data or base64.b64encode(data).decode() != image:
        return None
    return Media("image", _media_type(data), data)


def _media_type(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in _SIGNS if data.startswith(sign)), "image/png")
