"""From a client's request of Anthropic Messages to ours."""

import re
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from aihandler.backends.anthropic_messages.blocks import read_content
from aihandler.backends.anthropic_messages.encode import BETA, PLACED, VERSION
from aihandler.backends.anthropic_messages.fields import KIND
from aihandler.backends.anthropic_messages.settings import (
    read_output,
    read_sampling,
    read_thinking,
)
from aihandler.backends.anthropic_messages.tools import read_choice, read_tool
from aihandler.backends.codec import Inbound
from aihandler.backends.wire_objects import settle, take, take_streamed
from aihandler.domain.conversation import Message, Request
from aihandler.domain.task import Json
from aihandler.domain.tools import AnyTool, ToolChoice
from aihandler.errors import InputError

_BETA = re.compile(r"[A-Za-z0-9_,. -]{1,1000}")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d")
_SAY_LITTLE = (
    "system",
    "tools",
    "tool_choice",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "thinking",
    "output_config",
)


def read_request(body: bytes, headers: Mapping[str, str], *, count_only: bool = False) -> Inbound:
    """Raises InputError. A request that only counts tokens needs no bound of the answer."""
    rest = _object(body)
    model = take(rest, "model", str, "")
    if not model:
        _wrong("/model", "names no model")
    messages = _messages(rest)
    if not count_only:
        rest["max_tokens"] = _bound(rest.get("max_tokens"))
    streamed = take_streamed(rest)
    sampling = read_sampling(rest)
    thinking = read_thinking(rest)
    output = read_output(rest)
    tools = _tools(rest)
    choice = _choice(rest)
    beta = headers.get("anthropic-beta", "")
    extra = settle(rest, *_SAY_LITTLE)
    if _BETA.fullmatch(beta):
        extra[BETA] = beta
    version = headers.get("anthropic-version", "")
    if _VERSION.fullmatch(version):
        extra[VERSION] = version
    request = Request(
        task="",
        messages=messages,
        output=output,
        sampling=sampling,
        tools=tools,
        tool_choice=choice,
        thinking=thinking,
        origin=KIND,
        extra=extra,
    )
    return Inbound(request, model, streamed, usage_in_stream=True)


def _object(body: bytes) -> dict[str, Json]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"the request is no JSON: {error}", hint="send a JSON object as the body"
        ) from None
    if not isinstance(value, dict):
        _wrong("", "must be a JSON object")
    return value


def _bound(said: Json) -> int:
    # In JSON 5.0 is a whole number too.
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    if not isinstance(said, int) or isinstance(said, bool) or said < 1:
        _wrong("/max_tokens", "must be a whole number of at least 1")
    return said


def _messages(rest: dict[str, Json]) -> tuple[Message, ...]:
    found: list[Message] = []
    system = rest.get("system")
    if system is not None and not _is_content(system):
        _wrong("/system", "must be a text or a list of blocks")
    if system:
        del rest["system"]
        extra: dict[str, Json] = {}
        found.append(Message("system", read_content(system, extra), extra))
    messages = rest.pop("messages", None)
    if not isinstance(messages, list) or not messages:
        _wrong("/messages", "must be a list of at least one message")
    found += [_message(wire, place) for place, wire in enumerate(messages)]
    return tuple(found)


def _message(wire: Json, place: int) -> Message:
    if not isinstance(wire, dict):
        _wrong(f"/messages/{place}", "must be an object")
    extra = dict(wire)
    role, content = extra.pop("role", None), extra.pop("content", None)
    if role not in ("user", "assistant", "system"):
        _wrong(f"/messages/{place}/role", "must be 'user' or 'assistant'")
    if not _is_content(content):
        _wrong(f"/messages/{place}/content", "must be a text or a list of blocks")
    if role == "system":
        extra[PLACED] = True
    return Message(role, read_content(content, extra), extra)


def _is_content(said: Json) -> bool:
    if isinstance(said, list):
        return all(isinstance(block, dict) for block in said)
    return isinstance(said, str)


def _tools(rest: dict[str, Json]) -> tuple[AnyTool, ...]:
    tools = rest.get("tools")
    if not isinstance(tools, list) or not tools:
        return ()
    del rest["tools"]
    return tuple(map(read_tool, tools))


def _choice(rest: dict[str, Json]) -> ToolChoice | None:
    choice = read_choice(rest.get("tool_choice"))
    if choice is not None:
        del rest["tool_choice"]
    return choice


def _wrong(pointer: str, what: str) -> NoReturn:
    where = f"at {pointer}" if pointer else "the body"
    raise InputError(
        f"the request cannot be read: {where} {what}", hint="send it as Anthropic Messages has it"
    )
