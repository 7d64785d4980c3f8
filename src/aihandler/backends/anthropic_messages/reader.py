"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.anthropic_messages.building import Building
from aihandler.backends.anthropic_messages.errors import no_message, told_in_reply
from aihandler.backends.codec import Asked, Reader
from aihandler.backends.readers import MAX_REPLY_BYTES, ErrorReader, WholeBody, comes_whole
from aihandler.backends.sse import LineTooLong, SseParser
from aihandler.backends.wire_errors import cut_short, too_large
from aihandler.domain.answer import StreamEvent


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode = msgspec.json.Decoder().decode


def choose_reader(status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
    """A reader for what the server sends, also where that is not what was asked for."""
    if status >= 400:
        return ErrorReader(status, headers, asked)
    if comes_whole(headers, streamed=asked.streamed):
        return _WholeReader(status, headers, asked)
    return _StreamReader(status, headers, asked)


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
            message = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise no_message(self._status, body, self._asked) from None
        if isinstance(message, dict) and message.get("error"):
            raise told_in_reply(message["error"], self._asked, begun=False)
        if not isinstance(message, dict) or not isinstance(message.get("content"), list):
            raise no_message(self._status, body, self._asked)
        built = Building(self._asked, self._headers)
        built.begin(message)
        for place, block in enumerate(message["content"]):
            built.start(place, block)
            built.stop(place)
        return (built.done(),)


class _StreamReader:
    """A stream is over when it says so, or why the model stopped."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._sse = SseParser()
        self._built = Building(asked, headers)
        self._begun = False
        self._told_end = False
        self._start = b""
        self._size = 0

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        if len(self._start) < 512:
            self._start += data[:512]
        self._size += len(data)
        if self._size > MAX_REPLY_BYTES:
            raise too_large(self._asked)
        events: list[StreamEvent] = []
        try:
            for name, payload in self._sse.feed(data):
                self._take(name, payload, events)
        except LineTooLong:
            raise no_message(self._status, b"", self._asked) from None
        return events

    def end(self) -> Sequence[StreamEvent]:
        events: list[StreamEvent] = []
        for name, payload in self._sse.end():
            self._take(name, payload, events)
        if not self._begun:
            raise no_message(self._status, self._start, self._asked)
        if self._built.stop_reason is None and not self._told_end:
            raise cut_short(self._asked)
        events.extend(self._built.stop_all())
        events.append(self._built.done())
        return events

    def _take(self, name: bytes, payload: bytes, events: list[StreamEvent]) -> None:
        try:
            event = _decode_event(payload)
            kind = event.type
            if kind == "content_block_delta" and event.delta is not None:
                self._begun = True
                self._delta(event.index, event.delta, payload, events)
                return
            whole = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._garbled(name, payload) from None
        if kind == "error" or name == b"error" or whole.get("error"):
            error = whole.get("error") or whole
            raise told_in_reply(error, self._asked, begun=self._begun)
        self._other(kind, event.index, whole, events)

    def _delta(self, index: int, delta: _Delta, payload: bytes, events: list[StreamEvent]) -> None:
        built = self._built
        match delta.type:
            case "text_delta" if delta.text is not None:
                built.add_text(index, delta.text, events)
            case "input_json_delta" if delta.partial_json is not None:
                built.add_arguments(index, delta.partial_json, events)
            case "thinking_delta" if delta.thinking is not None:
                built.add_thinking(index, delta.thinking, events)
            case "signature_delta" if delta.signature is not None:
                built.add_signature(index, delta.signature)
            case _:
                built.add_other(index, _decode(payload)["delta"])

    def _other(
        self, kind: str, index: int, whole: dict[str, Any], events: list[StreamEvent]
    ) -> None:
        match kind:
            case "message_start":
                self._begun = True
                message = whole.get("message")
                self._built.begin(message if isinstance(message, dict) else {})
            case "content_block_start":
                self._begun = True
                events.extend(self._built.start(index, whole.get("content_block")))
            case "content_block_stop":
                events.extend(self._built.stop(index))
            case "message_delta":
                self._built.change(whole)
            case "message_stop":
                self._told_end = True

    @property
    def told_end(self) -> bool:
        """True once the server has said that this was all."""
        return self._told_end

    def _garbled(self, name: bytes, payload: bytes) -> Exception:
        if name == b"error":
            words = payload[:2048].decode("utf-8", "replace")
            return told_in_reply(words, self._asked, begun=self._begun)
        if self._begun:
            return cut_short(self._asked)
        return no_message(self._status, payload, self._asked)
