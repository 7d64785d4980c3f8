"""Fits a conversation that comes from elsewhere to the rules of generateContent."""

from collections.abc import Iterator, Sequence

import msgspec

from aihandler.backends.gemini.calls import arguments_value, result_names
from aihandler.backends.gemini.fields import KIND, SIGNATURE
from aihandler.backends.profiles import Profile
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Message, Request
from aihandler.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def fit(
    request: Request, profile: Profile, losses: Losses
) -> tuple[tuple[Part, ...], list[Message]]:
    """System parts and turns: results of parallel calls in one turn, in the order of the calls."""
    fitting = _Fitting(request, profile, losses)
    system: list[Part] = []
    turns: list[tuple[str, list[Part]]] = []
    for place, message in enumerate(request.messages):
        pointer = f"/messages/{place}"
        losses.add_fields(pointer, message.extra)
        parts = list(fitting.parts(message, pointer))
        if message.role == "system" and not turns:
            system += parts
            continue
        if message.role == "system" and parts:
            losses.add(f"{pointer}/role", "a system message within a conversation goes as a user's")
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        elif parts:
            turns.append((role, parts))
    if not turns:
        # A request needs a turn; instructions alone are one.
        turns, system = [("user", system)], []
    return tuple(system), fitting.ordered(turns)


def with_stand_ins(message: Message, profile: Profile) -> Message:
    """Some models refuse a turn whose first call has no signature; what says so is sent instead."""
    if not profile.call_signature or message.role != "assistant":
        return message
    parts = list(message.parts)
    first = next((n for n, part in enumerate(parts) if isinstance(part, ToolCall)), None)
    if first is None:
        return message
    call = parts[first]
    assert isinstance(call, ToolCall)
    if call.signature:
        return message
    parts[first] = msgspec.structs.replace(call, signature=profile.call_signature)
    return msgspec.structs.replace(message, parts=tuple(parts))


class _Fitting:
    def __init__(self, request: Request, profile: Profile, losses: Losses) -> None:
        self._foreign = bool(request.origin)
        self._profile = profile
        self._losses = losses
        calls = [p for m in request.messages for p in m.parts if isinstance(p, ToolCall)]
        self._names = result_names(calls)
        self._places = {call.id: place for place, call in enumerate(calls)}

    def parts(self, message: Message, pointer: str) -> Iterator[Part]:
        """The parts of a message that this format can hold."""
        for place, part in enumerate(message.parts):
            at = f"{pointer}/parts/{place}"
            fitted = self._part(part, at)
            if fitted is None:
                continue
            if isinstance(fitted, Media) and message.role == "system":
                self._losses.add(at, f"{fitted.kind} in the instructions")
                continue
            yield fitted
            if isinstance(fitted, ToolResult) and not self._profile.tool_result_media:
                # Behind the results of the turn, where `ordered` brings it.
                yield from self._beside(part, at)

    def ordered(self, turns: Sequence[tuple[str, list[Part]]]) -> list[Message]:
        """The turns, results in front and in the order of the calls that they answer."""
        made: list[Message] = []
        for role, parts in turns:
            if role == "assistant":
                made.append(Message("assistant", tuple(parts)))
                continue
            results = [part for part in parts if isinstance(part, ToolResult)]
            results.sort(key=lambda result: self._places.get(result.call_id, len(self._places)))
            others = (part for part in parts if not isinstance(part, ToolResult))
            made.append(Message("user", (*results, *others)))
        return made

    def _part(self, part: Part, at: str) -> Part | None:
        if not isinstance(part, Opaque):
            self._losses.add_fields(at, {k: v for k, v in part.extra.items() if k != SIGNATURE})
        if isinstance(part, Text | Media | ToolCall | ToolResult) and part.cache is not None:
            self._losses.add(f"{at}/cache", "a mark for the prompt cache: this format has none")
        match part:
            case Text():
                return self._text(part, at)
            case Refusal():
                return Text(part.text) if part.text else None
            case Media():
                return self._media(part, at)
            case Thinking():
                return self._thinking(part, at)
            case ToolCall():
                return self._call(part, at)
            case ToolResult():
                return self._result(part, at)
            case Opaque() if part.format != KIND:
                self._losses.add(at, f"a part that only {part.format} understands")
                return None
        return part

    def _text(self, part: Text, at: str) -> Text | None:
        if part.citations:
            self._losses.add(f"{at}/citations", "citations of another provider")
        # Only this provider signs texts, so a signature is its own, wherever the request is from.
        signature = part.extra.get(SIGNATURE)
        if signature:
            return Text(part.text, extra={SIGNATURE: signature})
        return Text(part.text) if part.text else None

    def _media(self, part: Media, at: str) -> Media | None:
        if part.kind not in self._profile.media:
            self._losses.add(at, f"{part.kind}, which this model does not take")
            return None
        if part.file_id and not part.data and not part.url and self._foreign:
            self._losses.add(at, "the id of a file at another provider")
            return None
        if not (part.data or part.url or part.file_id):
            self._losses.add(at, f"{part.kind} without its bytes")
            return None
        return msgspec.structs.replace(part, cache=None, extra={})

    def _thinking(self, part: Thinking, at: str) -> Thinking | None:
        # What another provider signed or sealed would be refused; so would what nobody did.
        if part.signed_by != KIND:
            self._losses.add(at, "thinking without a signature of this provider")
            return None
        return Thinking(part.text, part.signature)

    def _call(self, part: ToolCall, at: str) -> ToolCall:
        signature = part.signature
        if signature and self._foreign:
            self._losses.add(f"{at}/signature", "a signature of another provider")
            signature = ""
        if part.arguments and arguments_value(part.arguments) == {"arguments": part.arguments}:
            self._losses.add(f"{at}/arguments", "no JSON object: sent as a text under `arguments`")
        return ToolCall(part.id, part.name, part.arguments, signature)

    def _result(self, part: ToolResult, at: str) -> ToolResult:
        inner = (self._part(p, f"{at}/parts/{n}") for n, p in enumerate(part.parts))
        kept = [p for p in inner if isinstance(p, Text | Media | Opaque)]
        if not self._profile.tool_result_media:
            kept = [p for p in kept if not isinstance(p, Media)]
        name = part.name or self._names.get(part.call_id) or "tool"
        return ToolResult(part.call_id, tuple(kept), name=name, failed=part.failed)

    def _beside(self, part: Part, at: str) -> Iterator[Media]:
        assert isinstance(part, ToolResult)
        for place, inner in enumerate(part.parts):
            if isinstance(inner, Media) and inner.kind in self._profile.media:
                pointer = f"{at}/parts/{place}"
                self._losses.add(pointer, f"{inner.kind} in a result: it stands behind the result")
                yield msgspec.structs.replace(inner, cache=None, extra={})
