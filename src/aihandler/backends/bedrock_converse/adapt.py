"""Fits a conversation that comes from elsewhere to the rules of Converse."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from aihandler.backends.bedrock_converse.blocks import arguments_value
from aihandler.backends.bedrock_converse.fields import KIND
from aihandler.backends.bedrock_converse.media import format_of, is_own_file
from aihandler.backends.call_ids import CallIds
from aihandler.backends.profiles import Profile
from aihandler.backends.signed import goes_back
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Message, Request, Role
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

# All that the name of a document may hold, without two spaces in a row.
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9()\[\]\- ]+|\s{2,}")
_MAX_NAME = 200


def fit(request: Request, profile: Profile, losses: Losses) -> list[Message]:
    """At most one system message, then turns: results of parallel calls in one, and first in it."""
    fitting = _Fitting(request, profile, losses)
    system: list[Part] = []
    turns: list[tuple[Role, list[Part]]] = []
    for place, message in enumerate(request.messages):
        pointer = f"/messages/{place}"
        losses.add_fields(pointer, message.extra)
        parts = list(fitting.parts(message, pointer))
        if message.role == "system" and not turns:
            system += parts
            continue
        if message.role == "system" and parts:
            losses.add(f"{pointer}/role", "a system message within a conversation goes as a user's")
        role: Role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        elif parts:
            turns.append((role, parts))
    if not turns:
        # A request needs a turn; instructions alone are one.
        turns, system = [("user", system)], []
    if turns[0][0] == "assistant":
        losses.add("/messages", "a user's turn was put first: a conversation begins with one")
        turns.insert(0, ("user", [Text("(go on)")]))
    head = [Message("system", tuple(system))] if system else []
    return [*head, *(_turn(role, parts) for role, parts in turns)]


def _turn(role: Role, parts: Sequence[Part]) -> Message:
    if role == "assistant":
        return Message(role, tuple(parts))
    results = [part for part in parts if isinstance(part, ToolResult)]
    others = [part for part in parts if not isinstance(part, ToolResult)]
    documents = any(isinstance(part, Media) and part.kind == "document" for part in others)
    if documents and not any(isinstance(part, Text) for part in others):
        # A document without a word beside it is refused.
        others.append(Text("See the document."))
    return Message(role, (*results, *others))


class _Fitting:
    def __init__(self, request: Request, profile: Profile, losses: Losses) -> None:
        self._foreign = bool(request.origin)
        self._profile = profile
        self._losses = losses
        self._ids = CallIds.of(request, profile.call_ids)
        self._names: set[str] = set()

    def parts(self, message: Message, pointer: str) -> Iterator[Part]:
        """The parts of a message that this format can hold."""
        for place, part in enumerate(message.parts):
            at = f"{pointer}/parts/{place}"
            fitted = self._part(part, at)
            if isinstance(fitted, Media) and message.role != "user":
                self._losses.add(at, f"{fitted.kind} in a turn of the {message.role}")
            elif fitted is not None:
                yield self._marked(fitted, at)

    def _part(self, part: Part, at: str) -> Part | None:
        if not isinstance(part, Opaque):
            self._losses.add_fields(at, part.extra)
        match part:
            case Text():
                return self._text(part, at)
            case Refusal():
                return Text(part.text) if part.text.strip() else None
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
        # Blocks without a visible character are refused.
        if part.text.strip():
            return Text(part.text, cache=part.cache)
        self._losses.add(at, "a text of nothing but white space")
        return None

    def _media(self, part: Media, at: str) -> Media | None:
        if part.kind not in self._profile.media:
            self._losses.add(at, f"{part.kind}, which this model does not take")
            return None
        if not part.data and not is_own_file(part.file_id or part.url):
            self._losses.add(at, f"{part.kind} whose bytes are elsewhere")
            return None
        if format_of(part) is None:
            self._losses.add(at, f"{part.media_type}, for which this format has no word")
            return None
        if part.kind != "document":
            if part.name:
                self._losses.add(f"{at}/name", "this format has names for documents only")
            return msgspec.structs.replace(part, name="", extra={})
        return msgspec.structs.replace(part, name=self._name(part.name, at), extra={})

    def _name(self, name: str, at: str) -> str:
        """Every document has a name, and no two the same."""
        ending = name.rpartition(".")[0] or name
        fitted = base = _NOT_IN_NAMES.sub(" ", ending).strip()[:_MAX_NAME] or "document"
        count = 1
        while fitted in self._names:
            count += 1
            fitted = f"{base} {count}"
        self._names.add(fitted)
        if name and fitted != name:
            self._losses.add(f"{at}/name", f"sent as {fitted!r}: names are letters and digits here")
        return fitted

    def _thinking(self, part: Thinking, at: str) -> Thinking | None:
        # What another provider signed or sealed would be refused, and so would what nobody signed.
        if not goes_back(part, KIND, foreign=self._foreign):
            self._losses.add(at, "thinking without a signature of this provider")
            return None
        return part

    def _call(self, part: ToolCall, at: str) -> ToolCall:
        if part.signature:
            self._losses.add(f"{at}/signature", "a signature of another provider")
        call = msgspec.structs.replace(
            part, id=self._ids.out(part.id), arguments=part.arguments or "{}", signature=""
        )
        if arguments_value(call) == {"arguments": call.arguments}:
            self._losses.add(f"{at}/arguments", "no JSON object: sent as a text under `arguments`")
        return call

    def _result(self, part: ToolResult, at: str) -> ToolResult:
        inner = (self._part(p, f"{at}/parts/{n}") for n, p in enumerate(part.parts))
        kept = [p for p in inner if isinstance(p, Text | Media | Opaque)]
        if not self._profile.tool_result_media:
            for place, told in enumerate(kept):
                if isinstance(told, Media):
                    self._losses.add(f"{at}/parts/{place}", f"{told.kind} in a tool's result")
            kept = [p for p in kept if not isinstance(p, Media)]
        # A result needs a content, and a tool may have nothing to say.
        parts = tuple(kept) or (Text("(nothing)"),)
        call_id = self._ids.out(part.call_id)
        return ToolResult(call_id, parts, failed=part.failed, cache=part.cache)

    def _marked(self, part: Part, at: str) -> Part:
        if isinstance(part, (Thinking, Refusal, Opaque)) or part.cache is None:
            return part
        if self._profile.cache_marks:
            return part
        self._losses.add(f"{at}/cache", "the profile says that cache points are not taken")
        return msgspec.structs.replace(part, cache=None)
