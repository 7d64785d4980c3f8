"""What readers of all formats share: errors, bodies that come whole, and the bounds of both."""

from collections.abc import Mapping, Sequence

from aihandler.backends.codec import Asked
from aihandler.backends.wire_errors import error_from_reply, too_large
from aihandler.domain.answer import StreamEvent

# More than any model says; memory has to stay bounded whatever a server sends.
MAX_REPLY_BYTES = 64 * 1024 * 1024
# An error is told in less; the rest of a longer page is not kept.
_MAX_ERROR_BYTES = 64 * 1024
_WHOLE = frozenset({"application/json", "text/html", "application/xml", "text/xml"})


def comes_whole(
    headers: Mapping[str, str], *, streamed: bool, stream_kind: str = "text/event-stream"
) -> bool:
    """True for a body that is one value, also where a stream was asked for, and the reverse."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind != stream_kind and (not streamed or kind in _WHOLE)


class ErrorReader:
    """Reads a reply that says no."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._headers = headers
        self._asked = asked
        self._body = b""

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """Keeps the beginning."""
        if len(self._body) < _MAX_ERROR_BYTES:
            self._body += data[: _MAX_ERROR_BYTES - len(self._body)]
        return ()

    def end(self) -> Sequence[StreamEvent]:
        """Raises what the reply stands for."""
        raise error_from_reply(self._status, self._headers, self._body, self._asked)


class WholeBody:
    """Collects a body, of which nothing is known before it is whole. Raises BackendUnavailable."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Keeps a piece."""
        self._size += len(data)
        if self._size > MAX_REPLY_BYTES:
            raise too_large(self._asked)
        self._pieces.append(data)

    @property
    def all(self) -> bytes:
        """What has come so far."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
