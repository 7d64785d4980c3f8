"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, Reader
from aihandler.backends.completions.building import Building
from aihandler.backends.completions.prompts import Prompts
from aihandler.backends.completions.wire import Piece, piece_of
from aihandler.backends.readers import MAX_REPLY_BYTES, ErrorReader, WholeBody, comes_whole
from aihandler.backends.sse import LineTooLong, SseParser
from aihandler.backends.wire_errors import cut_short, error_from_stream, not_a_reply, too_large
from aihandler.domain.answer import StreamEvent
from aihandler.errors import BackendError

_decode = msgspec.json.Decoder().decode
_WHAT = "completion"


def choose_reader(
    status: int, headers: Mapping[str, str], *, asked: Asked, prompts: Prompts
) -> Reader:
    """A reader for what the server sends, also where that is not what was asked for."""
    if status >= 400:
        return ErrorReader(status, headers, asked)
    built = Building(asked, headers, prompts.reading(asked.request, asked.deployment))
    if comes_whole(headers, streamed=asked.streamed):
        return WholeReader(status, asked, built)
    return StreamReader(status, asked, built)


class WholeReader:
    """Reads a reply that comes as one JSON value."""

    def __init__(self, status: int, asked: Asked, built: Building) -> None:
        self._status = status
        self._asked = asked
        self._built = built
        self._body = WholeBody(asked)

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """Keeps the piece: nothing is known before the value is whole."""
        self._body.add(data)
        return ()

    def end(self) -> Sequence[StreamEvent]:
        """The whole reply as one event."""
        body = self._body.all
        piece = _piece(body, self._asked)
        if piece is None or not piece.known:
            raise not_a_reply(self._status, body, self._asked, what=_WHAT)
        if piece.error:
            raise error_from_stream(piece.error, self._asked)
        self._built.add(piece)
        self._built.flush()
        return (self._built.done(),)


class StreamReader:
    """Reads server-sent events. A stream is over when it says so, or why it finished."""

    def __init__(self, status: int, asked: Asked, built: Building) -> None:
        self._status = status
        self._asked = asked
        self._built = built
        self._sse = SseParser()
        self._seen = 0
        self._size = 0
        self._told_end = False
        self._start = b""
        self._failure: BackendError | None = None

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events that are complete with this piece; what is wrong is raised after them."""
        if self._failure is not None:
            raise self._failure
        if len(self._start) < 512:
            self._start += data[:512]
        events: list[StreamEvent] = []
        try:
            self._size += len(data)
            if self._size > MAX_REPLY_BYTES:
                raise too_large(self._asked)
            for name, payload in self._sse.feed(data):
                events.extend(self._event(name, payload))
        except LineTooLong:
            self._failure = not_a_reply(self._status, b"", self._asked, what=_WHAT)
        except BackendError as error:
            self._failure = error
        if self._failure is not None and not events:
            raise self._failure
        return events

    def end(self) -> Sequence[StreamEvent]:
        """The last events; the reply is the very last."""
        if self._failure is not None:
            raise self._failure
        events: list[StreamEvent] = []
        for name, payload in self._sse.end():
            events.extend(self._event(name, payload))
        if not self._seen:
            raise not_a_reply(self._status, self._start, self._asked, what=_WHAT)
        # Told that it is over, but not why: a reply, to be booked, that counts as no whole answer.
        if not self._built.finish_reason and not self._told_end:
            raise cut_short(self._asked)
        events.extend(self._built.flush())
        events.append(self._built.done())
        return events

    def _event(self, name: bytes, payload: bytes) -> list[StreamEvent]:
        if payload == b"[DONE]":
            self._told_end = True
            return []
        piece = _piece(payload, self._asked)
        if piece is None:
            raise not_a_reply(self._status, payload, self._asked, what=_WHAT)
        if piece.error or name == b"error":
            raise error_from_stream(piece.error or "an error", self._asked)
        if not piece.known:
            # Progress, or a word of a proxy.
            return []
        self._seen += 1
        return self._built.add(piece)


def _piece(body: bytes, asked: Asked) -> Piece | None:
    value = _object(body)
    return None if value is None else piece_of(asked.profile.completion_form, value)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(value, list) and len(value) == 1:
        # TGI behind some addresses answers with a list of one.
        value = value[0]
    return value if isinstance(value, dict) else None
