"""A reply in the making, whichever server's words its pieces come in."""

from collections.abc import Mapping

import msgspec

from aihandler.backends.call_ids import made_call_id
from aihandler.backends.codec import Asked
from aihandler.backends.completions.answers import MarkedAnswer, PlainAnswer, Told
from aihandler.backends.completions.fields import KIND
from aihandler.backends.completions.probabilities import joined
from aihandler.backends.completions.prompts import Reading
from aihandler.backends.completions.wire import FINISHES, Piece
from aihandler.backends.estimates import estimated_usage
from aihandler.backends.stops import StopTrimmer
from aihandler.domain.answer import (
    ArgumentsDelta,
    Finish,
    Reply,
    ReplyDone,
    StreamEvent,
    ToolCallStarted,
)
from aihandler.domain.parts import Part, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage


class Building:
    """Takes pieces and makes events and the reply of them."""

    def __init__(self, asked: Asked, headers: Mapping[str, str], reading: Reading) -> None:
        self.finish_reason = ""
        self._asked = asked
        self._headers = headers
        self._reading = reading
        self._answer = MarkedAnswer(reading) if reading.family else PlainAnswer()
        self._stops = StopTrimmer(_stops(asked, reading))
        self._id = self._model = self._fingerprint = self._stop_text = ""
        self._usage: Usage | None = None
        self._answered: int | None = None
        self._raw_usage: Json = None
        self._logprobs: list[Json] = []
        self._raw_logprobs: Json = None
        self._left: dict[str, Json] = {}
        self._beside: dict[str, Json] = {}
        self._calls: tuple[ToolCall, ...] = ()
        self._told = Told()

    def add(self, piece: Piece) -> list[StreamEvent]:
        """One piece of the reply, or the whole of it."""
        self._see(piece)
        events: list[StreamEvent] = []
        if piece.text and (text := self._stops.feed(piece.text)):
            self._answer.feed(text, events)
        return events

    def flush(self) -> list[StreamEvent]:
        """What was held back, and calls, which are told when they are whole."""
        events: list[StreamEvent] = []
        if rest := self._stops.end():
            self._answer.feed(rest, events)
        self._told = self._answer.end(events)
        self._calls = self._named(self._told)
        for index, call in enumerate(self._calls):
            events.append(ToolCallStarted(index, call.id, call.name))
            events.append(ArgumentsDelta(index, call.arguments))
        return events

    def done(self) -> ReplyDone:
        """The reply."""
        told = self._told
        parts: list[Part] = []
        if told.thinking:
            parts.append(Thinking(told.thinking))
        if told.text:
            parts.append(Text(told.text))
        parts.extend(self._calls)
        usage = self._usage or _counted(self._headers)
        if usage is None:
            usage = self._guess(told)
        return ReplyDone(
            Reply(
                tuple(parts),
                self._finish(),
                usage=usage,
                model=self._model,
                request_id=self._headers.get("x-request-id", "") or self._id,
                fingerprint=self._fingerprint,
                stop_text=self._stop_text,
                logprobs={"content": self._logprobs} if self._logprobs else None,
                extra=self._extra(),
                origin=KIND,
                unreadable=told.unreadable,
            )
        )

    def _guess(self, told: Told) -> Usage:
        characters = len(told.thinking) + len(told.text)
        characters += sum(len(call.arguments) + len(call.name) for call in self._calls)
        usage = estimated_usage(self._asked.request, characters)
        if self._answered is None:
            return usage
        return msgspec.structs.replace(usage, output=self._answered)

    def _see(self, piece: Piece) -> None:
        self._model = piece.model or self._model
        self._id = self._id or piece.id
        self._fingerprint = piece.fingerprint or self._fingerprint
        self._stop_text = piece.stop_text or self._stop_text
        self.finish_reason = piece.finish or self.finish_reason
        if piece.usage is not None:
            self._usage, self._raw_usage = piece.usage, piece.raw_usage
        self._answered = self._answered if piece.answered is None else piece.answered
        # Some servers always tell them; they were not asked for.
        if piece.logprobs and self._asked.request.logprobs is not None:
            self._logprobs.extend(piece.logprobs)
        if piece.raw_logprobs is not None:
            self._raw_logprobs = joined(self._raw_logprobs, piece.raw_logprobs)
        if piece.left:
            self._left.update(piece.left)
        if piece.beside:
            self._beside.update(piece.beside)

    def _named(self, told: Told) -> tuple[ToolCall, ...]:
        """With an id for each call; most models write none, some write the same again."""
        known = {
            part.id
            for message in self._asked.request.messages
            for part in message.parts
            if isinstance(part, ToolCall)
        }
        calls: list[ToolCall] = []
        for number, call in enumerate(told.calls):
            call_id = call.id
            if not call_id or call_id in known:
                about = (self._id, self._model, call.arguments, str(number), str(len(known)))
                call_id = made_call_id(*about)
            known.add(call_id)
            calls.append(ToolCall(call_id, call.name, call.arguments))
        return tuple(calls)

    def _finish(self) -> Finish:
        told = FINISHES.get(self.finish_reason.lower(), "other")
        if self._stops.stopped and told != "refused":
            told = "stop"
        if self._calls:
            return "tool_calls" if told == "stop" else told
        # Its reasoning has not come to an end, whatever the server says.
        return "other" if told == "stop" and not self._told.complete else told

    def _extra(self) -> Mapping[str, Json]:
        left: dict[str, Json] = {}
        if self._left:
            left["reply"] = self._left
        choice = dict(self._beside)
        if self.finish_reason:
            choice["finish_reason"] = self.finish_reason
        if choice:
            left["choice"] = choice
        if self._raw_usage is not None:
            left["usage"] = self._raw_usage
        if self._raw_logprobs is not None:
            left["logprobs"] = self._raw_logprobs
        if self._reading.notes:
            left["notes"] = list(self._reading.notes)
        return {KIND: left} if left else {}


def _stops(asked: Asked, reading: Reading) -> tuple[str, ...]:
    request = asked.request
    if reading.family:
        return (*reading.stop, *request.sampling.stop)
    # An answer that repeats the prompt may hold a stop text in it.
    trimmed = asked.profile.stop_trimmed or request.extra.get("echo")
    return () if trimmed else request.sampling.stop


def _counted(headers: Mapping[str, str]) -> Usage | None:
    """Token counts where a server tells them beside the body (TGI)."""
    try:
        prompt, answer = int(headers["x-prompt-tokens"]), int(headers["x-generated-tokens"])
    except (KeyError, ValueError):
        return None
    return Usage(prompt, output=answer) if min(prompt, answer) >= 0 else None
