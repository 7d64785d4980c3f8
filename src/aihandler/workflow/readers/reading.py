"""What all readers share: bounds, decoding, names that can be written down."""

from pathlib import Path

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.errors import InputError

# One document above this is a mistake more often than a wish; no model takes it whole.
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


class Unreadable(msgspec.Struct, frozen=True):
    """A document that could not be read, and why."""

    id: str
    reason: str


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises InputError above MAX_DOCUMENT_BYTES without reading it."""
    size = path.stat().st_size
    if size > MAX_DOCUMENT_BYTES:
        limit_mb = MAX_DOCUMENT_BYTES // 1024**2
        raise InputError(
            f"it has {size // 1024**2} MB, above the {limit_mb} MB that one document may have",
            hint="split it",
        )
    return path.read_bytes()


def decode(content: bytes) -> str:
    """Text in UTF-8, or else in the Windows code page that most old files are in."""
    if b"\x00" in content:
        raise InputError("it holds binary data, not text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def parse_class(word: str | None) -> DataClass | None:
    """A class by name; None when there is none. Any other word is an error, not a guess."""
    if word is None or not word.strip():
        return None
    try:
        return DataClass(word.strip().lower())
    except ValueError:
        allowed = ", ".join(c.value for c in DataClass)
        shown = word.strip()[:40]
        raise InputError(f"{shown!r} is not a data class; known are {allowed}") from None


def printable(name: str) -> str:
    """A file name as text: bytes in it that are no UTF-8 are written out, as `\\udcff`."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
