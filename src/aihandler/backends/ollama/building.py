"""A reply in the making: what each line adds."""

from collections.abc import Mapping
from typing import Any

from aihandler.backends.codec import Asked
from aihandler.backends.ollama.fields import GENERATE, KIND, UNCOUNTED, WITHOUT_REASON
from aihandler.backends.ollama.images import take_images
from aihandler.backends.ollama.tools import read_call
from aihandler.backends.ollama.usage import ANSWER, PROMPT, read_usage
from aihandler.backends.stops import StopTrimmer
from aihandler.backends.think_tags import ThinkSplitter
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
from aihandler.domain.parts import Media, Opaque, Part, Text, Thinking, ToolCall
from aihandler.domain.task import Json

_FINISHES: Mapping[str, Finish] = {"stop": "stop", "length": "length"}
_LINE = ("message", "response", "thinking", "tool_calls", "images", "logprobs", "done", "error")
_MESSAGE = ("role", "content", "thinking", "tool_calls", "images")


class Building:
    """Takes lines and gives events; `done` gives the reply."""

    def __init__(self, asked: Asked, headers: Mapping[str, str]) -> None:
        self._asked = asked
        self._request_id = headers.get("x-request-id", "")
        self._top: dict[str, Json] = {}
        self._left: dict[str, Json] = {}
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._images: list[Media] = []
        self._calls: list[ToolCall | Opaque] = []
        self._logprobs: list[Json] = []
        self._generated = False
        stops = () if asked.profile.stop_trimmed else asked.request.sampling.stop
        self._think = ThinkSplitter(asked.profile.think_tags)
        self._stops = StopTrimmer(stops)
        self._plain = not (stops or asked.profile.think_tags)

    def see(self, line: dict[str, Any], events: list[StreamEvent]) -> None:
        """Takes a whole line: any of a stream, or the one of a reply that is not streamed."""
        self._top.update(rest_of(line, *_LINE))
        message = line.get("message")
        if isinstance(message, dict):
            self._left.update(rest_of(message, *_MESSAGE))
        else:
            self._generated = self._generated or "response" in line
            message = {**line, "content": line.get("response")}
        self.add_thought(message.get("thinking"), events)
        self.add_text(message.get("content"), events)
        rest = dict(message)
        self._add_images(rest, events)
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            self._add_call(call, str(line.get("created_at")), events)
        probabilities = line.get("logprobs")
        if isinstance(probabilities, list):
            self._logprobs += probabilities

    def add_text(self, text: Json, events: list[StreamEvent]) -> None:
        """More of the answer."""
        if not isinstance(text, str) or not text:
            return
        if self._plain:
            self._texts.append(text)
            events.append(TextDelta(text))
            return
        thought, answer = self._think.feed(text)
        self.add_thought(thought, events)
        self._say(answer, events)

    def add_thought(self, text: Json, events: list[StreamEvent]) -> None:
        """More of what the model says to itself."""
        if isinstance(text, str) and text:
            self._thoughts.append(text)
            events.append(ThinkingDelta(text))

    def flush(self, events: list[StreamEvent]) -> None:
        """What was held back because it might have become a tag or a stop text."""
        thought, answer = self._think.end()
        self.add_thought(thought, events)
        self._say(answer, events)
        rest = self._stops.end()
        if rest:
            self._texts.append(rest)
            events.append(TextDelta(rest))

    def done(self) -> ReplyDone:
        """The reply."""
        thought, text = "".join(self._thoughts), "".join(self._texts)
        parts: list[Part] = [Thinking(thought)] if thought else []
        parts += [Text(text)] if text else []
        parts += [*self._images, *self._calls]
        said = len(thought) + len(text)
        said += sum(len(c.arguments) for c in self._calls if isinstance(c, ToolCall))
        request = self._asked.request
        usage, uncounted = read_usage(self._top, request, answer_characters=said)
        model = self._top.get("model")
        return ReplyDone(
            Reply(
                tuple(parts),
                self._finish(),
                usage=usage,
                model=model if isinstance(model, str) else "",
                request_id=self._request_id,
                logprobs={"content": self._logprobs} if self._logprobs else None,
                extra=self._extra(uncounted),
                origin=KIND,
            )
        )

    def _finish(self) -> Finish:
        if any(isinstance(call, ToolCall) for call in self._calls):
            asks: Finish = "tool_calls"
        else:
            asks = "stop"
        if self._stops.stopped:
            return "stop"
        reason = self._top.get("done_reason")
        if reason is None or reason == "":
            return "length" if self._is_full() else asks
        finish = _FINISHES.get(reason, "other") if isinstance(reason, str) else "other"
        # A call ends with the same word as an answer.
        return asks if finish == "stop" else finish

    def _is_full(self) -> bool:
        # Servers before 0.1.38 do not say why they end.
        bound, count = self._asked.request.sampling.max_output_tokens, self._top.get(ANSWER)
        return bound is not None and isinstance(count, int) and count >= bound

    def _extra(self, uncounted: list[str]) -> dict[str, Json]:
        extra = rest_of(self._top, "model", PROMPT, ANSWER)
        reason = extra.get("done_reason")
        if reason in _FINISHES:
            del extra["done_reason"]
        elif reason is None:
            extra[WITHOUT_REASON] = True
        if self._left:
            extra["message"] = self._left
        if uncounted:
            extra[UNCOUNTED] = uncounted
        if self._generated:
            extra[GENERATE] = True
        return extra

    def _say(self, text: str, events: list[StreamEvent]) -> None:
        text = self._stops.feed(text)
        if text:
            self._texts.append(text)
            events.append(TextDelta(text))

    def _add_images(self, rest: dict[str, Json], events: list[StreamEvent]) -> None:
        if not rest.get("images"):
            return
        images = take_images(rest)
        self._images += images
        events += [PartDone(image) for image in images]
        if not images:
            self._left["images"] = rest["images"]

    def _add_call(self, wire: Json, when: str, events: list[StreamEvent]) -> None:
        number = len(self._calls)
        call = read_call(wire, when, str(number))
        self._calls.append(call)
        if isinstance(call, ToolCall):
            index = sum(isinstance(c, ToolCall) for c in self._calls) - 1
            events.append(ToolCallStarted(index, call.id, call.name, call.extra))
            events.append(ArgumentsDelta(index, call.arguments))
