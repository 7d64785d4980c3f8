"""A reply in the making: parts in the order in which they came, like ones joined."""

from collections.abc import Mapping
from typing import Any

from aihandler.backends.call_ids import made_call_id
from aihandler.backends.codec import Asked
from aihandler.backends.estimates import estimated_usage
from aihandler.backends.openai_chat.calls import Call, Calls
from aihandler.backends.openai_chat.growing import Growing
from aihandler.backends.openai_chat.passage import ORIGIN
from aihandler.backends.openai_chat.usage import usage_from
from aihandler.backends.openai_chat.wire import wire_usage
from aihandler.backends.stops import StopTrimmer
from aihandler.backends.think_tags import ThinkSplitter
from aihandler.domain.answer import Finish, Reply, ReplyDone, StreamEvent, TextDelta, ThinkingDelta
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "refused",
}
TOP = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "error"}
    # Random padding against an eavesdropper who counts bytes.
    | {"obfuscation", "p"}
)
_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "logprobs"})
_COMMON = frozenset(
    {"role", "content", "reasoning", "reasoning_content", "reasoning_details", "refusal"}
    | {"tool_calls"}
)
_BODY = _COMMON | {"function_call", "audio", "annotations"}
# What a server's own tools did; carried whole, because only this server understands it.
_SERVER_TOOLS = ("executed_tools",)


