"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from aihandler.backends.codec import Asked, Reader
from aihandler.backends.gemini.building import Building
from aihandler.backends.gemini.errors import no_reply, told_in_reply
from aihandler.backends.gemini.json_pieces import JsonPieces, NotJson
from aihandler.backends.readers import MAX_REPLY_BYTES, ErrorReader, WholeBody, comes_whole
from aihandler.backends.sse import LineTooLong, SseParser
from aihandler.backends.wire_errors import cut_short, too_large
from aihandler.domain.answer import StreamEvent
from aihandler.domain.task import Json
from aihandler.errors import BackendError

_decode = msgspec.json.Decoder().decode


def choose_reader(status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
    """A reader for what the server sends, also where that is not what was asked for."""
    if status >= 400:
        return ErrorReader(status, headers, asked)
    if not asked.streamed and comes_whole(headers, streamed=False):
        return _WholeReader(status, asked)
    return _StreamReader(status, asked)


class _WholeReader:
    def __init__(self, status: int, asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._body = WholeBody(asked)

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        self._body.add(data)
        return ()

    def end(self) -> Sequence[StreamEvent]:
        body = self._body.all
        try:
            value = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise no_reply(self._status, body, self._asked) from None
        chunks = value if isinstance(value, list) else [value]
        built = Building(self._asked)
        for chunk in chunks:
            if not isinstance(chunk, dict):
                raise no_reply(self._status, body, self._asked)
            if chunk.get("error"):
                raise told_in_reply(chunk["error"], self._asked, begun=built.begun)
            built.take(chunk, [])
        if not built.seen:
            raise no_reply(self._status, body, self._asked)
        built.close()
        return (built.done(),)


class _Pieces(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def end(self) -> Iterator[bytes]: ...


class _Events:
    """Server-sent events, of which one may hold a picture."""

    def __init__(self) -> None:
        self._sse = SseParser(max_line_bytes=MAX_REPLY_BYTES)

    def feed(self, data: bytes) -> Iterator[bytes]:
        for _, payload in self._sse.feed(data):
            yield payload

    def end(self) -> Iterator[bytes]:
        for _, payload in self._sse.end():
            yield payload


class _Array:
    """A JSON array that grows."""

    def __init__(self) -> None:
        self._pieces = JsonPieces()

    def feed(self, data: bytes) -> Iterator[bytes]:
        return self._pieces.feed(data)

    def end(self) -> Iterator[bytes]:
        if self._pieces.open:
            # The object that was cut is no JSON.
            yield b""


class _StreamReader:
    """A stream is over when it said why the model stopped. Events that came before an error are
    given first."""

    def __init__(self, status: int, asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._pieces: _Pieces | None = None
        self._built = Building(asked)
        self._failed: BackendError | None = None
        self._start = b""
        self._size = 0

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
        self._size += len(data)
        if self._size > MAX_REPLY_BYTES:
            raise too_large(self._asked)
        if len(self._start) < 512:
            self._start += data[: 512 - len(self._start)]
        events: list[StreamEvent] = []
        try:
            if self._pieces is None:
                self._pieces = _form_of(data)
                if self._pieces is None:
                    return events
            for payload in self._pieces.feed(data):
                self._take(payload, events)
        except (LineTooLong, NotJson):
            self._fail(self._garbled(self._start), events)
        except BackendError as error:
            self._fail(error, events)
        return events

    def end(self) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
        events: list[StreamEvent] = []
        for payload in self._pieces.end() if self._pieces is not None else ():
            self._take(payload, events)
        if not self._built.seen:
            raise no_reply(self._status, self._start, self._asked)
        if not self._built.over:
            raise cut_short(self._asked)
        events.extend(self._built.close())
        events.append(self._built.done())
        return events

    def _fail(self, error: BackendError, events: list[StreamEvent]) -> None:
        """Whatever the pieces, what came before is told before."""
        self._failed = error
        if not events:
            raise error

    def _take(self, payload: bytes, events: list[StreamEvent]) -> None:
        if payload.startswith(b"[DONE]"):
            return
        try:
            chunk: Json = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._garbled(payload) from None
        if not isinstance(chunk, dict):
            raise self._garbled(payload)
        if chunk.get("error"):
            raise told_in_reply(chunk["error"], self._asked, begun=self._built.begun)
        self._built.take(chunk, events)

    def _garbled(self, payload: bytes) -> BackendError:
        if self._built.begun:
            return cut_short(self._asked)
        return no_reply(self._status, payload, self._asked)


def _form_of(data: bytes) -> _Pieces | None:
    """The form is told by the first character; None while there is none."""
    first = data.lstrip()[:1]
    if not first:
        return None
    return _Array() if first in {b"[", b"{"} else _Events()
