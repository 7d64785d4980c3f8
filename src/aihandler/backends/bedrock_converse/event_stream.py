"""The binary frames of AWS (`application/vnd.amazon.eventstream`), read and written.

A frame: its length, the length of its headers and a checksum of the two; headers; payload; a
checksum of all. Everything counts in bytes, big-endian.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping

import msgspec

CONTENT_TYPE = "application/vnd.amazon.eventstream"
# The bounds of the published description.
MAX_HEADER_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
_PRELUDE = struct.Struct(">III")
_NUMBER = struct.Struct(">I")
_SHORT = struct.Struct(">H")
_AROUND = 16
_STRING = 7
# Bytes of a header's value by its type: true, false, byte, short, int, long, time, uuid.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_COUNTED = frozenset({6, _STRING})
# Streams repeat the same few heads.
_HEADS_KEPT = 32


class FrameError(ValueError):
    """Bytes that are no frame, or a frame that was damaged on its way."""


class Frame(msgspec.Struct, frozen=True):
    """One frame. Headers that are no text are left out."""

    headers: Mapping[str, str]
    payload: bytes


class FrameParser:
    """Takes bytes in pieces cut anywhere and gives whole frames. Keeps at most one unfinished."""

    def __init__(self) -> None:
        self._left = bytearray()
        self._needs = _PRELUDE.size
        self._heads: dict[bytes, Mapping[str, str]] = {}

    @property
    def open(self) -> bool:
        """True inside a frame."""
        return bool(self._left)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with this piece. Raises FrameError behind the good ones."""
        self._left += data
        while len(self._left) >= self._needs:
            total, headers_size, checksum = _PRELUDE.unpack_from(self._left)
            if zlib.crc32(self._left[:8]) != checksum:
                raise FrameError("the beginning of a frame does not fit its checksum")
            payload_size = total - headers_size - _AROUND
            if not 0 <= payload_size <= MAX_PAYLOAD_BYTES or headers_size > MAX_HEADER_BYTES:
                raise FrameError("a frame has an impossible length")
            if len(self._left) < total:
                self._needs = total
                return
            frame = bytes(self._left[:total])
            del self._left[:total]
            self._needs = _PRELUDE.size
            yield self._frame(frame, _PRELUDE.size + headers_size)

    def _frame(self, frame: bytes, begin: int) -> Frame:
        end = len(frame) - _NUMBER.size
        if zlib.crc32(frame[:end]) != _NUMBER.unpack_from(frame, end)[0]:
            raise FrameError("a frame does not fit its checksum")
        head = frame[_PRELUDE.size : begin]
        headers = self._heads.get(head)
        if headers is None:
            headers = _read_headers(head)
            if len(self._heads) < _HEADS_KEPT:
                self._heads[head] = headers
        return Frame(headers, frame[begin:end])


def write_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame with headers of text."""
    head = b"".join(_write_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", len(head) + len(payload) + _AROUND, len(head))
    checked = lengths + _NUMBER.pack(zlib.crc32(lengths)) + head + payload
    return checked + _NUMBER.pack(zlib.crc32(checked))


def _write_header(name: str, value: str) -> bytes:
    told, written = name.encode(), value.encode()
    return bytes((len(told),)) + told + bytes((_STRING,)) + _SHORT.pack(len(written)) + written


def _read_headers(head: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(head):
            begin = at + 1
            end = begin + head[at]
            kind = head[end]
            at = end + 1
            if kind in _COUNTED:
                size = _SHORT.unpack_from(head, at)[0]
                at += _SHORT.size
            else:
                size = _SIZES[kind]
            if at + size > len(head):
                raise FrameError("a header of a frame goes beyond its end")
            if kind == _STRING:
                headers[head[begin:end].decode()] = head[at : at + size].decode()
            at += size
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        raise FrameError("the headers of a frame cannot be read") from None
    return headers