class Building:
    """Takes messages, or pieces of one, and makes events and the reply of them."""

    def __init__(self, asked: Asked, headers: Mapping[str, str]) -> None:
        self.finish_reason = ""
        self._asked = asked
        self._request_id = headers.get("x-request-id", "")
        self._id = self._model = self._fingerprint = ""
        self._usage: Usage | None = None
        self._raw_usage: Json = None
        self._parts: list[Growing | Call] = []
        self._calls = Calls(self._call_id)
        self._logprobs: dict[str, Json] = {}
        self._notes: list[Json] = []
        self._field = ""
        self._legacy = False
        self._left: dict[str, dict[str, Json]] = {"reply": {}, "choice": {}, "message": {}}
        profile = asked.profile
        stops = () if profile.stop_trimmed else asked.request.sampling.stop
        # Most servers part thinking and answer, and cut stop strings, themselves.
        self._plain = not (stops or profile.think_tags)
        if not self._plain:
            self._think = ThinkSplitter(profile.think_tags)
            self._stops = StopTrimmer(stops)
        self._open: list[str] | None = None

    def see(self, completion: dict[str, Any]) -> None:
        """Takes what is said of the reply as a whole."""
        model, reply_id = completion.get("model"), completion.get("id")
        if model and isinstance(model, str):
            self._model = model
        if reply_id and not self._id:
            self._id = str(reply_id)
        mark = completion.get("system_fingerprint")
        if mark and isinstance(mark, str):
            self._fingerprint = mark
        usage = completion.get("usage")
        if not completion.keys() <= TOP:
            groq = completion.get("x_groq")
            if usage is None and isinstance(groq, dict):
                usage = groq.get("usage")
            self._left["reply"].update(_but(completion, TOP))
        if usage is not None:
            self._count(usage)

    def choose(self, choice: dict[str, Any], body: Json) -> list[StreamEvent]:
        """Takes the first choice, with its message or a piece of it."""
        events: list[StreamEvent] = []
        if isinstance(body, dict):
            if len(body) == 1 and type(content := body.get("content")) is str:
                self._content(content, events)
            elif body:
                self._body(body, events)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self.finish_reason = reason
        if choice.get("logprobs"):
            self._add_logprobs(choice["logprobs"])
        if not choice.keys() <= _CHOICE:
            self._left["choice"].update(_but(choice, _CHOICE))
        return events

    def flush(self) -> list[StreamEvent]:
        """Text that was held back because it might have become a tag or a stop string."""
        events: list[StreamEvent] = []
        if not self._plain:
            thought, answer = self._think.end()
            self._add_thought(thought, events)
            self._say(answer, events)
            rest = self._stops.end()
            if rest:
                self._grow(Text, ("text",)).texts.append(rest)
                events.append(TextDelta(rest))
        self._calls.finish(events)
        return events

    def done(self) -> ReplyDone:
        """The reply."""
        parts = [grown.part() for grown in self._parts]
        if self._notes:
            parts = _cited(parts, self._notes, self._left)
        usage = self._usage
        if usage is None:
            usage = estimated_usage(self._asked.request, sum(map(_characters, parts)))
        return ReplyDone(
            Reply(
                tuple(parts),
                self._finish(parts),
                usage=usage,
                model=self._model,
                request_id=self._request_id or self._id,
                fingerprint=self._fingerprint,
                stop_text=self._stop_text(),
                logprobs=self._logprobs or None,
                extra=self._extra(),
                origin=ORIGIN,
            )
        )

    def _count(self, raw: Json) -> None:
        usage = wire_usage(raw)
        if usage is not None:
            # Some servers count on with every chunk; the last word holds.
            self._usage, self._raw_usage = usage_from(usage), raw

    def _body(self, body: dict[str, Any], events: list[StreamEvent]) -> None:
        self._thoughts(body, events)
        content = body.get("content")
        if isinstance(content, str):
            self._content(content, events)
        elif isinstance(content, list):
            for part in content:
                self._add_part(part, events)
        refusal = body.get("refusal")
        if refusal and isinstance(refusal, str):
            self._grow(Refusal, ("refusal",)).texts.append(refusal)
        calls = body.get("tool_calls")
        if calls and isinstance(calls, list):
            self._begin(self._calls.feed(calls, events))
        if not body.keys() <= _COMMON:
            self._rest(body, events)

    def _rest(self, body: dict[str, Any], events: list[StreamEvent]) -> None:
        """What few replies have."""
        legacy = body.get("function_call")
        # A server may write its one call in both ways; the older one says less.
        if isinstance(legacy, dict) and (self._legacy or not self._calls.all):
            piece = {"index": -1, "function": legacy}
            self._begin(self._calls.feed([piece], events))
            self._legacy = True
        audio = body.get("audio")
        if isinstance(audio, dict):
            self._grow(Media, ("audio",)).hear(audio)
        notes = body.get("annotations")
        if isinstance(notes, list):
            self._notes.extend(notes)
        for key in _SERVER_TOOLS:
            done = body.get(key)
            if isinstance(done, list):
                self._grow(Opaque, (key,)).merge(done)
        if not body.keys() <= _BODY:
            left = {key: value for key, value in body.items() if key not in _BODY}
            self._left["message"].update(
                {key: value for key, value in left.items() if key not in _SERVER_TOOLS}
            )

    def _thoughts(self, body: dict[str, Any], events: list[StreamEvent]) -> None:
        details = body.get("reasoning_details")
        if details and isinstance(details, list):
            known = [detail for detail in details if isinstance(detail, dict)]
            told = self._told_before(known)
            for detail in known:
                self._detail(detail, events, told=told)
            # The same text stands in `reasoning` too.
            if any(_words(detail) for detail in known):
                return
        for field in ("reasoning_content", "reasoning"):
            thought = body.get(field)
            if thought and isinstance(thought, str):
                self._add_thought(thought, events, field=field)
                return

    def _told_before(self, details: list[dict[str, Any]]) -> bool:
        """Whether these are thoughts that came as plain text first; they then take its place."""
        plain = [p for p in self._parts if isinstance(p, Growing) and p.key == ("thinking",)]
        text = "".join("".join(part.texts) for part in plain)
        if not text or text != "".join(map(_words, details)):
            return False
        self._parts = [part for part in self._parts if part not in plain]
        return True

    def _detail(self, detail: dict[str, Any], events: list[StreamEvent], *, told: bool) -> None:
        text = _words(detail)
        signature, sealed = detail.get("signature"), detail.get("data")
        if not (text or signature or sealed):
            return
        grown = self._thought(("detail", detail.get("type"), detail.get("index")))
        grown.sign(signature, sealed)
        for key, value in detail.items():
            if key not in {"summary", "text", "signature", "data"} and value is not None:
                grown.extra[key] = value
        grown.extra["field"] = "reasoning_details"
        if text:
            grown.texts.append(text)
            if not told:
                events.append(ThinkingDelta(text))

    def _thought(self, key: tuple[Json, ...]) -> Growing:
        """Signatures come late, but in a whole reply all thinking stands before the answer."""
        place = 0
        for number, part in enumerate(self._parts, 1):
            if isinstance(part, Growing) and part.kind is Thinking:
                if part.key == key:
                    return part
                place = number
        grown = Growing(Thinking, key)
        self._parts.insert(place, grown)
        return grown

    def _content(self, text: str, events: list[StreamEvent]) -> None:
        if not text:
            return
        if self._plain:
            if self._open is None:
                self._open = self._grow(Text, ("text",)).texts
            self._open.append(text)
            events.append(TextDelta(text))
            return
        thought, answer = self._think.feed(text)
        self._add_thought(thought, events)
        self._say(answer, events)

    def _add_part(self, part: Any, events: list[StreamEvent]) -> None:
        match part:
            case {"type": "thinking", "thinking": list(pieces)}:
                for piece in pieces:
                    if isinstance(piece, dict) and isinstance(piece.get("text"), str):
                        self._add_thought(piece["text"], events, field="content")
            case {"type": "thinking", "thinking": str(text)}:
                self._add_thought(text, events, field="content")
            case {"refusal": str(text)}:
                self._grow(Refusal, ("refusal",)).texts.append(text)
            case {"text": str(text)}:
                self._content(text, events)
            case {"type": str()}:
                self._grow(Opaque, (id(part),)).payload = part

    def _add_thought(self, text: str, events: list[StreamEvent], *, field: str = "") -> None:
        if not text:
            return
        grown = self._grow(Thinking, ("thinking",))
        self._field = field or self._field
        grown.texts.append(text)
        events.append(ThinkingDelta(text))

    def _say(self, text: str, events: list[StreamEvent]) -> None:
        text = self._stops.feed(text)
        if text:
            self._grow(Text, ("text",)).texts.append(text)
            events.append(TextDelta(text))

    def _grow(self, kind: type[Part], key: tuple[Json, ...]) -> Growing:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Growing) and last.kind is kind and last.key == key:
            return last
        grown = Growing(kind, key)
        self._open = None
        self._parts.append(grown)
        return grown

    def _begin(self, calls: list[Call]) -> None:
        if calls:
            self._open = None
            self._parts.extend(calls)

    def _add_logprobs(self, logprobs: Json) -> None:
        if not isinstance(logprobs, dict):
            return
        for key, value in logprobs.items():
            known = self._logprobs.get(key)
            if isinstance(known, list) and isinstance(value, list):
                known.extend(value)
            elif value is not None or key not in self._logprobs:
                self._logprobs[key] = value

    def _call_id(self, number: int) -> str:
        return made_call_id(self._id or self._request_id, self._model, str(number))

    def _finish(self, parts: list[Part]) -> Finish:
        told = FINISHES.get(self.finish_reason.lower(), "other")
        kinds = set(map(type, parts))
        if Refusal in kinds:
            return "refused"
        if ToolCall in kinds:
            # Many servers say `stop` after text and a call.
            return "tool_calls" if told == "stop" else told
        if not self._plain and self._stops.stopped:
            return "stop"
        # Calls were promised and none came.
        return "other" if told == "tool_calls" and Opaque not in kinds else told

    def _stop_text(self) -> str:
        told = self._left["choice"].get("stop_reason")
        return told if isinstance(told, str) else ""

    def _extra(self) -> Mapping[str, Json]:
        """`reported_cost_usd` is what the provider says that this costs, as decimal text."""
        extra: dict[str, Json] = {}
        left: dict[str, Json] = {key: value for key, value in self._left.items() if value}
        if self._field not in {"", "reasoning_content"}:
            left["thinking"] = self._field
        if self._legacy:
            left["calls"] = "function_call"
        if self._raw_usage is not None:
            left["usage"] = self._raw_usage
            cost = self._raw_usage.get("cost")
            if isinstance(cost, int | float) and not isinstance(cost, bool):
                extra["reported_cost_usd"] = f"{cost!r}"
        if self.finish_reason:
            left["choice"] = {**self._left["choice"], "finish_reason": self.finish_reason}
        if left:
            extra[ORIGIN] = left
        return extra


def _but(wire: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in wire.items() if key not in known}


def _words(detail: dict[str, Any]) -> str:
    text = detail.get("summary") or detail.get("text")
    return text if isinstance(text, str) else ""


def _cited(parts: list[Part], notes: list[Json], left: dict[str, dict[str, Json]]) -> list[Part]:
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if isinstance(part, Text):
            return [*parts[:place], Text(part.text, tuple(notes)), *parts[place + 1 :]]
    left["message"]["annotations"] = notes
    return parts


def _characters(part: Part) -> int:
    if isinstance(part, Text | Thinking | Refusal):
        return len(part.text)
    return len(part.arguments) + len(part.name) if isinstance(part, ToolCall) else 0
