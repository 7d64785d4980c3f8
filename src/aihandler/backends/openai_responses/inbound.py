"""From a client's request of OpenAI Responses to ours."""

from typing import NoReturn

import msgspec

from aihandler.backends.codec import Inbound
from aihandler.backends.openai_responses.content import read_content
from aihandler.backends.openai_responses.encode import PLAIN_INPUT
from aihandler.backends.openai_responses.fields import (
    INSTRUCTIONS,
    ITEM,
    ITEMS,
    KIND,
    ROLE,
    header_of,
    without_header,
)
from aihandler.backends.openai_responses.items import read_item, read_result
from aihandler.backends.openai_responses.settings import (
    read_logprobs,
    read_output,
    read_sampling,
    read_thinking,
)
from aihandler.backends.openai_responses.tools import read_choice, read_tool
from aihandler.backends.wire_objects import settle, take, take_streamed
from aihandler.domain.conversation import Message, Request, Role
from aihandler.domain.parts import Opaque, Part, Text
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool
from aihandler.errors import InputError

_decode = msgspec.json.Decoder().decode
_ROLES: dict[str, Role] = {"user": "user", "system": "system", "developer": "system"}
_SAY_LITTLE = (
    "background",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "parallel_tool_calls",
    "previous_response_id",
    "reasoning",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
)
# An input may be left out where the provider has it, or where a stored prompt brings one.
_BRINGS_INPUT = ("previous_response_id", "conversation", "prompt")


def read_request(body: bytes) -> Inbound:
    """What is understood is taken out of the request; the rest is `extra`. Raises InputError."""
    rest = _object(body)
    model = take(rest, "model", str, "")
    if not model:
        _wrong("/model", "names no model")
    messages = _messages(rest)
    streamed = take_streamed(rest)
    request = Request(
        task="",
        messages=messages,
        output=read_output(rest),
        sampling=read_sampling(rest),
        tools=_tools(rest),
        tool_choice=read_choice(rest),
        thinking=read_thinking(rest),
        logprobs=read_logprobs(rest),
        origin=KIND,
        extra=rest,
    )
    settle(rest, *_SAY_LITTLE)
    return Inbound(request, model, streamed, usage_in_stream=True)


def _object(body: bytes) -> dict[str, Json]:
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"the request is no JSON: {error}", hint="send a JSON object as the body"
        ) from None
    if not isinstance(value, dict):
        _wrong("", "must be a JSON object")
    return value


def _messages(rest: dict[str, Json]) -> tuple[Message, ...]:
    reading = _Reading()
    instructions = take(rest, "instructions", str, "")
    if instructions:
        reading.found.append(Message("system", (Text(instructions),), {INSTRUCTIONS: True}))
    given = rest.pop("input", None)
    if isinstance(given, str):
        rest[PLAIN_INPUT] = True
        reading.take({"role": "user", "content": given}, "/input")
    elif isinstance(given, list) and (given or any(rest.get(key) for key in _BRINGS_INPUT)):
        for place, item in enumerate(given):
            reading.take(item, f"/input/{place}")
    elif given is not None or not any(rest.get(key) for key in _BRINGS_INPUT):
        _wrong("/input", "must be a text or a list of items")
    else:
        rest[PLAIN_INPUT] = False
    reading.close()
    return tuple(reading.found)


class _Reading:
    """Items of the model that follow each other are one turn, and so are results of tools."""

    def __init__(self) -> None:
        self.found: list[Message] = []
        self._role: Role = "user"
        self._parts: list[Part] = []

    def take(self, item: Json, pointer: str) -> None:
        """One more item."""
        if not isinstance(item, dict):
            _wrong(pointer, "must be an object")
        kind = item.get("type", "message")
        if not isinstance(kind, str) or not kind:
            _wrong(f"{pointer}/type", "must name a kind of item")
        # Without kind and role it is a reference to an item.
        if kind == "message" and item.get("role") != "assistant" and item.keys() != {"id"}:
            self.close()
            self.found.append(_message(item, pointer))
            return
        if kind == "message" and item.keys() != {"id"}:
            _require_content(item, pointer)
        role: Role = "user" if _is_told_to_model(item, kind) else "assistant"
        if role != self._role:
            self.close()
        self._role = role
        if kind == "function_call_output":
            self._parts.append(read_result(item) or Opaque(KIND, item))
        else:
            self._parts.extend(read_item(item))

    def close(self) -> None:
        """Ends the turn."""
        if self._parts:
            extra = {ITEMS: True} if self._role == "user" else {}
            self.found.append(Message(self._role, tuple(self._parts), extra))
            self._parts = []


def _is_told_to_model(item: dict[str, Json], kind: str) -> bool:
    if item.get("execution") == "server":
        return False
    # `additional_tools` and the like have a role and are no messages.
    return kind.endswith(("_output", "_response")) or item.get("role") in tuple(_ROLES)


def _message(item: dict[str, Json], pointer: str) -> Message:
    given = item.get("role")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        _wrong(f"{pointer}/role", "must be 'user', 'assistant', 'system' or 'developer'")
    content = _require_content(item, pointer)
    extra = without_header(item, "role", "content")
    header = header_of(item)
    if header:
        extra[ITEM] = header
    if given != role:
        extra[ROLE] = given
    return Message(role, read_content(content, extra), extra)


def _require_content(item: dict[str, Json], pointer: str) -> str | list[Json]:
    content = item.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(piece, dict) for piece in content):
        _wrong(f"{pointer}/content", "must be a text or a list of objects")
    return content


def _tools(rest: dict[str, Json]) -> tuple[AnyTool, ...]:
    tools = rest.get("tools")
    if not isinstance(tools, list) or not tools:
        return ()
    del rest["tools"]
    return tuple(map(read_tool, tools))


def _wrong(pointer: str, what: str) -> NoReturn:
    where = f"at {pointer}" if pointer else "the body"
    raise InputError(
        f"the request cannot be read: {where} {what}", hint="send it as OpenAI Responses has it"
    )
