"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, Reader
from aihandler.backends.ollama.building import Building
from aihandler.backends.ollama.lines import LineParser
from aihandler.backends.readers import MAX_REPLY_BYTES, ErrorReader, WholeBody, comes_whole
from aihandler.backends.sse import LineTooLong
from aihandler.backends.wire_errors import cut_short, error_from_stream, not_a_reply, too_large
from aihandler.domain.answer import StreamEvent
from aihandler.errors import BackendError

STREAM_KIND = "application/x-ndjson"


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw()
    images: msgspec.Raw = msgspec.Raw()


class _Line(msgspec.Struct):
    """What most lines hold; for one that holds more, all of it is read."""

    message: _Message | None = None
    done: bool | None = None
    error: msgspec.Raw = msgspec.Raw()
    logprobs: msgspec.Raw = msgspec.Raw()


_glance = msgspec.json.Decoder(_Line).decode
_decode = msgspec.json.Decoder().decode
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def choose_reader(status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
    """A reader for what the server sends, also where that is not what was asked for."""
    if status >= 400:
        return ErrorReader(status, headers, asked)
    if comes_whole(headers, streamed=asked.streamed, stream_kind=STREAM_KIND):
        return _WholeReader(status, headers, asked)
    return _StreamReader(status, headers, asked)


class _WholeReader:
    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._body = WholeBody(asked)
        self._built = Building(asked, headers)

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        self._body.add(data)
        return ()

    def end(self) -> Sequence[StreamEvent]:
        body = self._body.all
        try:
            line = _decode(body)
        except _NO_JSON:
            raise _no_reply(self._status, body, self._asked) from None
        if isinstance(line, dict) and line.get("error"):
            raise error_from_stream(line["error"], self._asked)
        if not _says_something(line):
            raise _no_reply(self._status, body, self._asked)
        if line.get("done") is not True:
            raise cut_short(self._asked)
        events: list[StreamEvent] = []
        self._built.see(line, events)
        self._built.flush(events)
        return (self._built.done(),)


class _StreamReader:
    """A stream is over when a line says so."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._lines = LineParser()
        self._built = Building(asked, headers)
        self._begun = False
        self._over = False
        self._start = b""
        self._size = 0
        self._failed: BackendError | None = None

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
        if len(self._start) < 512:
            self._start += data[:512]
        self._size += len(data)
        events: list[StreamEvent] = []
        try:
            if self._size > MAX_REPLY_BYTES:
                raise too_large(self._asked)
            for line in self._lines.feed(data):
                self._take(line, events)
        except LineTooLong:
            self._fail(too_large(self._asked), events)
        except BackendError as error:
            self._fail(error, events)
        return events

    def end(self) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
        events: list[StreamEvent] = []
        for line in self._lines.end():
            self._take(line, events)
        if not self._begun:
            raise _no_reply(self._status, self._start, self._asked)
        if not self._over:
            raise cut_short(self._asked)
        self._built.flush(events)
        events.append(self._built.done())
        return events

    def _fail(self, error: BackendError, events: list[StreamEvent]) -> None:
        # What came before the error is told first, however the bytes were cut.
        self._failed = error
        if not events:
            raise error

    def _take(self, line: bytes, events: list[StreamEvent]) -> None:
        if self._begun and not self._over:
            try:
                glance = _glance(line)
            except _NO_JSON:
                glance = _Line(done=True)
            message = glance.message
            if message is not None and not (glance.done or _holds_more(glance, message)):
                self._built.add_thought(message.thinking, events)
                self._built.add_text(message.content, events)
                return
        self._read(line, events)

    def _read(self, line: bytes, events: list[StreamEvent]) -> None:
        try:
            whole = _decode(line)
        except _NO_JSON:
            raise self._garbled(line) from None
        if isinstance(whole, dict) and whole.get("error"):
            raise error_from_stream(whole["error"], self._asked)
        if self._over:
            # Nothing belongs to the reply behind its end.
            return
        if not _says_something(whole):
            raise self._garbled(line)
        self._begun = True
        self._over = whole.get("done") is True
        self._built.see(whole, events)

    def _garbled(self, line: bytes) -> BackendError:
        if self._begun:
            return cut_short(self._asked)
        return _no_reply(self._status, line, self._asked)


def _holds_more(line: _Line, message: _Message) -> bool:
    return bool(line.error or line.logprobs or message.tool_calls or message.images)


def _says_something(line: Any) -> bool:
    return isinstance(line, dict) and (
        isinstance(line.get("message"), dict) or isinstance(line.get("response"), str)
    )


def _no_reply(status: int, body: bytes, asked: Asked) -> BackendError:
    return not_a_reply(status, body, asked, what="reply of Ollama's format", server="Ollama")
