"""From the bytes of a reply to events, whatever pieces they come in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, Reader
from aihandler.backends.openai_responses.building import Building
from aihandler.backends.openai_responses.errors import no_response, told_in_reply
from aihandler.backends.readers import MAX_REPLY_BYTES, ErrorReader, WholeBody, comes_whole
from aihandler.backends.sse import LineTooLong, SseParser
from aihandler.backends.wire_errors import cut_short, too_large
from aihandler.domain.answer import StreamEvent
from aihandler.domain.task import Json
from aihandler.errors import BackendError


class _Event(msgspec.Struct):
    """What most events are made of."""

    type: str = ""
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: str | None = None
    item_id: str | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode = msgspec.json.Decoder().decode
_OBJECTS = frozenset({"response.compaction", "response.input_tokens"})
_ENDS = frozenset({"response.completed", "response.incomplete", "response.done"})
_SUMMARY = "response.reasoning_summary_text."
_THOUGHT = "response.reasoning_text."


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
            response = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise no_response(self._status, body, self._asked) from None
        if not isinstance(response, dict):
            raise no_response(self._status, body, self._asked)
        output = response.get("output")
        if response.get("error") or response.get("status") == "failed":
            error = response.get("error") or "the response failed"
            raise told_in_reply(error, self._asked, begun=bool(output))
        if not isinstance(output, list) and response.get("object") not in _OBJECTS:
            raise no_response(self._status, body, self._asked)
        built = Building(self._asked, self._headers)
        built.see(response)
        built.close()
        return (built.done(),)


class _StreamReader:
    """A stream is over when it says so. Events that came before an error are given first."""

    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked) -> None:
        self._status = status
        self._asked = asked
        self._sse = SseParser()
        self._built = Building(asked, headers)
        self._seen = False
        self._over = False
        self._failed: BackendError | None = None
        self._start = b""
        self._size = 0

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
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
            self._fail(no_response(self._status, b"", self._asked), events)
        except BackendError as error:
            self._fail(error, events)
        return events

    def end(self) -> Sequence[StreamEvent]:
        if self._failed is not None:
            raise self._failed
        events: list[StreamEvent] = []
        for name, payload in self._sse.end():
            self._take(name, payload, events)
        if not self._seen:
            raise no_response(self._status, self._start, self._asked)
        if not self._over:
            raise cut_short(self._asked)
        events.append(self._built.done())
        return events

    @property
    def told_end(self) -> bool:
        """True once the server has said that this was all."""
        return self._over

    def _fail(self, error: BackendError, events: list[StreamEvent]) -> None:
        """Whatever the pieces, what came before is told before."""
        self._failed = error
        if not events:
            raise error

    def _take(self, name: bytes, payload: bytes, events: list[StreamEvent]) -> None:
        if self._over or payload.startswith(b"[DONE]"):
            return
        try:
            event = _decode_event(payload)
            if event.type == "response.output_text.delta" and event.delta is not None:
                self._seen = True
                slot = self._built.slot(event.output_index, "message", event.item_id or "")
                self._built.say(slot, event.content_index, event.delta, events)
                return
        except (msgspec.ValidationError, UnicodeDecodeError):
            event = None
        except msgspec.DecodeError:
            raise self._garbled(name, payload) from None
        try:
            whole = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._garbled(name, payload) from None
        if not isinstance(whole, dict):
            raise self._garbled(name, payload)
        kind = whole.get("type") or name.decode("ascii", "replace")
        if kind == "error" or name == b"error" or ("type" not in whole and whole.get("error")):
            raise told_in_reply(whole.get("error") or whole, self._asked, begun=self._built.begun)
        if event is None:
            # A number or text of an odd kind: only what names its place is read.
            event = _Event(str(kind))
        self._seen = True
        self._other(str(kind), event, whole, events)

    def _other(
        self, kind: str, event: _Event, whole: dict[str, Any], events: list[StreamEvent]
    ) -> None:
        built, index = self._built, event.output_index
        match kind:
            case "response.created" | "response.in_progress" | "response.queued":
                built.see(whole.get("response"))
            case "response.output_item.added":
                events.extend(built.add(index, whole.get("item")))
            case "response.output_item.done":
                built.finish(index, whole.get("item"), events)
            case "response.failed" | "response.cancelled":
                response = whole.get("response")
                error = response.get("error") if isinstance(response, dict) else None
                raise told_in_reply(error or kind, self._asked, begun=built.begun)
            case _ if kind in _ENDS:
                self._end(kind, whole.get("response"), events)
            case _:
                self._piece(kind, event, whole, events)

    def _end(self, kind: str, response: Json, events: list[StreamEvent]) -> None:
        status = kind.removeprefix("response.")
        self._built.see({"status": "completed" if status == "done" else status})
        self._built.see(response)
        events.extend(self._built.close())
        self._over = True

    def _piece(
        self, kind: str, event: _Event, whole: dict[str, Any], events: list[StreamEvent]
    ) -> None:
        built, index, place = self._built, event.output_index, event.content_index
        item_id = event.item_id or ""
        if kind.startswith((_SUMMARY, _THOUGHT)):
            slot = built.slot(index, "reasoning", item_id)
            summary = kind.startswith(_SUMMARY)
            where = ("summary", event.summary_index) if summary else ("content", place)
            if kind.endswith(".delta"):
                built.think(slot, where, event.delta or "", events)
            else:
                built.all_thought(slot, where, whole.get("text"), events)
            return
        match kind:
            case "response.output_text.done":
                slot = built.slot(index, "message", item_id)
                built.all_said(slot, place, whole.get("text"), events)
            case "response.output_text.annotation.added":
                slot = built.slot(index, "message", item_id)
                slot.notes.setdefault(place, []).append(whole.get("annotation"))
            case "response.refusal.delta":
                built.refuse(built.slot(index, "message", item_id), place, event.delta or "")
            case "response.refusal.done" if isinstance(whole.get("refusal"), str):
                built.slot(index, "message", item_id).refusals[place] = [whole["refusal"]]
            case "response.function_call_arguments.delta":
                slot = built.slot(index, "function_call", item_id)
                built.argue(slot, event.delta or "", events)
            case "response.function_call_arguments.done":
                slot = built.slot(index, "function_call", item_id)
                built.all_argued(slot, whole.get("arguments"), events)

    def _garbled(self, name: bytes, payload: bytes) -> BackendError:
        if name == b"error":
            words = payload[:2048].decode("utf-8", "replace")
            return told_in_reply(words, self._asked, begun=self._built.begun)
        if self._seen:
            return cut_short(self._asked)
        return no_response(self._status, payload, self._asked)
