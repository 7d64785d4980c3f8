"""Fits a conversation that comes from elsewhere to the rules of OpenAI Responses."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from aihandler.backends.call_ids import CallIds
from aihandler.backends.openai_responses.fields import ITEM, KIND
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


def fit(request: Request, profile: Profile, losses: Losses) -> list[Message]:
    """The messages with what this format can hold; what it cannot is named. Places stay."""
    fitting = _Fitting(request, profile, losses)
    fitted: list[Message] = []
    for place, message in enumerate(request.messages):
        pointer = f"/messages/{place}"
        losses.add_fields(pointer, message.extra)
        fitted.append(Message(message.role, tuple(fitting.parts(message, pointer))))
    return fitted


class _Fitting:
    def __init__(self, request: Request, profile: Profile, losses: Losses) -> None:
        self._foreign = bool(request.origin)
        self._profile = profile
        self._losses = losses
        self._ids = CallIds.of(request, profile.call_ids)

    def parts(self, message: Message, pointer: str) -> Iterator[Part]:
        """The parts of a message that this format can hold."""
        for place, part in enumerate(message.parts):
            at = f"{pointer}/parts/{place}"
            fitted = self._part(part, at)
            if isinstance(fitted, Media) and message.role != "user":
                self._losses.add(at, f"{fitted.kind} in a turn of the {message.role}")
            elif fitted is not None:
                yield fitted

    def _part(self, part: Part, at: str) -> Part | None:
        if not isinstance(part, Opaque):
            self._losses.add_fields(at, part.extra)
        match part:
            case Text():
                return self._text(part, at)
            case Refusal():
                return Refusal(part.text)
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
        return Text(part.text, cache=self._mark(part, at)) if part.text else None

    def _call(self, part: ToolCall, at: str) -> ToolCall:
        self._mark(part, at, here=False)
        if part.signature:
            self._losses.add(f"{at}/signature", "a signature of another provider")
        return ToolCall(self._ids.out(part.id), part.name, part.arguments)

    def _result(self, part: ToolResult, at: str) -> ToolResult:
        self._mark(part, at, here=False)
        if part.failed:
            self._losses.add(f"{at}/failed", "that the tool failed: only its words say so here")
        inner = (self._part(p, f"{at}/parts/{n}") for n, p in enumerate(part.parts))
        kept = tuple(p for p in inner if isinstance(p, (Text, Media, Opaque)))
        return ToolResult(self._ids.out(part.call_id), kept)

    def _media(self, part: Media, at: str) -> Media | None:
        if part.kind not in self._profile.media:
            self._losses.add(at, f"{part.kind}, which this model does not take")
            return None
        if part.file_id and not part.data and not part.url and self._foreign:
            self._losses.add(at, "the id of a file at another provider")
            return None
        if part.kind == "audio" and not part.data:
            self._losses.add(at, "a sound that is only known by its address")
            return None
        if not (part.data or part.url or part.file_id):
            self._losses.add(at, f"{part.kind} without its bytes")
            return None
        return self._named(part, at)

    def _named(self, part: Media, at: str) -> Media:
        name = part.name if part.kind == "document" and part.data else ""
        if part.name and not name:
            self._losses.add(f"{at}/name", "only a document that is sent whole has a name here")
        if part.kind == "document" and part.data and not name:
            # A document without a name is refused.
            name = "document.pdf" if part.media_type == "application/pdf" else "document.txt"
        mark = self._mark(part, at)
        return msgspec.structs.replace(part, name=name, cache=mark, extra={})

    def _thinking(self, part: Thinking, at: str) -> Thinking | None:
        # Only what this provider itself has sealed is taken back.
        known = not (part.signed_by or self._foreign) and ITEM in part.extra
        if not (part.signed_by == KIND or known) or not part.sealed:
            self._losses.add(at, "thinking that this provider has not sealed")
            return None
        return part

    def _mark(
        self, part: Text | Media | ToolCall | ToolResult, at: str, *, here: bool = True
    ) -> Literal[""] | None:
        if part.cache is None:
            return None
        if not (here and self._profile.cache_marks):
            self._losses.add(f"{at}/cache", "a mark for the provider's prompt cache")
            return None
        if part.cache:
            self._losses.add(f"{at}/cache", "how long the prompt cache is to keep this")
        return ""
