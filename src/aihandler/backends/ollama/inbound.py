"""From a client's request of Ollama's own format to ours."""

from collections.abc import Sequence
from typing import NoReturn

import msgspec

from aihandler.backends.call_ids import made_call_id
from aihandler.backends.codec import Inbound
from aihandler.backends.ollama.fields import GENERATE, KIND, WITHOUT_CONTENT, WITHOUT_ID
from aihandler.backends.ollama.images import take_images
from aihandler.backends.ollama.settings import (
    read_logprobs,
    read_output,
    read_sampling,
    read_thinking,
)
from aihandler.backends.ollama.tools import read_call, read_tool
from aihandler.backends.wire_objects import settle, take
from aihandler.domain.conversation import Message, Request
from aihandler.domain.parts import Media, Part, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool
from aihandler.errors import InputError

_SAY_LITTLE = (
    "system",
    "template",
    "context",
    "images",
    "raw",
    "suffix",
    "tools",
    "format",
    "options",
    "think",
    "logprobs",
)


def read_request(body: bytes) -> Inbound:
    """Raises InputError."""
    rest = _object(body)
    model = take(rest, "model", str, "")
    if not model:
        _wrong("/model", "names no model")
    # Without a word this format streams.
    streamed = rest.pop("stream", None) is not False
    if "messages" in rest:
        messages = _messages(rest.pop("messages"))
    else:
        messages = _prompted(rest)
        rest[GENERATE] = True
    sampling = read_sampling(rest)
    thinking = read_thinking(rest)
    output = read_output(rest)
    logprobs = read_logprobs(rest)
    tools = _tools(rest)
    known = (*_SAY_LITTLE, "keep_alive") if rest.get("keep_alive", 0) is None else _SAY_LITTLE
    request = Request(
        task="",
        messages=messages,
        output=output,
        sampling=sampling,
        tools=tools,
        thinking=thinking,
        logprobs=logprobs,
        origin=KIND,
        extra=settle(rest, *known),
    )
    return Inbound(request, model, streamed, usage_in_stream=True)


def _object(body: bytes) -> dict[str, Json]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"the request is no JSON: {error}", hint="send a JSON object as the body"
        ) from None
    if not isinstance(value, dict):
        _wrong("", "must be a JSON object")
    return value


def _prompted(rest: dict[str, Json]) -> tuple[Message, ...]:
    """The prompt of `/api/generate` as a conversation."""
    prompt = rest.pop("prompt", None)
    if not isinstance(prompt, str):
        _wrong("/messages", "must be a list of at least one message")
    parts: tuple[Part, ...] = (*take_images(rest), *_text(prompt))
    asked = Message("user", parts)
    system = take(rest, "system", str, "")
    return (Message("system", (Text(system),)), asked) if system else (asked,)


def _messages(wires: Json) -> tuple[Message, ...]:
    if not isinstance(wires, list) or not wires:
        _wrong("/messages", "must be a list of at least one message")
    reading = _Reading()
    for place, wire in enumerate(wires):
        reading.add(wire, place)
    return tuple(reading.found)


class _Reading:
    """Messages in their order; results of tools are joined, and find their calls."""

    def __init__(self) -> None:
        self.found: list[Message] = []
        self._unanswered: list[tuple[str, str]] = []

    def add(self, wire: Json, place: int) -> None:
        """One message."""
        if not isinstance(wire, dict):
            _wrong(f"/messages/{place}", "must be an object")
        rest = dict(wire)
        role = rest.pop("role", None)
        if role == "tool":
            self._add_result(rest, place)
            return
        if role not in ("system", "user", "assistant"):
            _wrong(f"/messages/{place}/role", "must be 'system', 'user', 'assistant' or 'tool'")
        text = _content(rest, place)
        images = take_images(rest)
        if role != "assistant":
            self.found.append(Message(role, (*images, *_text(text)), _settled(rest)))
            return
        thought = take(rest, "thinking", str, "")
        calls = rest.get("tool_calls")
        parts: list[Part] = [*([Thinking(thought)] if thought else []), *_text(text), *images]
        if isinstance(calls, list) and calls:
            del rest["tool_calls"]
            parts += [read_call(c, "turn", str(place), str(n)) for n, c in enumerate(calls)]
        self._unanswered += [(p.id, p.name) for p in parts if isinstance(p, ToolCall)]
        self.found.append(Message("assistant", tuple(parts), _settled(rest)))

    def _add_result(self, rest: dict[str, Json], place: int) -> None:
        text = _content(rest, place)
        images = take_images(rest)
        name = take(rest, "tool_name", str, "")
        call_id = take(rest, "tool_call_id", str, "")
        if not call_id:
            rest[WITHOUT_ID] = True
            call_id = self._answered(name) or made_call_id("result", str(place))
        self._unanswered = [call for call in self._unanswered if call[0] != call_id]
        parts: tuple[Text | Media, ...] = (*_text(text), *images)
        result = ToolResult(call_id, parts, name=name, extra=_settled(rest))
        last = self.found[-1] if self.found else None
        if last is not None and last.role == "user" and _only_results(last.parts):
            self.found[-1] = Message("user", (*last.parts, result))
        else:
            self.found.append(Message("user", (result,)))

    def _answered(self, name: str) -> str:
        """The first call of this name that has no result yet; without a name the first of all."""
        named = [call_id for call_id, called in self._unanswered if called == name]
        return next(iter(named or [call_id for call_id, _ in self._unanswered]), "")


def _only_results(parts: Sequence[Part]) -> bool:
    return bool(parts) and all(isinstance(part, ToolResult) for part in parts)


def _content(rest: dict[str, Json], place: int) -> str:
    content = rest.get("content")
    if isinstance(content, str):
        del rest["content"]
        return content
    if content is not None:
        _wrong(f"/messages/{place}/content", "must be a text")
    rest[WITHOUT_CONTENT] = True
    return ""


def _settled(rest: dict[str, Json]) -> dict[str, Json]:
    return settle(rest, "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id")


def _text(text: str) -> tuple[Text, ...]:
    return (Text(text),) if text else ()


def _tools(rest: dict[str, Json]) -> tuple[AnyTool, ...]:
    tools = rest.get("tools")
    if not isinstance(tools, list) or not tools:
        return ()
    del rest["tools"]
    return tuple(map(read_tool, tools))


def _wrong(pointer: str, what: str) -> NoReturn:
    raise InputError(
        f"the request cannot be read: at {pointer or '/'} it {what}",
        hint="send it as Ollama's `/api/chat` has it",
    )
