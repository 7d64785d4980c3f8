"""A reply in the making: blocks by their index, each put together from its deltas."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.anthropic_messages.blocks import read_block
from aihandler.backends.anthropic_messages.fields import KIND
from aihandler.backends.anthropic_messages.usage import merge, read_usage, unread
from aihandler.backends.codec import NOTE, Asked
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
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Opaque, Part, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refused",
}
RATE_LIMITS = f"{NOTE}rate_limits"
# What of a message has a place of its own in a Reply, or says nothing.
_READ = ("type", "role", "model", "content", "usage", "stop_reason", "stop_sequence")
# English text and source code lie between 3 and 5; only used when a server counts nothing.
_CHARACTERS_PER_TOKEN = 4


class _Block(msgspec.Struct):
    """One block. `fields` as it began; the pieces of its deltas are joined when it stops."""

    fields: dict[str, Any]
    call: int = -1
    text: list[str] = []
    arguments: list[str] = []
    thinking: list[str] = []
    signature: list[str] = []


class Building:
    """Takes blocks and deltas and gives events; `done` gives the reply."""

    def __init__(self, asked: Asked, headers: Mapping[str, str]) -> None:
        self.stop_reason: str | None = None
        self._asked = asked
        self._headers = headers
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Json] = {}
        self._open: dict[int, _Block] = {}
        self._order: list[int] = []
        self._parts: dict[int, Part] = {}
        self._calls = 0
        stops = () if asked.profile.stop_trimmed else asked.request.sampling.stop
        self._stops = StopTrimmer(stops)

    def begin(self, message: dict[str, Any]) -> None:
        """Takes what is said of the reply as a whole."""
        self.change({"delta": message, "usage": message.get("usage")})

    def change(self, event: Mapping[str, Any]) -> None:
        """Takes what the end of a stream says of the whole: why it stopped, the counts."""
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._message.update(delta)
            reason = delta.get("stop_reason")
            if isinstance(reason, str):
                self.stop_reason = reason
        # Beside `delta` and `usage` stand fields such as `context_management`.
        self._message.update(rest_of(event, "type", "delta", "usage"))
        merge(self._usage, event.get("usage"))

    def start(self, index: int, fields: Any) -> list[StreamEvent]:
        """A block begins; one that comes whole has all of its text already."""
        events: list[StreamEvent] = []
        if index not in self._order:
            self._order.append(index)
        block = self._open[index] = _Block(dict(fields) if isinstance(fields, dict) else {})
        match block.fields.get("type"):
            case "text" if isinstance(block.fields.get("text"), str):
                self._say(block, block.fields.pop("text"), events)
            case "thinking" if isinstance(block.fields.get("thinking"), str):
                self._think(block, block.fields.pop("thinking"), events)
            case "tool_use":
                block.call = self._calls
                self._calls += 1
                events.append(_started(block))
        return events

    def add_text(self, index: int, text: str, events: list[StreamEvent]) -> None:
        """More text."""
        self._say(self._block(index, "text"), text, events)

    def add_thinking(self, index: int, text: str, events: list[StreamEvent]) -> None:
        """More of what the model says to itself."""
        self._think(self._block(index, "thinking"), text, events)

    def add_arguments(self, index: int, text: str, events: list[StreamEvent]) -> None:
        """More of the JSON text of a call's arguments, or of the use of a provider's own tool."""
        block = self._block(index, "tool_use")
        block.arguments.append(text)
        if not text:
            return
        if block.call >= 0:
            events.append(ArgumentsDelta(block.call, text))

    def add_signature(self, index: int, signature: str) -> None:
        """A piece of the signature of a thinking block."""
        self._block(index, "thinking").signature.append(signature)

    def add_other(self, index: int, delta: dict[str, Any]) -> None:
        """A delta of another kind: citations are listed, texts joined."""
        fields = self._block(index, "text").fields
        for key, value in delta.items():
            if key == "citation":
                fields["citations"] = [*(fields.get("citations") or ()), value]
            elif key != "type":
                before = fields.get(key)
                joined = isinstance(before, str) and isinstance(value, str)
                fields[key] = before + value if joined else value

    def stop(self, index: int) -> list[StreamEvent]:
        """A block is whole."""
        block = self._open.pop(index, None)
        if block is None:
            return []
        events: list[StreamEvent] = []
        rest = self._stops.end()
        if rest:
            block.text.append(rest)
            events.append(TextDelta(rest))
        part = self._parts[index] = self._part(block)
        if block.call >= 0 and not block.arguments and isinstance(part, ToolCall):
            # Some servers send a call in one piece.
            events.append(ArgumentsDelta(block.call, part.arguments))
        events.append(PartDone(part))
        return events

    def stop_all(self) -> list[StreamEvent]:
        """Blocks that were not said to be whole, at the end of a stream that was."""
        return [event for index in tuple(self._open) for event in self.stop(index)]

    def done(self) -> ReplyDone:
        """The reply."""
        parts = tuple(self._parts[index] for index in self._order if index in self._parts)
        message = self._message
        model, message_id = message.get("model"), message.get("id")
        stop_text = message.get("stop_sequence")
        return ReplyDone(
            Reply(
                parts,
                self._finish(parts),
                usage=self._counted(parts),
                model=model if isinstance(model, str) else "",
                request_id=self._headers.get("request-id") or str(message_id or ""),
                stop_text=stop_text if isinstance(stop_text, str) else "",
                extra=self._extra(),
                origin=KIND,
            )
        )

    def _finish(self, parts: tuple[Part, ...]) -> Finish:
        finish = FINISHES.get(self.stop_reason or "", "other")
        if self._stops.stopped:
            return "stop"
        # Some servers say `end_turn` after a text and a call.
        asks = any(isinstance(part, ToolCall) for part in parts)
        return "tool_calls" if asks and finish == "stop" else finish

    def _counted(self, parts: tuple[Part, ...]) -> Usage:
        if "input_tokens" in self._usage or "output_tokens" in self._usage:
            return read_usage(self._usage)
        said = sum(len(part.text) for part in parts if isinstance(part, (Text, Thinking)))
        return _estimated(self._asked.request, said)

    def _extra(self) -> dict[str, Json]:
        message = self._message
        empty = {key for key, value in message.items() if value is None}
        extra = rest_of(message, *_READ, *empty)
        if self.stop_reason is not None and self.stop_reason not in _USUAL:
            extra["stop_reason"] = self.stop_reason
        usage = unread(self._usage)
        if usage:
            extra["usage"] = usage
        limits = {k: v for k, v in self._headers.items() if k.startswith(_LIMIT_HEADERS)}
        if limits:
            extra[RATE_LIMITS] = limits
        return extra

    def _block(self, index: int, kind: str) -> _Block:
        block = self._open.get(index)
        if block is None:
            # A delta without a beginning, or after the end: kept all the same.
            if index not in self._order:
                self._order.append(index)
            block = self._open[index] = _Block({"type": kind})
            earlier = self._parts.pop(index, None)
            if isinstance(earlier, Text):
                block.text.append(earlier.text)
        return block

    def _say(self, block: _Block, text: str, events: list[StreamEvent]) -> None:
        text = self._stops.feed(text)
        block.text.append(text)
        if text:
            events.append(TextDelta(text))

    def _think(self, block: _Block, text: str, events: list[StreamEvent]) -> None:
        block.thinking.append(text)
        if text:
            events.append(ThinkingDelta(text))

    def _part(self, block: _Block) -> Part:
        fields = block.fields
        match fields.get("type"):
            case "text":
                fields["text"] = "".join(block.text)
            case "thinking":
                fields["thinking"] = "".join(block.thinking)
        if block.signature:
            fields["signature"] = "".join(block.signature)
        if not block.arguments or not (arguments := "".join(block.arguments)):
            return read_block(fields)
        if fields.get("type") != "tool_use":
            return read_block({**fields, "input": _parsed(arguments)})
        # As the model wrote it; a call that a limit cut short is kept as far as it came.
        fields = {"id": "", "name": "", **fields, "input": {}}
        call = read_block(fields)
        if isinstance(call, ToolCall):
            return msgspec.structs.replace(call, arguments=arguments)
        return Opaque(KIND, {**fields, "input": _parsed(arguments)})


_USUAL = frozenset({"end_turn", "stop_sequence", "max_tokens", "tool_use", "pause_turn", "refusal"})
_LIMIT_HEADERS = ("anthropic-ratelimit-", "retry-after")


def _started(block: _Block) -> ToolCallStarted:
    call_id, name = block.fields.get("id"), block.fields.get("name")
    extra = rest_of(block.fields, "type", "id", "name", "input", "cache_control")
    return ToolCallStarted(block.call, str(call_id or ""), str(name or ""), extra)


def _parsed(text: str) -> Json:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text


def _estimated(request: Request, answer_characters: int) -> Usage:
    asked = sum(len(message.text) for message in request.messages)
    return Usage(
        input=-(-asked // _CHARACTERS_PER_TOKEN),
        output=-(-answer_characters // _CHARACTERS_PER_TOKEN),
        estimated=True,
    )
