"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, Reader
from aihandler.backends.openai_chat.building import Building
from aihandler.backends.openai_chat.errors import (
    cut_short,
    error_from_stream,
    not_a_reply,
    too_large,
)
from aihandler.backends.openai_chat.plain import plain_reply
from aihandler.backends.openai_chat.sse import LineTooLong, SseParser
from aihandler.backends.readers import MAX_REPLY_BYTES, ErrorReader, WholeBody, comes_whole
from aihandler.domain.answer import ReplyDone, StreamEvent
from aihandler.errors import BackendError

_decode = msgspec.json.Decoder().decode


def choose_reader(status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
    """A reader for what the server sends, also where that is not what was asked for."""
    if status >= 400:
        return ErrorReader(status, headers, asked)
    if comes_whole(headers, streamed=asked.streamed):
        return WholeReader(status, headers, asked)
    return StreamReader(status, headers, asked)


class WholeReader:
    """Reads a reply that comes as one JSON value."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._headers = headers
        self._asked = asked
        self._body = WholeBody(asked)

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """Keeps the piece: nothing is known before the value is whole."""
        self._body.add(data)
        return ()

    def end(self) -> Sequence[StreamEvent]:
        """The whole reply as one event."""
        body = self._body.all
        completion = _object(body)
        if completion is None:
            raise not_a_reply(self._status, body, self._asked)
        choice = _first(completion)
        error = completion.get("error") or (choice or {}).get("error")
        if error:
            raise error_from_stream(error, self._asked)
        if choice is None or not isinstance(choice.get("message"), dict):
            raise not_a_reply(self._status, body, self._asked)
        plain = plain_reply(completion, choice, asked=self._asked, headers=self._headers)
        if plain is not None:
            return (ReplyDone(plain),)
        built = Building(self._asked, self._headers)
        built.see(completion)
        built.choose(choice, choice["message"])
        built.flush()
        return (built.done(),)


class StreamReader:
    """Reads server-sent events. A stream is over when it says so, or why it finished."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._sse = SseParser()
        self._built = Building(asked, headers)
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
            if (only := self._sse.only(data)) is not None:
                self._event(b"", only, events)
                return events
            for name, payload in self._sse.feed(data):
                self._event(name, payload, events)
        except LineTooLong:
            raise not_a_reply(self._status, b"", self._asked) from None
        except BackendError as error:
            if not events:
                raise
            self._failure = error
        return events

    def end(self) -> Sequence[StreamEvent]:
        """The last events; the reply is the very last."""
        if self._failure is not None:
            raise self._failure
        events: list[StreamEvent] = []
        for name, payload in self._sse.end():
            self._event(name, payload, events)
        if not self._seen:
            raise not_a_reply(self._status, self._start, self._asked)
        # Told that it is over, but not why: a reply, to be booked, that counts as no whole answer.
        if not self._built.finish_reason and not self._told_end:
            raise cut_short(self._asked)
        events.extend(self._built.flush())
        events.append(self._built.done())
        return events

    @property
    def told_end(self) -> bool:
        """True once the server has said that this was all."""
        return self._told_end

    def _event(self, name: bytes, payload: bytes, events: list[StreamEvent]) -> None:
        if payload == b"[DONE]":
            self._told_end = True
            return
        chunk = _object(payload)
        if chunk is None:
            raise self._garbled(name, payload)
        if name == b"error" or chunk.get("error"):
            raise error_from_stream(chunk.get("error") or chunk, self._asked)
        self._seen += 1
        self._built.see(chunk)
        choice = _first(chunk)
        if choice is None:
            return
        if choice.get("error"):
            raise error_from_stream(choice["error"], self._asked)
        events.extend(self._built.choose(choice, choice.get("delta") or choice.get("message")))

    def _garbled(self, name: bytes, payload: bytes) -> BackendError:
        if name == b"error":
            return error_from_stream(payload[:2048].decode("utf-8", "replace"), self._asked)
        if self._seen:
            return cut_short(self._asked)
        return not_a_reply(self._status, payload, self._asked)


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        value = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _first(completion: dict[str, Any]) -> dict[str, Any] | None:
    choices = completion.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict) and not choice.get("index"):
                return choice
    return None
