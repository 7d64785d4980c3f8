"""From our messages to those of Ollama: one text, a list of images, calls, results on their own."""

from collections.abc import Iterator, Sequence

from aihandler.backends.ollama.fields import KIND, WITHOUT_CONTENT, WITHOUT_ID
from aihandler.backends.ollama.images import write_image
from aihandler.backends.ollama.tools import write_call
from aihandler.backends.profiles import Profile
from aihandler.backends.wire_objects import Losses, restore
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
from aihandler.domain.task import Json

_CACHE = "a mark for the provider's prompt cache"


def messages_to_wire(request: Request, profile: Profile, losses: Losses) -> list[Json]:
    """Results of tools become messages of their own, in front of the rest of their turn."""
    return list(_Writing(request, profile, losses).all())


class _Writing:
    def __init__(self, request: Request, profile: Profile, losses: Losses) -> None:
        self._messages = request.messages
        self._profile = profile
        self._losses = losses
        self._own = losses.own
        calls = (part for message in request.messages for part in message.parts)
        self._names = {call.id: call.name for call in calls if isinstance(call, ToolCall)}

    def all(self) -> Iterator[dict[str, Json]]:
        for place, message in enumerate(self._messages):
            pointer = f"/messages/{place}"
            if message.role == "assistant":
                yield self._assistant(message, pointer)
            else:
                yield from self._asking(message, pointer)

    def _asking(self, message: Message, pointer: str) -> Iterator[dict[str, Json]]:
        rest: list[tuple[str, Part]] = []
        moved: list[tuple[str, str]] = []
        results = 0
        for number, part in enumerate(message.parts):
            at = f"{pointer}/parts/{number}"
            if not isinstance(part, ToolResult):
                rest.append((at, part))
                continue
            if rest:
                self._losses.add(at, "its place behind other parts: results come first here")
            results += 1
            yield self._result(part, at, moved)
        if rest or moved or not results:
            said = self._spoken(rest)
            yield self._built(message, pointer, *_with_moved(said, moved))
        elif not self._own:
            self._losses.add_fields(pointer, message.extra)

    def _result(
        self, result: ToolResult, pointer: str, moved: list[tuple[str, str]]
    ) -> dict[str, Json]:
        inner = [(f"{pointer}/parts/{n}", part) for n, part in enumerate(result.parts)]
        text, images = self._spoken(inner)
        wire: dict[str, Json] = {"role": "tool"}
        if not (self._own and not text and WITHOUT_CONTENT in result.extra):
            wire["content"] = text
        if images and (self._own or self._profile.tool_result_media):
            wire["images"] = images
        elif images:
            self._losses.add(pointer, "the place of images in a tool's result: moved behind it")
            moved += [(result.name or self._names.get(result.call_id, ""), i) for i in images]
        name = result.name or ("" if self._own else self._names.get(result.call_id, ""))
        if name:
            wire["tool_name"] = name
        if result.call_id and not (self._own and WITHOUT_ID in result.extra):
            wire["tool_call_id"] = result.call_id
        if result.failed:
            self._losses.add(f"{pointer}/failed", "that the tool failed")
        if result.cache is not None:
            self._losses.add(f"{pointer}/cache", _CACHE)
        if self._own:
            return restore(wire, result.extra)
        self._losses.add_fields(pointer, result.extra)
        return wire

    def _assistant(self, message: Message, pointer: str) -> dict[str, Json]:
        thoughts: list[str] = []
        calls: list[Json] = []
        rest: list[tuple[str, Part]] = []
        for number, part in enumerate(message.parts):
            at = f"{pointer}/parts/{number}"
            match part:
                case Thinking():
                    thoughts += self._thought(part, at)
                case ToolCall():
                    calls.append(write_call(part, at, self._losses))
                case Opaque(format=form) if form == KIND:
                    calls.append(part.payload)
                case _:
                    if calls:
                        self._losses.add(at, "its place behind a tool call: calls come last")
                    rest.append((at, part))
        wire = self._built(message, pointer, *self._spoken(rest))
        if thoughts:
            wire["thinking"] = "".join(thoughts)
        if calls:
            wire["tool_calls"] = calls
        return wire

    def _thought(self, part: Thinking, pointer: str) -> list[str]:
        if part.signature or part.sealed:
            self._losses.add(pointer, "signed or sealed thinking, which only its provider can read")
        if not self._own:
            self._losses.add_fields(pointer, part.extra)
            if part.text and not self._profile.thinking_replay:
                self._losses.add(pointer, "thinking of an earlier turn")
                return []
        return [part.text] if part.text else []

    def _spoken(self, parts: Sequence[tuple[str, Part]]) -> tuple[str, list[str]]:
        texts: list[str] = []
        images: list[str] = []
        cut = False
        for at, part in parts:
            self._name_losses(part, at)
            match part:
                case Text() | Refusal():
                    cut = cut or bool(texts and images)
                    texts.append(part.text)
                case Media():
                    image = write_image(part, at, self._losses)
                    images += [image] if image else []
                case Thinking():
                    self._losses.add(at, "thinking in a turn that is not the model's")
                case Opaque():
                    self._losses.add(at, f"a part that only {part.format} understands")
        if cut:
            at, _, _ = parts[0][0].rpartition("/")
            self._losses.add(at, "the places of images between texts: images stand apart here")
        return "".join(texts), images

    def _name_losses(self, part: Part, pointer: str) -> None:
        if not self._own and not isinstance(part, Opaque):
            self._losses.add_fields(pointer, part.extra)
        if isinstance(part, Text):
            if part.citations:
                self._losses.add(f"{pointer}/citations", "citations of another provider")
            if part.cache is not None:
                self._losses.add(f"{pointer}/cache", _CACHE)

    def _built(
        self, message: Message, pointer: str, text: str, images: list[str]
    ) -> dict[str, Json]:
        wire: dict[str, Json] = {"role": message.role}
        if not (self._own and not text and WITHOUT_CONTENT in message.extra):
            wire["content"] = text
        if images:
            wire["images"] = images
        if self._own:
            return restore(wire, message.extra)
        self._losses.add_fields(pointer, message.extra)
        return wire


def _with_moved(
    said: tuple[str, list[str]], moved: Sequence[tuple[str, str]]
) -> tuple[str, list[str]]:
    """Images of results stand in the next message, which says where they come from."""
    if not moved:
        return said
    names = ", ".join(dict.fromkeys(name for name, _ in moved if name))
    label = f"[images from the result of {names or 'a tool'}]"
    text, images = said
    return f"{label}\n{text}" if text else label, [*(image for _, image in moved), *images]
