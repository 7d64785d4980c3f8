"""Writes a streamed reply to a client of Anthropic Messages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.anthropic_messages.fields import KIND
from aihandler.backends.anthropic_messages.writer import (
    ending,
    error_body,
    opening,
    usage_of,
    written_part,
)
from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.signed import for_client
from aihandler.backends.wire_objects import rest_of, restore
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
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError

_encode = msgspec.json.Encoder().encode
_STREAMED = {Text: "text", Refusal: "text", Thinking: "thinking", ToolCall: "tool_use"}


# Numbers of calls that no event told of; those of events count from 0.
_UNTOLD = -2


class _Block(msgspec.Struct):
    """One block on its way out. `waiting` holds deltas that may not be sent yet."""

    kind: str
    start: dict[str, Any]
    waiting: list[dict[str, Any]] = []
    arguments: str = ""
    call: int = -1
    begun: bool = False
    whole: bool = False
    told: bool = False


class MessageStreamWriter:
    """Clients take one block after another: what belongs to a later one waits for the earlier."""

    def __init__(self, identity: ReplyIdentity) -> None:
        self._identity = identity
        self._opened = False
        self._blocks: list[_Block] = []
        self._sent = 0
        self._said: dict[str, int] = {}

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event; empty when the format has nothing to say yet."""
        match event:
            case TextDelta():
                self._say("text", {"type": "text_delta", "text": event.text})
            case ThinkingDelta():
                self._say("thinking", {"type": "thinking_delta", "thinking": event.text})
            case ToolCallStarted():
                self._start_call(event.index, event.id, event.name, event.extra)
            case ArgumentsDelta():
                self._add_arguments(event.index, event.text)
            case PartDone():
                self._part_done(event.part)
            case ReplyDone():
                return b"".join((*self._begin(), *self._end(event.reply)))
        return b"".join((*self._begin(), *self._flush()))

    def fail(self, error: AIHandlerError) -> bytes:
        """The format's own error event: a cut stream never ends as if it were whole."""
        return b"".join((*self._begin(), _event("error", error_body(error))))

    def _say(self, kind: str, delta: dict[str, Any]) -> None:
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.whole or last.kind != kind:
            last = self._open(kind)
        self._said[kind] = self._said.get(kind, 0) + len(delta[kind])
        last.waiting.append(delta)

    def _open(self, kind: str, start: dict[str, Any] | None = None) -> _Block:
        for earlier in self._blocks:
            # A call goes on beside others; a text that another block follows is whole.
            if earlier.kind != "tool_use" or _is_json(earlier.arguments):
                earlier.whole = True
        block = _Block(kind, start or {"type": kind, kind: ""})
        if kind == "thinking":
            block.start["signature"] = ""
        self._blocks.append(block)
        return block

    def _start_call(self, index: int, call_id: str, name: str, extra: Mapping[str, Json]) -> None:
        start = restore({"type": "tool_use", "id": call_id, "name": name, "input": {}}, extra)
        self._open("tool_use", start).call = index

    def _add_arguments(self, index: int, text: str) -> None:
        for block in self._blocks:
            if block.call == index:
                block.arguments += text
                block.waiting.append({"type": "input_json_delta", "partial_json": text})

    def _part_done(self, part: Part) -> None:
        kind = _STREAMED.get(type(part), "")
        for block in reversed(self._blocks):
            if not block.told and _is_of(block, kind, part):
                self._complete(block, part)
                return
        self._whole_part(part)

    def _complete(self, block: _Block, part: Part) -> None:
        written = written_part(part) or {}
        if isinstance(part, ToolCall):
            if not block.begun:
                block.start = {**written, "input": {}}
            if not block.arguments:
                self._add_arguments(block.call, part.arguments)
        elif isinstance(part, Thinking) and part.signature and not _is_past(block):
            signature = for_client(part, KIND).signature
            block.waiting.append({"type": "signature_delta", "signature": signature})
        elif isinstance(part, Text):
            for citation in part.citations:
                block.waiting.append({"type": "citations_delta", "citation": citation})
        block.whole = block.told = True

    def _whole_part(self, part: Part) -> None:
        """A part that no delta told of."""
        if isinstance(part, Opaque) and part.format != KIND:
            return
        match part:
            case Text() | Refusal():
                block = self._open("text")
                block.waiting.append({"type": "text_delta", "text": part.text})
                self._complete(block, part)
            case Thinking() if not part.sealed:
                block = self._open("thinking")
                if part.text:
                    block.waiting.append({"type": "thinking_delta", "thinking": part.text})
                self._complete(block, part)
            case ToolCall():
                self._start_call(_UNTOLD - len(self._blocks), part.id, part.name, part.extra)
                self._complete(self._blocks[-1], part)
            case Opaque() | Media() | Thinking():
                block = self._open("", written_part(part))
                block.whole = block.told = True

    def _begin(self) -> Iterator[bytes]:
        if not self._opened:
            self._opened = True
            usage = {"input_tokens": 0, "output_tokens": 0}
            message = {**opening(self._identity), "usage": usage}
            yield _event("message_start", {"type": "message_start", "message": message})

    def _flush(self) -> Iterator[bytes]:
        while self._sent < len(self._blocks):
            index, block = self._sent, self._blocks[self._sent]
            if not block.begun:
                if not block.waiting and not block.whole:
                    return
                block.begun = True
                begun = {"type": "content_block_start", "index": index}
                yield _event("content_block_start", {**begun, "content_block": block.start})
            for delta in block.waiting:
                piece = {"type": "content_block_delta", "index": index, "delta": delta}
                yield _event("content_block_delta", piece)
            block.waiting = []
            if not block.whole:
                return
            yield _event("content_block_stop", {"type": "content_block_stop", "index": index})
            self._sent += 1

    def _end(self, reply: Reply) -> Iterator[bytes]:
        self._reconcile(reply)
        for block in self._blocks:
            block.whole = True
        yield from self._flush()
        change: dict[str, Json] = {"type": "message_delta", "delta": ending(reply)}
        if reply.origin == KIND:
            extra = rest_of(reply.extra, "id", "usage", "stop_reason")
            told = {key: value for key, value in extra.items() if not key.startswith("~")}
            change["delta"] = {**change["delta"], **told}
        change["usage"] = usage_of(reply)
        yield _event("message_delta", change)
        yield _event("message_stop", {"type": "message_stop"})

    def _reconcile(self, reply: Reply) -> None:
        # What the deltas did not tell, the whole does: calls that came without pieces, signatures.
        told = list(self._blocks)
        for part in reply.parts:
            kind = _STREAMED.get(type(part), "")
            block = next((b for b in told if _is_of(b, kind, part)), None)
            if block is None:
                if not self._has_said(kind, reply):
                    self._whole_part(part)
                continue
            told.remove(block)
            if not block.told:
                self._complete(block, part)

    def _has_said(self, kind: str, reply: Reply) -> bool:
        # Like parts that follow each other may have gone out as one block.
        said = self._said.get(kind, 0)
        return kind in {"text", "thinking"} and 0 < _length(reply.parts, kind) <= said


def _length(parts: Sequence[Part], kind: str) -> int:
    spoken = (p for p in parts if isinstance(p, (Text, Thinking, Refusal)))
    return sum(len(part.text) for part in spoken if _STREAMED[type(part)] == kind)


def _is_of(block: _Block, kind: str, part: Part) -> bool:
    if isinstance(part, ToolCall):
        return block.kind == kind and block.start.get("id") in {part.id, ""}
    if isinstance(part, Opaque) or (isinstance(part, Thinking) and part.sealed):
        return block.start == written_part(part)
    return bool(kind) and block.kind == kind


def _is_past(block: _Block) -> bool:
    return block.whole and block.begun and not block.waiting


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return False
    return True


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode(data))
