"""Lines of a stream of JSON values (NDJSON), from bytes that may be cut anywhere."""

from collections.abc import Iterator

from aihandler.backends.sse import MAX_LINE_BYTES, LineTooLong


class LineParser:
    """Yields each line that is not empty, without its end."""

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._most = max_line_bytes
        self._pending: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Raises LineTooLong, after the lines before it."""
        if b"\n" not in piece:
            self._hold(piece)
            return
        lines = piece.split(b"\n")
        if self._pending:
            lines[0] = b"".join((*self._pending, lines[0]))
            self._pending, self._size = [], 0
        rest = lines.pop()
        for line in lines:
            stripped = line.strip()
            if stripped:
                yield stripped
        if rest:
            self._hold(rest)

    def end(self) -> Iterator[bytes]:
        """What is left when the stream ends without the end of a line."""
        left = b"".join(self._pending).strip()
        self._pending = []
        if left:
            yield left

    def _hold(self, piece: bytes) -> None:
        self._pending.append(piece)
        self._size += len(piece)
        if self._size > self._most:
            raise LineTooLong
