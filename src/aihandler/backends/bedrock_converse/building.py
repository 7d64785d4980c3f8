"""A reply in the making: blocks by their index, each put together from its deltas."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.bedrock_converse.blocks import read_block
from aihandler.backends.bedrock_converse.fields import KIND
from aihandler.backends.bedrock_converse.usage import beside, read_usage
from aihandler.backends.codec import Asked
from aihandler.backends.estimates import estimated_usage
from aihandler.backends.stops import StopTrimmer
from aihandler.backends.wire_objects import rest_of
from aihandler.domain.answer import (
    ArgumentsDelta,
    Finish,
    PartDone,
    Reply,
    ReplyDone,
    StreamEvent,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.parts import Part, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "refused",
    "content_filtered": "refused",
}
USUAL = frozenset({"end_turn", "max_tokens", "tool_use"})
_MALFORMED = "malformed_"
_MORE = "additionalModelResponseFields"


class _Block(msgspec.Struct):
    """One block. `start` is what it began with; deltas are joined when it stops."""

    start: dict[str, Any]
    call: int = -1
    text: list[str] = []
    thinking: list[str] = []
    signature: list[str] = []
    sealed: list[str] = []
    arguments: list[str] = []
    citations: list[Json] = []
    results: list[Json] = []


class Building:
    """Takes blocks and deltas and gives events; `done` gives the reply."""

    def __init__(self, asked: Asked, headers: Mapping[str, str]) -> None:
        self.stop_reason = ""
        self._asked = asked
        self._headers = headers
        self._whole: dict[str, Json] = {}
        self._open: dict[int, _Block] = {}
        self._parts: dict[int, Part] = {}
        self._order: list[int] = []
        self._calls = 0
        self._lost = False
        stops = () if asked.profile.stop_trimmed else asked.request.sampling.stop
        self._stops = StopTrimmer(stops)

    def change(self, told: Mapping[str, Json]) -> None:
        """Takes what is said of the reply as a whole."""
        self._whole.update(told)
        reason = told.get("stopReason")
        if isinstance(reason, str):
            self.stop_reason = reason

    def start(self, index: int, start: Json, events: list[StreamEvent]) -> None:
        """A block begins that is more than words."""
        block = self._block(index)
        block.start = start if isinstance(start, dict) else {}
        call = block.start.get("toolUse")
        if isinstance(call, dict) and call.get("type", "tool_use") == "tool_use":
            block.call, self._calls = self._calls, self._calls + 1
            extra = rest_of(call, "toolUseId", "name", "type")
            call_id, name = str(call.get("toolUseId", "")), str(call.get("name", ""))
            events.append(ToolCallStarted(block.call, call_id, name, extra))

    def add(self, index: int, delta: Mapping[str, Json], events: list[StreamEvent]) -> None:
        """More of a block."""
        block = self._block(index)
        for kind, told in delta.items():
            match kind, told:
                case "text", str():
                    self._say(block, told, events)
                case "toolUse", {"input": str(piece)}:
                    block.arguments.append(piece)
                    if block.call >= 0 and piece:
                        events.append(ArgumentsDelta(block.call, piece))
                case "reasoningContent", dict():
                    _think(block, told, events)
                case "citation", _:
                    block.citations.append(told)
                case "toolResult", list():
                    block.results += told

    def stop(self, index: int, events: list[StreamEvent]) -> None:
        """A block is whole."""
        block = self._open.pop(index, None)
        if block is None:
            return
        rest = self._stops.end()
        if rest:
            block.text.append(rest)
            events.append(TextDelta(rest))
        # Arguments of a call that nobody began: whose they are cannot be told.
        self._lost = self._lost or bool(block.arguments and not block.start)
        part = self._parts[index] = _part(block)
        if block.call >= 0 and not block.arguments and isinstance(part, ToolCall):
            events.append(ArgumentsDelta(block.call, part.arguments))
        events.append(PartDone(part))

    def stop_all(self, events: list[StreamEvent]) -> None:
        """The stream is over."""
        for index in list(self._open):
            self.stop(index, events)

    def take(self, content: list[Json]) -> None:
        """The blocks of a reply that came whole."""
        for place, wire in enumerate(content):
            part = read_block(wire)
            if isinstance(part, Text):
                kept = self._stops.feed(part.text) + self._stops.end()
                part = msgspec.structs.replace(part, text=kept)
            self._order.append(place)
            self._parts[place] = part

    def done(self) -> ReplyDone:
        """The reply."""
        parts = tuple(self._parts[index] for index in self._order if index in self._parts)
        more = self._whole.get(_MORE)
        stop_text = more.get("stop_sequence") if isinstance(more, dict) else None
        unreadable = ""
        if self.stop_reason.startswith(_MALFORMED):
            unreadable = f"the server says {self.stop_reason}"
        elif self._lost:
            unreadable = "has arguments of a tool call that never began"
        return ReplyDone(
            Reply(
                parts,
                self._finish(parts),
                usage=self._counted(parts),
                request_id=self._headers.get("x-amzn-requestid", ""),
                stop_text=stop_text if isinstance(stop_text, str) else "",
                extra=self._extra(),
                origin=KIND,
                unreadable=unreadable,
            )
        )

    def _finish(self, parts: tuple[Part, ...]) -> Finish:
        if self._stops.stopped:
            return "stop"
        finish = FINISHES.get(self.stop_reason, "other")
        # Some models say `end_turn` after a text and a call.
        asks = any(isinstance(part, ToolCall) for part in parts)
        return "tool_calls" if asks and finish == "stop" else finish

    def _counted(self, parts: tuple[Part, ...]) -> Usage:
        usage = read_usage(self._whole.get("usage"))
        if usage is not None:
            return usage
        said = sum(len(part.text) for part in parts if isinstance(part, (Text, Thinking)))
        return estimated_usage(self._asked.request, said)

    def _extra(self) -> dict[str, Json]:
        extra = rest_of(self._whole, "output", "usage", "stopReason")
        if self.stop_reason and self.stop_reason not in USUAL:
            extra["stopReason"] = self.stop_reason
        counts = beside(self._whole.get("usage"))
        if counts:
            extra["usage"] = counts
        return extra

    def _block(self, index: int) -> _Block:
        block = self._open.get(index)
        if block is None:
            if index not in self._order:
                self._order.append(index)
            block = self._open[index] = _Block({})
            # A delta after the end: kept all the same.
            earlier = self._parts.pop(index, None)
            if isinstance(earlier, Text):
                block.text.append(earlier.text)
        return block

    def _say(self, block: _Block, text: str, events: list[StreamEvent]) -> None:
        text = self._stops.feed(text)
        block.text.append(text)
        if text:
            events.append(TextDelta(text))


def _think(block: _Block, told: Mapping[str, Json], events: list[StreamEvent]) -> None:
    for key, pieces in (
        ("text", block.thinking),
        ("signature", block.signature),
        ("redactedContent", block.sealed),
    ):
        piece = told.get(key)
        if isinstance(piece, str):
            pieces.append(piece)
            if key == "text" and piece:
                events.append(ThinkingDelta(piece))


def _part(block: _Block) -> Part:
    for kind, told in block.start.items():
        if kind == "toolUse" and isinstance(told, dict):
            return _call(block, told)
        if kind == "toolResult" and isinstance(told, dict):
            return read_block({kind: {**told, "content": block.results}})
    if block.start:
        return read_block(block.start)
    if block.sealed:
        return read_block({"reasoningContent": {"redactedContent": _joined(block.sealed)}})
    if block.thinking or block.signature:
        signed = {"signature": "".join(block.signature)} if block.signature else {}
        told = {"text": "".join(block.thinking), **signed}
        return read_block({"reasoningContent": {"reasoningText": told}})
    text = "".join(block.text)
    if block.citations:
        cited = {"content": [{"text": text}], "citations": block.citations}
        return read_block({"citationsContent": cited})
    return Text(text)


def _call(block: _Block, told: dict[str, Json]) -> Part:
    """The arguments stay as the model wrote them, also where a limit cut them short."""
    arguments = "".join(block.arguments)
    part = read_block({"toolUse": {"toolUseId": "", "name": "", **told, "input": {}}})
    if isinstance(part, ToolCall):
        return msgspec.structs.replace(part, arguments=arguments or "{}")
    return read_block({"toolUse": {**told, "input": _parsed(arguments)}})


def _joined(pieces: list[str]) -> str:
    """Base64 of all the bytes: each piece is padded by itself."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        data = b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except (binascii.Error, ValueError):
        return "".join(pieces)
    return base64.b64encode(data).decode()


def _parsed(text: str) -> Json:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
