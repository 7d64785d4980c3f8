"""Writes a streamed reply to a client of OpenAI Responses."""

from collections.abc import Iterator
from typing import Any

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.openai_responses.events import whole_item
from aihandler.backends.openai_responses.items import write_turn
from aihandler.backends.openai_responses.writer import (
    completed,
    error_event,
    is_own,
    made_id,
    opening,
    plain,
    response_of,
    written_items,
)
from aihandler.domain.answer import (
    ArgumentsDelta,
    PartDone,
    Reply,
    ReplyDone,
    StreamEvent,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.parts import Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode


class _Item(msgspec.Struct):
    """One item on its way out. `pieces` is what was said of it; `whole` is its last word."""

    kind: str
    id: str
    index: int
    wire: dict[str, Any]
    call: int = -1
    pieces: list[str] = []
    parts: list[Part] = []
    whole: dict[str, Any] | None = None


class ResponseStreamWriter:
    """Every item goes through all of its events; texts and thoughts end where the next begins."""

    def __init__(self, identity: ReplyIdentity) -> None:
        self._identity = identity
        self._number = 0
        self._items: list[_Item] = []
        self._told: list[Part] = []
        self._held: list[Part] = []
        self._said = {"message": 0, "reasoning": 0}

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event; empty when the format has nothing to say yet."""
        out = self._begin()
        match event:
            case TextDelta():
                self._say("message", event.text, out)
            case ThinkingDelta():
                self._say("reasoning", event.text, out)
            case ToolCallStarted():
                call = ToolCall(event.id, event.name, "", extra=event.extra)
                self._start_call(call, event.index, out)
            case ArgumentsDelta():
                for item in self._items:
                    if item.call == event.index and item.whole is None:
                        self._argue(item, event.text, out)
            case PartDone():
                self._part_done(event.part, out)
            case ReplyDone():
                self._end(event.reply, out)
        return b"".join(out)

    def fail(self, error: AIHandlerError) -> bytes:
        """The format's own events: a cut stream never ends as if it were whole."""
        out = self._begin()
        told = error_event(error)
        self._send("error", {**told, "param": None}, out)
        output = [item.whole for item in self._items if item.whole is not None]
        failed = {**opening(self._identity), "status": "failed", "error": told, "output": output}
        self._send("response.failed", {"response": failed}, out)
        return b"".join(out)

    def _begin(self) -> list[bytes]:
        out: list[bytes] = []
        if not self._number:
            for name in ("response.created", "response.in_progress"):
                self._send(name, {"response": opening(self._identity)}, out)
        return out

    def _send(self, name: str, fields: dict[str, Any], out: list[bytes]) -> None:
        data = _encode({"type": name, "sequence_number": self._number, **fields})
        self._number += 1
        out.append(b"event: %s\ndata: %s\n\n" % (name.encode(), data))

    def _open(self, kind: str, wire: dict[str, Any], out: list[bytes]) -> _Item:
        self._close_spoken(out)
        index = len(self._items)
        item_id = wire.get("id") or made_id(kind, self._identity, index)
        wire = {"type": kind, **wire, "id": item_id}
        if kind != "reasoning":
            wire["status"] = "in_progress"
        item = _Item(kind, item_id, index, wire)
        self._items.append(item)
        self._send("response.output_item.added", {"output_index": index, "item": wire}, out)
        return item

    def _say(self, kind: str, text: str, out: list[bytes]) -> None:
        item = self._spoken()
        if item is None or item.kind != kind or item.parts:
            if kind == "message":
                item = self._open(kind, {"role": "assistant", "content": []}, out)
                part = {"type": "output_text", "text": "", "annotations": []}
                self._send("response.content_part.added", {**_at(item), "part": part}, out)
            else:
                item = self._open(kind, {"summary": []}, out)
                part = {"type": "summary_text", "text": ""}
                self._send(
                    "response.reasoning_summary_part.added", {**_at(item), "part": part}, out
                )
        item.pieces.append(text)
        self._said[kind] += len(text)
        fields: dict[str, Any] = {**_at(item), "delta": text}
        if kind == "message":
            fields["logprobs"] = []
        self._send(_DELTAS[kind], fields, out)

    def _start_call(self, call: ToolCall, index: int, out: list[bytes]) -> _Item:
        call = call if is_own(call) else ToolCall(call.id, call.name, "")
        wire = next(written for _, written in write_turn([call], own=True))
        item = self._open("function_call", wire, out)
        item.call = index
        return item

    def _argue(self, item: _Item, text: str, out: list[bytes]) -> None:
        if text:
            item.pieces.append(text)
            fields = {"item_id": item.id, "output_index": item.index, "delta": text}
            self._send("response.function_call_arguments.delta", fields, out)

    def _part_done(self, part: Part, out: list[bytes]) -> None:
        self._told.append(part)
        item = self._item_of(part)
        if item is None:
            if not self._told_late(part):
                self._whole(part, out)
            return
        item.parts.append(part)
        if isinstance(part, ToolCall):
            if not item.pieces:
                self._argue(item, part.arguments or "{}", out)
            self._close(item, out)
        elif isinstance(part, Thinking):
            self._close(item, out)

    def _item_of(self, part: Part) -> _Item | None:
        """The open item of which this part is the whole."""
        if isinstance(part, ToolCall):
            calls = (item for item in self._items if item.call >= 0 and item.whole is None)
            return next((item for item in calls if item.wire["call_id"] == part.id), None)
        kind = "message" if isinstance(part, Text) else "reasoning"
        item = self._spoken()
        if not isinstance(part, (Text, Thinking)) or item is None or item.kind != kind:
            return None
        told = sum(len(p.text) for p in item.parts if isinstance(p, (Text, Thinking)))
        return item if told + len(part.text) <= sum(map(len, item.pieces)) else None

    def _told_late(self, part: Part) -> bool:
        """Whether this is the last word on an item that the next has ended already: what it adds
        then stands in the whole response alone."""
        if not isinstance(part, (Text, Thinking)):
            return False
        kind = "message" if isinstance(part, Text) else "reasoning"
        for item in self._items:
            fresh = item.kind == kind and item.whole is not None and not item.parts
            if fresh and item.pieces and "".join(item.pieces) == part.text:
                item.parts.append(part)
                item.whole = self._last_word(item)
                return True
        return False

    def _spoken(self) -> _Item | None:
        """The text or thought that goes on."""
        last = self._items[-1] if self._items else None
        return last if last and last.whole is None and last.kind in self._said else None

    def _close_spoken(self, out: list[bytes]) -> None:
        item = self._spoken()
        if item is not None:
            self._close(item, out)

    def _close(self, item: _Item, out: list[bytes]) -> None:
        whole = self._last_word(item)
        item.whole = whole
        at = _at(item)
        match item.kind:
            case "message":
                part = whole["content"][0]
                for number, note in enumerate(part["annotations"]):
                    fields = {**at, "annotation_index": number, "annotation": note}
                    self._send("response.output_text.annotation.added", fields, out)
                done = {**at, "text": part["text"], "logprobs": part.get("logprobs") or []}
                self._send("response.output_text.done", done, out)
                self._send("response.content_part.done", {**at, "part": part}, out)
            case "reasoning":
                text = "".join(item.pieces)
                part = {"type": "summary_text", "text": text}
                self._send("response.reasoning_summary_text.done", {**at, "text": text}, out)
                self._send("response.reasoning_summary_part.done", {**at, "part": part}, out)
            case "function_call":
                fields = {"item_id": item.id, "output_index": item.index, "name": whole["name"]}
                fields["arguments"] = whole["arguments"]
                self._send("response.function_call_arguments.done", fields, out)
        fields = {"output_index": item.index, "item": whole}
        self._send("response.output_item.done", fields, out)

    def _last_word(self, item: _Item) -> dict[str, Any]:
        """The item as it was told, with what its parts say beside the words."""
        said = "".join(item.pieces)
        known = [part if is_own(part) else plain(part) for part in item.parts]
        parts = [part for part in known if part is not None]
        written = [wire for _, wire in write_turn(parts, own=True)]
        base = completed(written[0], self._identity, item.index) if len(written) == 1 else {}
        whole = {**item.wire, **base, "id": item.id}
        if item.kind != "reasoning":
            whole["status"] = "completed"
        match item.kind:
            case "message":
                pieces = base.get("content") or []
                notes = [note for piece in pieces for note in piece.get("annotations") or ()]
                first = pieces[0] if len(pieces) == 1 else {}
                spoken = {"type": "output_text", "text": said, "annotations": notes}
                whole["content"] = [{**first, **spoken}]
            case "reasoning":
                whole["summary"] = [{"type": "summary_text", "text": said}] if said else []
                whole.pop("content", None)
            case "function_call":
                whole["arguments"] = said
        return whole

    def _whole(self, part: Part, out: list[bytes]) -> None:
        """A part that no delta told of."""
        for wire in written_items([part], self._identity, len(self._items)):
            self._send_whole(wire, out)

    def _send_whole(self, wire: dict[str, Any], out: list[bytes]) -> None:
        self._close_spoken(out)
        kind = wire.get("type", "")
        item = _Item(kind, str(wire.get("id", "")), len(self._items), wire, whole=wire)
        self._items.append(item)
        for name, fields in whole_item(wire, item.index):
            self._send(name, fields, out)

    def _end(self, reply: Reply, out: list[bytes]) -> None:
        for part in self._untold(reply):
            item = self._item_of(part) if not isinstance(part, Refusal) else None
            if item is None:
                self._held.append(part)
            else:
                self._part_done(part, out)
        held, self._held = self._held, []
        for item in self._items:
            if item.whole is None:
                self._close(item, out)
        for wire in written_items(held, self._identity, len(self._items)):
            self._send_whole(wire, out)
        output = [item.whole for item in self._items]
        response = response_of(reply, self._identity, output=output)
        name = "incomplete" if response.get("status") == "incomplete" else "completed"
        self._send(f"response.{name}", {"response": response}, out)

    def _untold(self, reply: Reply) -> Iterator[Part]:
        """The parts of the whole that no event told, and those that still lack their last word."""
        told = list(self._told)
        spoken = {
            Text: self._said["message"] >= _length(reply, Text) > 0,
            Thinking: self._said["reasoning"] >= _length(reply, Thinking) > 0,
        }
        calls = {item.wire.get("call_id") for item in self._items if item.kind == "function_call"}
        for part in reply.parts:
            if part in told:
                told.remove(part)
                continue
            open_item = None if isinstance(part, Refusal) else self._item_of(part)
            said = spoken.get(type(part), False) or (
                isinstance(part, ToolCall) and part.id in calls
            )
            if open_item is not None or not said:
                yield part


def _length(reply: Reply, kind: type[Text] | type[Thinking]) -> int:
    return sum(len(part.text) for part in reply.parts if isinstance(part, kind))


def _at(item: _Item) -> dict[str, Json]:
    place = "summary_index" if item.kind == "reasoning" else "content_index"
    return {"item_id": item.id, "output_index": item.index, place: 0}


_DELTAS = {
    "message": "response.output_text.delta",
    "reasoning": "response.reasoning_summary_text.delta",
}
