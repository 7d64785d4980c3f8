"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, Reader
from aihandler.backends.openai_chat.errors import (
    cut_short,
    error_from_reply,
    error_from_stream,
    not_a_reply,
)
from aihandler.backends.openai_chat.sse import LineTooLong, SseParser
from aihandler.backends.openai_chat.stops import StopTrimmer
from aihandler.backends.openai_chat.usage import estimated_usage, usage_from
from aihandler.backends.openai_chat.wire import (
    Body,
    Choice,
    Completion,
    decode_completion,
    wire_usage,
)
from aihandler.domain.answer import Finish, Reply, ReplyDone, StreamEvent, TextDelta, ThinkingDelta
from aihandler.domain.conversation import Refusal, Text, Thinking
from aihandler.domain.parts import Spoken
from aihandler.domain.usage import Usage

_FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "refused",
}
# An error is told in less; the rest of a longer page is not kept.
_MAX_ERROR_BYTES = 64 * 1024


def choose_reader(status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
    """A reader for what the server sends, also where that is not what was asked for."""
    if status >= 400:
        return ErrorReader(status, headers, asked)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream" or (asked.streamed and kind not in _WHOLE):
        return StreamReader(status, headers, asked)
    return WholeReader(status, headers, asked)


_WHOLE = frozenset({"application/json", "text/html", "application/xml", "text/xml"})


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


class WholeReader:
    """Reads a reply that comes as one JSON value."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._headers = headers
        self._asked = asked
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """Keeps the piece: nothing is known before the value is whole."""
        self._pieces.append(data)
        return ()

    def end(self) -> Sequence[StreamEvent]:
        """The whole reply as one event."""
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        try:
            completion = decode_completion(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise not_a_reply(self._status, body, self._asked) from None
        if completion.error:
            raise error_from_stream(completion.error, self._asked)
        choice = _first(completion)
        if choice is None or choice.message is None:
            raise not_a_reply(self._status, body, self._asked)
        built = _Building(self._asked, self._headers)
        built.see(completion)
        built.add(choice.message)
        built.finish_reason = choice.finish_reason
        built.flush()
        return (built.done(),)


class StreamReader:
    """Reads server-sent events. A stream is over when it says so, or why it finished."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._sse = SseParser()
        self._built = _Building(asked, headers)
        self._seen = 0
        self._told_end = False
        self._start = b""

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events that are complete with this piece."""
        if len(self._start) < 512:
            self._start += data[:512]
        events: list[StreamEvent] = []
        try:
            for name, payload in self._sse.feed(data):
                self._event(name, payload, events)
        except LineTooLong:
            raise not_a_reply(self._status, b"", self._asked) from None
        return events

    def end(self) -> Sequence[StreamEvent]:
        """The last events; the reply is the very last."""
        events: list[StreamEvent] = []
        for name, payload in self._sse.end():
            self._event(name, payload, events)
        if not self._seen:
            raise not_a_reply(self._status, self._start, self._asked)
        # Told that it is over, but not why: a reply, to be booked, that counts as no whole answer.
        if self._built.finish_reason is None and not self._told_end:
            raise cut_short(self._asked)
        events.extend(self._built.flush())
        events.append(self._built.done())
        return events

    def _event(self, name: bytes, payload: bytes, events: list[StreamEvent]) -> None:
        if payload == b"[DONE]":
            self._told_end = True
            return
        try:
            chunk = decode_completion(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._garbled(name, payload) from None
        if chunk.error or name == b"error":
            raise error_from_stream(chunk.error or _any(payload), self._asked)
        self._seen += 1
        self._built.see(chunk)
        choice = _first(chunk)
        if choice is None:
            return
        piece = choice.delta or choice.message
        if piece is not None:
            events.extend(self._built.add(piece))
        if choice.finish_reason:
            self._built.finish_reason = choice.finish_reason

    def _garbled(self, name: bytes, payload: bytes) -> Exception:
        if name == b"error":
            return error_from_stream(payload[:2048].decode("utf-8", "replace"), self._asked)
        if self._seen:
            return cut_short(self._asked)
        return not_a_reply(self._status, payload, self._asked)


class _Building:
    """A reply in the making: parts in the order in which they came, like ones joined."""

    def __init__(self, asked: Asked, headers: Mapping[str, str]) -> None:
        self.finish_reason: str | None = None
        self._asked = asked
        self._request_id = headers.get("x-request-id", "")
        self._model = ""
        self._usage: Usage | None = None
        self._parts: list[tuple[type[Spoken], list[str]]] = []
        sampling = asked.request.sampling
        self._stops = StopTrimmer(() if asked.profile.stop_trimmed else sampling.stop)

    def see(self, completion: Completion) -> None:
        """Takes what is said of the reply as a whole."""
        if completion.model:
            self._model = completion.model
        if completion.id and not self._request_id:
            self._request_id = str(completion.id)
        usage = wire_usage(completion.usage)
        if usage is not None:
            # Some servers count on with every chunk; the last word holds.
            self._usage = usage_from(usage)

    def add(self, body: Body) -> list[StreamEvent]:
        """Takes a message, or a piece of one."""
        events: list[StreamEvent] = []
        thought = body.reasoning_content or body.reasoning
        if isinstance(thought, str) and thought:
            self._think(thought, events)
        content = body.content
        if isinstance(content, str):
            if content:
                self._say(content, events)
        elif content is not None:
            for part in content:
                self._add_part(part, events)
        if body.refusal:
            self._append(Refusal, body.refusal)
        return events

    def flush(self) -> list[StreamEvent]:
        """Text that was held back because it might have become a stop string."""
        events: list[StreamEvent] = []
        rest = self._stops.end()
        if rest:
            self._append(Text, rest)
            events.append(TextDelta(rest))
        return events

    def done(self) -> ReplyDone:
        """The reply."""
        parts = tuple(kind("".join(pieces)) for kind, pieces in self._parts)
        characters = sum(len(part.text) for part in parts)
        return ReplyDone(
            Reply(
                parts,
                self._finish(parts),
                usage=self._usage or estimated_usage(self._asked.request, characters),
                model=self._model,
                request_id=self._request_id,
            )
        )

    def _finish(self, parts: tuple[Spoken, ...]) -> Finish:
        if any(isinstance(part, Refusal) for part in parts):
            return "refused"
        if self._stops.stopped:
            return "stop"
        return _FINISHES.get((self.finish_reason or "").lower(), "other")

    def _add_part(self, part: Any, events: list[StreamEvent]) -> None:
        if not isinstance(part, dict):
            return
        if part.get("type") == "thinking":
            thought = part.get("thinking")
            inner = thought if isinstance(thought, list) else [{"text": thought}]
            for piece in inner:
                if isinstance(piece, dict) and isinstance(piece.get("text"), str):
                    self._think(piece["text"], events)
        elif isinstance(part.get("refusal"), str):
            self._append(Refusal, part["refusal"])
        elif isinstance(part.get("text"), str) and part["text"]:
            self._say(part["text"], events)

    def _think(self, text: str, events: list[StreamEvent]) -> None:
        self._append(Thinking, text)
        events.append(ThinkingDelta(text))

    def _say(self, text: str, events: list[StreamEvent]) -> None:
        text = self._stops.feed(text)
        if text:
            self._append(Text, text)
            events.append(TextDelta(text))

    def _append(self, kind: type[Spoken], text: str) -> None:
        if self._parts and self._parts[-1][0] is kind:
            self._parts[-1][1].append(text)
        else:
            self._parts.append((kind, [text]))


def _first(completion: Completion) -> Choice | None:
    for choice in completion.choices or ():
        if not choice.index:
            return choice
    return None


def _any(payload: bytes) -> Any:
    return msgspec.json.decode(payload)
