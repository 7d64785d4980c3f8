"""All that of a call can be read, for those who look what is in it."""

import json
from collections.abc import Iterator, Sequence

import msgspec

from aihandler.domain.conversation import Message, Request
from aihandler.domain.inspection import InspectedText, Material, Speaker
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
from aihandler.engine.call import Call
from aihandler.errors import InputError


def material(call: Call) -> Material:
    """Every text that a deployment may get of this call, but for the task's own wording.

    Raises InputError for a body that names a field twice: its readers may not agree on which of
    the two counts, and only one of them would have been looked at.
    """
    asked = call.asked
    if asked is not None and asked.raw:
        _refuse_twice(asked.raw)
    texts: list[InspectedText] = []
    unread: list[str] = []
    for message in call.messages:
        _read(message.role, message.parts, texts, unread)
        _add(texts, "settings", _strings(message.extra))
    for said in (asked, call.beside):
        if said is not None:
            _add(texts, "settings", _strings(_settings(said)))
    # What a program gave beside messages, or what a gateway made of them for models of here.
    texts += [
        InspectedText("field", text, name)
        for name, text in call.fields.items()
        if text and not _is_said(text, call.messages)
    ]
    return Material(call.task.name, call.labels, tuple(texts), tuple(unread))


def _read(
    speaker: Speaker, parts: Sequence[Part], texts: list[InspectedText], unread: list[str]
) -> None:
    for part in parts:
        match part:
            case Text(text) | Refusal(text):
                _add(texts, speaker, (text,))
            case Thinking():
                _add(texts, speaker, (part.text,))
                if part.sealed:
                    unread.append("sealed")
            case ToolCall():
                _add(texts, speaker, (part.arguments,), part.name)
            case ToolResult():
                _read("tool", part.parts, texts, unread)
            case Media():
                _add(texts, speaker, (part.name, part.url))
                unread.append(part.kind)
            case Opaque():
                _add(texts, speaker, _strings(part.payload), part.format)
        _add(texts, "settings", _strings((getattr(part, "extra", {}), _citations(part))))


def _add(
    texts: list[InspectedText],
    speaker: Speaker,
    said: Iterator[str] | Sequence[str],
    name: str = "",
) -> None:
    text = "\n".join(piece for piece in said if piece)
    if text:
        texts.append(InspectedText(speaker, text, name))


def _citations(part: Part) -> tuple[Json, ...]:
    return part.citations if isinstance(part, Text) else ()


def _settings(asked: Request) -> Json:
    own = (asked.tools, asked.tool_choice, asked.output, asked.extra, asked.sampling.stop)
    return msgspec.to_builtins(own, str_keys=True)


def _strings(value: Json) -> Iterator[str]:
    """Names and values, however deep."""
    # A loop, because a client decides how deep it goes.
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left += [*one.values(), *one]
        elif isinstance(one, list | tuple):
            left += one


def _is_said(text: str, messages: Sequence[Message]) -> bool:
    if not messages:
        return False
    by_user = (m.text for m in messages if m.role == "user")
    return text in ("\n".join(by_user), "\n".join(m.text for m in messages))


def _refuse_twice(raw: bytes) -> None:
    try:
        json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "the body cannot be looked at before it is sent on: a field stands in it twice",
            hint="name each field of an object once",
        ) from error


def _once(pairs: list[tuple[str, Json]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found
