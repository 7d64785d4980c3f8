"""A reply in the making: items by their place, each put together from its deltas."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.codec import NOTE, Asked
from aihandler.backends.openai_responses.fields import KIND
from aihandler.backends.openai_responses.items import read_item
from aihandler.backends.openai_responses.slots import Slot
from aihandler.backends.openai_responses.usage import (
    estimated,
    read_usage,
    reported_cost,
    unread,
)
from aihandler.backends.stops import StopTrimmer
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
from aihandler.domain.parts import Opaque, Part, Refusal, Text, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

RATE_LIMITS = f"{NOTE}rate_limits"
COST = "reported_cost_usd"
_LIMIT_HEADERS = ("x-ratelimit-", "retry-after")
# What of a response has a place of its own in a Reply, or is written anew.
_READ = frozenset({"id", "model", "output", "usage", "incomplete_details", "error"})
_WHOLE = frozenset({"completed", "complete"})
_REASONS: Mapping[str, Finish] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "refused",
}
# Calls that the client has to answer, but for which there is no word of ours.
_CLIENTS = frozenset(
    {"custom_tool_call", "computer_call", "local_shell_call", "apply_patch_call"}
    | {"mcp_approval_request"}
)


class Building:
    """Takes items and pieces of them and gives events; `done` gives the reply."""

    def __init__(self, asked: Asked, headers: Mapping[str, str]) -> None:
        self._asked = asked
        self._headers = headers
        self._response: dict[str, Any] = {}
        self._slots: dict[int, Slot] = {}
        self._calls = 0
        # This format has no stop texts, so the answer is cut here: as it is told, and as kept.
        stops = () if asked.profile.stop_trimmed else asked.request.sampling.stop
        self._shown, self._kept = StopTrimmer(stops), StopTrimmer(stops)
        self._plain = not stops

    def see(self, response: Json) -> None:
        """Takes what is said of the reply as a whole; the last word holds."""
        if isinstance(response, dict):
            self._response.update(response)

    @property
    def begun(self) -> bool:
        """Whether the model has said anything."""
        return bool(self._slots)

    def slot(self, index: int, kind: str, item_id: str = "") -> Slot:
        """The item at this place; one of which nothing was told begins here."""
        slot = self._slots.get(index)
        if slot is None:
            slot = self._slots[index] = Slot({"type": kind, **({"id": item_id} if item_id else {})})
        return slot

    def add(self, index: int, item: Json) -> list[StreamEvent]:
        """An item begins."""
        events: list[StreamEvent] = []
        fields = dict(item) if isinstance(item, dict) else {}
        known = self._slots.get(index)
        if known is None:
            known = self._slots[index] = Slot(fields)
        else:
            known.fields.update(fields)
        self._start(known, known.fields, events)
        return events

    def say(self, slot: Slot, place: int, text: str, events: list[StreamEvent]) -> None:
        """More text of an answer."""
        slot.texts.setdefault(place, []).append(text)
        if self._plain:
            if text:
                events.append(TextDelta(text))
        elif text := self._shown.feed(text):
            events.append(TextDelta(text))

    def refuse(self, slot: Slot, place: int, text: str) -> None:
        """More of the words of a refusal."""
        slot.refusals.setdefault(place, []).append(text)

    def think(
        self, slot: Slot, where: tuple[str, int], text: str, events: list[StreamEvent]
    ) -> None:
        """More of a thought; `where` is the list of texts, and the place in it."""
        pieces = slot.thoughts.get(where)
        if pieces is None:
            if slot.thoughts:
                # So are the texts of a whole thought parted.
                events.append(ThinkingDelta("\n\n"))
            pieces = slot.thoughts[where] = []
        pieces.append(text)
        if text:
            events.append(ThinkingDelta(text))

    def argue(self, slot: Slot, text: str, events: list[StreamEvent]) -> None:
        """More of the JSON text of a call's arguments."""
        slot.arguments.append(text)
        if text and slot.call >= 0:
            events.append(ArgumentsDelta(slot.call, text))

    def all_said(self, slot: Slot, place: int, text: Json, events: list[StreamEvent]) -> None:
        """All of a text: what no delta told is told now."""
        more = _untold(slot.texts.get(place), text)
        if more:
            self.say(slot, place, more, events)
        if isinstance(text, str):
            slot.texts[place] = [text]

    def all_thought(
        self, slot: Slot, where: tuple[str, int], text: Json, events: list[StreamEvent]
    ) -> None:
        """All of a thought's text."""
        more = _untold(slot.thoughts.get(where), text)
        if more or where not in slot.thoughts:
            self.think(slot, where, more, events)
        if isinstance(text, str):
            slot.thoughts[where] = [text]

    def all_argued(self, slot: Slot, text: Json, events: list[StreamEvent]) -> None:
        """All of the arguments."""
        more = _untold(slot.arguments, text)
        if more:
            self.argue(slot, more, events)
        if isinstance(text, str):
            slot.arguments = [text]

    def finish(self, index: int, item: Json, events: list[StreamEvent]) -> None:
        """An item is whole; only the first that is said to be counts."""
        slot = self._slots.setdefault(index, Slot({}))
        if slot.parts is not None:
            return
        whole = slot.joined(item) if isinstance(item, dict) else item
        if isinstance(whole, dict):
            self._start(slot, whole, events)
            self._catch_up(slot, whole, events)
        rest = self._shown.end()
        if rest:
            events.append(TextDelta(rest))
        slot.parts = tuple(filter(None, map(self._cut, read_item(whole))))
        events.extend(map(PartDone, slot.parts))

    def close(self) -> list[StreamEvent]:
        """The reply is over: items that only its end told of, or that nothing said to be whole."""
        events: list[StreamEvent] = []
        output = self._response.get("output")
        known = set(self._slots)
        for item in output if isinstance(output, list) else ():
            index = self._place_of(item, known)
            known.discard(index)
            self.finish(index, item, events)
        for index, slot in self._slots.items():
            self.finish(index, slot.joined({}), events)
        return events

    def done(self) -> ReplyDone:
        """The reply."""
        slots = (self._slots[index] for index in sorted(self._slots))
        parts = tuple(part for slot in slots for part in slot.parts or ())
        response = self._response
        model, response_id = response.get("model"), response.get("id")
        mark = response.get("system_fingerprint")
        return ReplyDone(
            Reply(
                parts,
                self._finish(parts),
                usage=self._usage(parts),
                model=model if isinstance(model, str) else "",
                request_id=self._headers.get("x-request-id") or str(response_id or ""),
                fingerprint=mark if isinstance(mark, str) else "",
                logprobs=_logprobs(parts),
                extra=self._extra(),
                origin=KIND,
            )
        )

    def _start(self, slot: Slot, item: Mapping[str, Any], events: list[StreamEvent]) -> None:
        call_id, name = item.get("call_id"), item.get("name")
        if slot.call >= 0 or item.get("type") != "function_call":
            return
        if not (isinstance(call_id, str) and isinstance(name, str) and name):
            return
        slot.call, self._calls = self._calls, self._calls + 1
        started = read_item({**item, "arguments": ""})[0]
        extra = started.extra if isinstance(started, ToolCall) else {}
        events.append(ToolCallStarted(slot.call, call_id, name, extra))
        early = "".join(slot.arguments)
        if early:
            events.append(ArgumentsDelta(slot.call, early))

    def _catch_up(self, slot: Slot, item: Mapping[str, Any], events: list[StreamEvent]) -> None:
        match item.get("type"):
            case "message":
                for place, piece in _pieces(item, "content"):
                    if piece.get("type") == "output_text":
                        self.all_said(slot, place, piece.get("text"), events)
            case "reasoning":
                for key in ("summary", "content"):
                    for place, piece in _pieces(item, key):
                        self.all_thought(slot, (key, place), piece.get("text"), events)
            case "function_call":
                self.all_argued(slot, item.get("arguments"), events)

    def _cut(self, part: Part) -> Part | None:
        if self._plain or not isinstance(part, Text):
            return part
        text = self._kept.feed(part.text) + self._kept.end()
        if not text and part.text:
            return None
        return msgspec.structs.replace(part, text=text)

    def _place_of(self, item: Json, known: set[int]) -> int:
        """Where an item of the whole stood in the stream; `known` are the places not yet found.

        Some servers give the items of the whole other ids, and some leave items out of it.
        """
        told = item if isinstance(item, dict) else {}
        for key in ("id", "type"):
            value = told.get(key)
            for index in sorted(known) if value else ():
                if self._slots[index].fields.get(key) == value:
                    return index
        return max(self._slots, default=-1) + 1

    def _finish(self, parts: tuple[Part, ...]) -> Finish:
        status, details = self._response.get("status"), self._response.get("incomplete_details")
        if self._kept.stopped:
            return "stop"
        if status == "incomplete":
            reason = details.get("reason") if isinstance(details, dict) else None
            return _REASONS.get(reason, "other") if isinstance(reason, str) else "other"
        # Some servers name no status, and neither does a conversation that was made shorter.
        if status not in _WHOLE and not (status is None and parts):
            return "other"
        if any(isinstance(part, Refusal) for part in parts):
            return "refused"
        return "tool_calls" if any(map(_asks, parts)) else "stop"

    def _usage(self, parts: tuple[Part, ...]) -> Usage:
        usage = read_usage(self._response.get("usage"))
        if usage is None and self._response.get("object") == "response.input_tokens":
            usage = read_usage(self._response)
        return estimated(self._asked.request, parts) if usage is None else usage

    def _extra(self) -> dict[str, Json]:
        response = self._response
        extra = {key: value for key, value in response.items() if key not in _READ}
        if response.get("status") in {"completed", "incomplete"}:
            del extra["status"]
        details = response.get("incomplete_details")
        if details and self._finish(()) == "other":
            extra["incomplete_details"] = details
        usage = response.get("usage")
        if isinstance(usage, dict):
            said = unread(usage)
            if said:
                extra["usage"] = said
            cost = reported_cost(usage)
            if cost:
                extra[COST] = cost
        limits = {k: v for k, v in self._headers.items() if k.startswith(_LIMIT_HEADERS)}
        if limits:
            extra[RATE_LIMITS] = limits
        return extra


def _untold(pieces: list[str] | None, text: Json) -> str:
    """What a whole text has beyond the pieces that were told; nothing when it is another text."""
    if not isinstance(text, str):
        return ""
    told = "".join(pieces or ())
    return text[len(told) :] if text.startswith(told) else ""


def _pieces(item: Mapping[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    listed = item.get(key)
    if not isinstance(listed, list):
        return []
    return [(place, piece) for place, piece in enumerate(listed) if isinstance(piece, dict)]


def _logprobs(parts: tuple[Part, ...]) -> Json:
    found: list[Json] = []
    for part in parts:
        told = part.extra.get("logprobs") if isinstance(part, Text) else None
        if isinstance(told, list):
            found.extend(told)
    return {"content": found} if found else None


def _asks(part: Part) -> bool:
    if isinstance(part, Opaque) and isinstance(part.payload, dict):
        kind = part.payload.get("type")
        return kind in _CLIENTS or (
            kind == "tool_search_call" and part.payload.get("execution") == "client"
        )
    return isinstance(part, ToolCall)
