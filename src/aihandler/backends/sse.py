"""Server-sent events from bytes that may be cut anywhere."""

from collections.abc import Iterator

# A line longer than this is no answer of a model.
MAX_LINE_BYTES = 10 * 1024 * 1024


class LineTooLong(Exception):
    """One line, or one event, is larger than any answer."""


class SseParser:
    """Yields the event name (b"" when there is none) and data of each event."""

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._most = max_line_bytes
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._event = b""
        self._after_cr = False
        self._first = True

    def only(self, piece: bytes) -> bytes | None:
        """The data of a piece that is one plain event and nothing else, as most are; else None, and
        then it is to be fed."""
        if self._pending or self._data or self._event or self._first or self._after_cr:
            return None
        if not piece.startswith(b"data: ") or piece.find(b"\n") != len(piece) - 2:
            return None
        if not piece.endswith(b"\n\n") or b"\r" in piece or len(piece) > self._most:
            return None
        return piece[6:-2]

    def feed(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Raises LineTooLong."""
        if b"\r" in piece or self._after_cr:
            piece = self._plain_line_ends(piece)
        if b"\n" not in piece:
            self._hold(piece)
            return
        lines = piece.split(b"\n")
        if self._pending:
            lines[0] = b"".join((*self._pending, lines[0]))
            self._pending, self._pending_size = [], 0
        rest = lines.pop()
        if rest:
            self._hold(rest)
        for line in lines:
            if line:
                self._line(line)
            elif self._data:
                yield self._take()
            else:
                self._event = b""

    def end(self) -> Iterator[tuple[bytes, bytes]]:
        """What is left when the stream ends without the empty line that ends an event."""
        if self._pending:
            self._line(b"".join(self._pending))
            self._pending = []
        if self._data:
            yield self._take()

    def _plain_line_ends(self, piece: bytes) -> bytes:
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        if piece:
            self._after_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _hold(self, piece: bytes) -> None:
        self._pending.append(piece)
        self._pending_size += len(piece)
        if self._pending_size > self._most:
            raise LineTooLong

    def _line(self, line: bytes) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._data_size += len(value)
            if self._data_size > self._most:
                raise LineTooLong
        elif name == b"event":
            self._event = value

    def _take(self) -> tuple[bytes, bytes]:
        event, data = self._event, self._data
        self._event, self._data, self._data_size = b"", [], 0
        return event, data[0] if len(data) == 1 else b"\n".join(data)
