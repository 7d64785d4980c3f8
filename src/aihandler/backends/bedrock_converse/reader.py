"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.bedrock_converse.building import Building
from aihandler.backends.bedrock_converse.event_stream import (
    CONTENT_TYPE,
    Frame,
    FrameError,
    FrameParser,
)
from aihandler.backends.codec import Asked, Reader
from aihandler.backends.readers import MAX_REPLY_BYTES, ErrorReader, WholeBody, comes_whole
from aihandler.backends.wire_errors import cut_short, error_from_stream, not_a_reply, too_large
from aihandler.domain.answer import StreamEvent
from aihandler.errors import BackendError

_WHAT = "reply of Converse"
# Exceptions of a stream, in small letters and without their ending.
_STATUSES = {
    "throttling": 429,
    "serviceunavailable": 503,
    "internalserver": 500,
    "modelstreamerror": 500,
    "modeltimeout": 408,
    "validation": 400,
    "accessdenied": 403,
    "resourcenotfound": 404,
    "servicequotaexceeded": 400,
}
_EVENTS = frozenset(
    {
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    }
)
_decode = msgspec.json.Decoder().decode


def choose_reader(status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
    """A reader for what the server sends, also where that is not what was asked for."""
    if status >= 400:
        return ErrorReader(status, headers, asked)
    if comes_whole(headers, streamed=asked.streamed, stream_kind=CONTENT_TYPE):
        return _WholeReader(status, headers, asked)
    return _StreamReader(status, headers, asked)


def _none(status: int, body: bytes, asked: Asked) -> BackendError:
    return not_a_reply(status, body, asked, what=_WHAT, server="Bedrock")


class _WholeReader:
    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._headers = headers
        self._asked = asked
        self._body = WholeBody(asked)

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        self._body.add(data)
        return ()

    def end(self) -> Sequence[StreamEvent]:
        body = self._body.all
        try:
            whole = _decode(body)
            message = whole["output"]["message"]
            content = message["content"]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
            raise _none(self._status, body, self._asked) from None
        if not isinstance(content, list):
            raise _none(self._status, body, self._asked)
        built = Building(self._asked, self._headers)
        built.change(whole)
        built.take(content)
        return (built.done(),)


class _StreamReader:
    """A stream is over when it says why the model stopped; the counts come behind that."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._frames = FrameParser()
        self._built = Building(asked, headers)
        self._begun = False
        self._size = 0
        self._failed: BackendError | None = None

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
        self._size += len(data)
        if self._size > MAX_REPLY_BYTES:
            raise too_large(self._asked)
        events: list[StreamEvent] = []
        try:
            for frame in self._frames.feed(data):
                self._take(frame, events)
        except FrameError:
            self._fail(self._damaged(data), events)
        except BackendError as error:
            self._fail(error, events)
        return events

    def end(self) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
        if not self._begun:
            raise _none(self._status, b"", self._asked)
        if self._frames.open or not self._built.stop_reason:
            raise cut_short(self._asked)
        events: list[StreamEvent] = []
        self._built.stop_all(events)
        events.append(self._built.done())
        return events

    def _fail(self, error: BackendError, events: list[StreamEvent]) -> None:
        # What came before is told first; the error follows with the next piece, or at the end.
        self._failed = error
        if not events:
            raise error

    def _damaged(self, data: bytes) -> BackendError:
        if self._begun:
            return cut_short(self._asked)
        return _none(self._status, data[:512], self._asked)

    def _take(self, frame: Frame, events: list[StreamEvent]) -> None:
        kind = frame.headers.get(":message-type", "event")
        if kind != "event":
            raise self._told(frame)
        name = frame.headers.get(":event-type", "")
        if name not in _EVENTS:
            # Pings and words to come.
            return
        try:
            told = _decode(frame.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise FrameError("a frame holds no JSON") from None
        if not isinstance(told, dict):
            raise FrameError("a frame holds no object")
        # Padding that hides how long the words are.
        told.pop("p", None)
        self._begun = True
        self._event(name, told, events)

    def _event(self, kind: str, told: dict[str, Any], events: list[StreamEvent]) -> None:
        built = self._built
        index = told.get("contentBlockIndex", 0)
        if not isinstance(index, int):
            raise FrameError("a block has no number")
        match kind:
            case "contentBlockDelta" if isinstance(told.get("delta"), dict):
                built.add(index, told["delta"], events)
            case "contentBlockStart":
                built.start(index, told.get("start"), events)
            case "contentBlockStop":
                built.stop(index, events)
            case "messageStop" | "metadata":
                built.change(told)

    def _told(self, frame: Frame) -> BackendError:
        headers = frame.headers
        name = headers.get(":exception-type") or headers.get(":error-code") or "error"
        words = headers.get(":error-message", "")
        try:
            said = _decode(frame.payload)
            words = words or str(said.get("message", ""))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
            pass
        error: dict[str, Any] = {"type": name, "message": words}
        status = _STATUSES.get(name.lower().removesuffix("exception"))
        # Once the model has begun, what it made may be billed: a failure then carries no status.
        if status is not None and not (self._begun and (status >= 500 or status in (408, 429))):
            error["status_code"] = status
        return error_from_stream(error, self._asked)
