"""A reply in the making: parts in their order, texts put together from their pieces."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import NOTE, Asked
from aihandler.backends.gemini.calls import CallPairs
from aihandler.backends.gemini.fields import KIND, ROLE, SIGNATURE
from aihandler.backends.gemini.logprobs import add_logprobs, usual_logprobs
from aihandler.backends.gemini.partial_args import GrowingArguments
from aihandler.backends.gemini.parts import read_part
from aihandler.backends.gemini.usage import estimated, merge, read_usage, unread
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
from aihandler.domain.parts import Media, Part, Text, Thinking, ToolCall
from aihandler.domain.task import Json

# Beside `parts` and the usual role, what the content of an answer held; and that there was none.
CONTENT = f"{NOTE}content"
NO_ANSWER = f"{NOTE}no_answer"
CANDIDATE, USAGE = "candidate", "usageMetadata"
FINISHES: Mapping[Any, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"), "refused"),
    **dict.fromkeys(("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"), "refused"),
    "MODEL_ARMOR": "refused",
    # Vertex writes numbers when asked to; above these, its numbers differ from those of Gemini.
    1: "stop",
    2: "length",
    3: "refused",
    4: "refused",
}
# What is said with a candidate and has a place of its own in a Reply.
_READ = ("content", "finishReason")
_TOLD = frozenset({"candidates", USAGE, "modelVersion", "responseId"})
# Raw sound comes in pieces, which are one sound.
_RAW_SOUND = ("audio/l16", "audio/pcm")
_Pieces = list[str]


class Building:
    """Takes chunks and gives events; `done` gives the reply."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._reply: dict[str, Json] = {}
        self._candidate: dict[str, Json] = {}
        self._content: dict[str, Json] = {}
        self._role: Json = None
        self._counts: dict[str, Json] = {}
        self._answered = False
        self._reason: Json = None
        self._parts: list[Part] = []
        # The text or thought that goes on with the next chunk.
        self._open: _Pieces | None = None
        self._open_thinks = False
        self._pairs: CallPairs | None = None
        self._calls = 0
        self._growing: tuple[ToolCall, int, GrowingArguments] | None = None
        stops = asked.request.sampling.stop
        most = asked.profile.stops_at_most or len(stops)
        trimmed = asked.profile.stop_trimmed and len(stops) <= most
        self._stops = StopTrimmer(() if trimmed else stops)
        self._plain = trimmed or not stops

    @property
    def over(self) -> bool:
        """Whether it was said why the model stopped, or that it was not asked."""
        return self._reason is not None or bool(self._block_reason())

    @property
    def begun(self) -> bool:
        """Whether the model has said anything."""
        return self._answered

    @property
    def seen(self) -> bool:
        """Whether anything came that belongs to a reply."""
        return self._answered or bool(self._counts) or bool(self._block_reason())

    def take(self, chunk: Mapping[str, Any], events: list[StreamEvent]) -> None:
        """One chunk; a whole reply is one."""
        self._counts = merge(self._counts, chunk.get(USAGE))
        self._reply.update(chunk)
        candidates = chunk.get("candidates")
        if not isinstance(candidates, list):
            return
        for candidate in candidates:
            # Of several answers one is asked for and read.
            if isinstance(candidate, dict) and not candidate.get("index"):
                self._answered = True
                self._take_candidate(candidate, events)
                return

    def close(self) -> list[StreamEvent]:
        """No more chunks come."""
        events: list[StreamEvent] = []
        self._end_call(events)
        self._end_text(events)
        rest = self._stops.end()
        if rest:
            self._parts.append(Text(rest))
            events.append(TextDelta(rest))
        return events

    def done(self) -> ReplyDone:
        """The reply."""
        parts = tuple(self._parts)
        model, reply_id = self._reply.get("modelVersion"), self._reply.get("responseId")
        usage = read_usage(self._counts)
        if usage is None:
            usage = estimated(self._asked.request, parts)
        return ReplyDone(
            Reply(
                parts,
                self._finish(parts),
                usage=usage,
                model=model if isinstance(model, str) else "",
                request_id=reply_id if isinstance(reply_id, str) else "",
                logprobs=usual_logprobs(self._candidate.get("logprobsResult")),
                extra=self._extra(),
                origin=KIND,
            )
        )

    def _take_candidate(self, candidate: dict[str, Json], events: list[StreamEvent]) -> None:
        content = candidate.get("content")
        if isinstance(content, dict):
            self._take_content(content, events)
        for key, value in candidate.items():
            if key == "content":
                continue
            if key == "finishReason":
                self._reason = value
            elif key == "logprobsResult":
                add_logprobs(self._candidate, value)
            elif key not in self._candidate:
                self._candidate[key] = value
            elif value:
                self._note(key, value)

    def _note(self, key: str, value: Json) -> None:
        """Metadata that come in several chunks; empty ones take nothing back."""
        before = self._candidate.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            filled = {k: v for k, v in value.items() if v not in (None, [], {}, "")}
            value = {**before, **filled}
        self._candidate[key] = value

    def _take_content(self, content: dict[str, Json], events: list[StreamEvent]) -> None:
        self._role = content.get("role", self._role)
        if len(content) > 2:
            more = rest_of(content, "parts", "role")
            self._content.update((k, v) for k, v in more.items() if k[:1] != NOTE)
        parts = content.get("parts")
        if not isinstance(parts, list):
            return
        for place, wire in enumerate(parts):
            if place:
                # Parts of one chunk are parts of their own.
                self._end_text(events)
            self._take_part(wire, events)

    def _take_part(self, wire: Json, events: list[StreamEvent]) -> None:
        if isinstance(wire, dict) and isinstance(wire.get("text"), str):
            if len(wire) == 1:
                self._say(wire["text"], events)
                return
            if len(wire) == 2 and wire.get("thought") is True:
                self._think(wire["text"], events)
                return
        call = wire.get("functionCall") if isinstance(wire, dict) else None
        if isinstance(call, dict) and self._goes_on(wire, call, events):
            return
        self._end_call(events)
        self._end_text(events)
        if self._pairs is None:
            self._pairs = self._new_pairs()
        self._take_whole(read_part(wire, self._pairs), events)

    def _take_whole(self, part: Part, events: list[StreamEvent]) -> None:
        match part:
            case Text():
                text = self._cut(part.text)
                if text:
                    events.append(TextDelta(text))
                part = msgspec.structs.replace(part, text=text)
            case Thinking():
                if part.text:
                    events.append(ThinkingDelta(part.text))
            case ToolCall():
                events.append(ToolCallStarted(self._calls, part.id, part.name, part.extra))
                events.append(ArgumentsDelta(self._calls, part.arguments))
                self._calls += 1
            case Media() if _continues(self._parts, part):
                before = self._parts.pop()
                assert isinstance(before, Media)
                whole = msgspec.structs.replace(before, data=before.data + part.data)
                self._parts.append(whole)
                return
        self._parts.append(part)
        if isinstance(part, Media) and _is_raw_sound(part):
            return
        events.append(PartDone(part))

    def _say(self, text: str, events: list[StreamEvent]) -> None:
        text = text if self._plain else self._cut(text)
        if self._open is None or self._open_thinks:
            self._end_call(events)
            self._end_text(events)
            self._open, self._open_thinks = [], False
        self._open.append(text)
        if text:
            events.append(TextDelta(text))

    def _think(self, text: str, events: list[StreamEvent]) -> None:
        if self._open is None or not self._open_thinks:
            self._end_call(events)
            self._end_text(events)
            self._open, self._open_thinks = [], True
        self._open.append(text)
        if text:
            events.append(ThinkingDelta(text))

    def _end_text(self, events: list[StreamEvent]) -> None:
        if self._open is None:
            return
        text = "".join(self._open)
        if not text:
            self._open = None
            return
        part = Thinking(text) if self._open_thinks else Text(text)
        self._open = None
        self._parts.append(part)
        events.append(PartDone(part))

    def _cut(self, text: str) -> str:
        return self._stops.feed(text)

    def _goes_on(self, wire: Any, call: dict[str, Json], events: list[StreamEvent]) -> bool:
        """Pieces of a call whose arguments are streamed; false for a call that comes whole."""
        if call.get("name") and (call.get("willContinue") is True or "partialArgs" in call):
            self._end_call(events)
            self._end_text(events)
            self._begin_call(wire, call, events)
        elif self._growing is None or call.get("name"):
            return False
        assert self._growing is not None
        part, index, arguments = self._growing
        signature = wire.get(SIGNATURE)
        if isinstance(signature, str) and not part.signature:
            part = msgspec.structs.replace(part, signature=signature)
            self._growing = part, index, arguments
        pieces = call.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else ():
            arguments.add(piece)
        if call.get("willContinue") is not True:
            self._end_call(events)
        return True

    def _begin_call(
        self, wire: dict[str, Json], call: dict[str, Json], events: list[StreamEvent]
    ) -> None:
        if self._pairs is None:
            self._pairs = self._new_pairs()
        begun = rest_of(call, "partialArgs", "willContinue", "args")
        part = read_part({**wire, "functionCall": {**begun, "args": {}}}, self._pairs)
        if not isinstance(part, ToolCall):
            return
        grown = GrowingArguments()
        if isinstance(call.get("args"), dict):
            grown.put(call["args"])
        self._growing = part, self._calls, grown
        events.append(ToolCallStarted(self._calls, part.id, part.name, part.extra))
        self._calls += 1

    def _new_pairs(self) -> CallPairs:
        # The ids that we make are those of this reply alone.
        seed = self._reply.get("responseId")
        return CallPairs(seed if isinstance(seed, str) else "")

    def _end_call(self, events: list[StreamEvent]) -> None:
        if self._growing is None:
            return
        part, index, arguments = self._growing
        self._growing = None
        part = msgspec.structs.replace(part, arguments=arguments.text)
        self._parts.append(part)
        events += (ArgumentsDelta(index, part.arguments), PartDone(part))

    def _finish(self, parts: Sequence[Part]) -> Finish:
        if self._stops.stopped:
            return "stop"
        if self._reason is None:
            return "refused" if self._block_reason() else "other"
        known = isinstance(self._reason, str | int)
        finish = FINISHES.get(self._reason, "other") if known else "other"
        if finish != "stop":
            return finish
        if any(isinstance(part, ToolCall) for part in parts):
            return "tool_calls"
        # A model that says nothing and stops has failed: it is no answer.
        return "stop" if parts else "other"

    def _block_reason(self) -> Json:
        feedback = self._reply.get("promptFeedback")
        return feedback.get("blockReason") if isinstance(feedback, dict) else None

    def _extra(self) -> dict[str, Json]:
        # A name that looks like a note of ours is none.
        reply = self._reply.items()
        extra = {k: v for k, v in reply if k not in _TOLD and k[:1] != NOTE}
        candidate = dict(self._candidate)
        if self._reason is not None and not self._is_usual(self._reason):
            candidate["finishReason"] = self._reason
        counts = unread(self._counts)
        if self._answered and self._role != "model":
            self._content[ROLE] = self._role
        more = ((CANDIDATE, candidate), (USAGE, counts), (CONTENT, self._content))
        extra.update((key, value) for key, value in more if value)
        if not self._answered:
            extra[NO_ANSWER] = True
        return extra

    def _is_usual(self, reason: Json) -> bool:
        if reason == "STOP":
            return bool(self._parts)
        return isinstance(reason, str) and reason in {"MAX_TOKENS", "SAFETY"}


def _continues(parts: Sequence[Part], part: Media) -> bool:
    before = parts[-1] if parts else None
    return (
        isinstance(before, Media)
        and _is_raw_sound(part)
        and before.media_type == part.media_type
        and not part.extra
    )


def _is_raw_sound(part: Media) -> bool:
    return part.media_type.lower().startswith(_RAW_SOUND) and bool(part.data)
