"""Fits a conversation that comes from elsewhere to the rules of Anthropic Messages."""

from collections.abc import Iterator, Sequence

import msgspec

from aihandler.backends.anthropic_messages.blocks import arguments_value
from aihandler.backends.anthropic_messages.fields import KIND
from aihandler.backends.call_ids import CallIds
from aihandler.backends.signed import goes_back
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Message, Request
from aihandler.domain.parts import (
    Media,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def fit(request: Request, losses: Losses) -> tuple[tuple[Part, ...], list[Message]]:
    """System parts and turns: results of parallel calls in one turn, in front of the rest."""
    fitting = _Fitting(request, losses)
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
    return tuple(system), [_turn(role, parts) for role, parts in turns]


def _turn(role: str, parts: Sequence[Part]) -> Message:
    if role == "assistant":
        return Message("assistant", tuple(parts))
    results = [part for part in parts if isinstance(part, ToolResult)]
    return Message("user", (*results, *(p for p in parts if not isinstance(p, ToolResult))))


class _Fitting:
    def __init__(self, request: Request, losses: Losses) -> None:
        self._foreign = bool(request.origin)
        self._losses = losses
        self._ids = CallIds.of(request, "word64")

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
                if part.citations:
                    self._losses.add(f"{at}/citations", "citations of another provider")
                # Blocks without a visible character are refused.
                return part if part.text.strip() else None
            case Media():
                return self._media(part, at)
            case Thinking():
                return self._thinking(part, at)
            case ToolCall():
                return self._call(part, at)
            case ToolResult():
                inner = (self._part(p, f"{at}/parts/{n}") for n, p in enumerate(part.parts))
                kept = tuple(p for p in inner if isinstance(p, (Text, Media, Opaque)))
                call_id = self._ids.out(part.call_id)
                return msgspec.structs.replace(part, call_id=call_id, parts=kept)
            case Opaque() if part.format != KIND:
                self._losses.add(at, f"a part that only {part.format} understands")
                return None
        return part

    def _media(self, part: Media, at: str) -> Media | None:
        if part.kind == "audio":
            self._losses.add(at, "this format takes no sound")
            return None
        if part.file_id and not part.data and not part.url and self._foreign:
            self._losses.add(at, "the id of a file at another provider")
            return None
        if part.name and part.kind != "document":
            self._losses.add(f"{at}/name", "this format has names for documents only")
        return part

    def _thinking(self, part: Thinking, at: str) -> Part | None:
        # What another provider signed or sealed would be refused, and so would what nobody signed.
        if not goes_back(part, KIND, foreign=self._foreign):
            self._losses.add(at, "thinking without a signature of this provider")
            return None
        return part

    def _call(self, part: ToolCall, at: str) -> ToolCall:
        if part.signature:
            self._losses.add(f"{at}/signature", "a signature of another provider")
        call = msgspec.structs.replace(part, id=self._ids.out(part.id), signature="")
        if call.arguments and arguments_value(call) == {"arguments": call.arguments}:
            self._losses.add(f"{at}/arguments", "no JSON object: sent as a text under `arguments`")
        return call
