"""From a client's request of Converse to ours. Its path names the model, and asks for a stream."""

import re
from typing import NoReturn
from urllib.parse import unquote

import msgspec

from aihandler.backends.bedrock_converse.blocks import read_blocks
from aihandler.backends.bedrock_converse.fields import KIND, settle
from aihandler.backends.bedrock_converse.settings import read_settings
from aihandler.backends.bedrock_converse.tools import read_tools
from aihandler.backends.codec import Inbound
from aihandler.domain.conversation import Message, Request
from aihandler.domain.task import Json
from aihandler.errors import InputError

_PATH = re.compile(r".*/model/(?P<model>[^/]+)/(?P<verb>converse(?:-stream)?)")
_SAY_LITTLE = (
    "system",
    "inferenceConfig",
    "toolConfig",
    "outputConfig",
    "additionalModelRequestFields",
)


def asked_in_path(path: str) -> tuple[str, bool]:
    """The model that a client's path names ("" for none), and whether it wants a stream."""
    found = _PATH.fullmatch(path.partition("?")[0])
    if found is None:
        return "", False
    return unquote(found["model"]), found["verb"] == "converse-stream"


def read_request(body: bytes) -> Inbound:
    """Raises InputError."""
    rest = _object(body)
    messages = _messages(rest)
    told = read_settings(rest)
    tools, choice = read_tools(rest)
    request = Request(
        task="",
        messages=messages,
        output=told.output,
        sampling=told.sampling,
        tools=tools,
        tool_choice=choice,
        thinking=told.thinking,
        origin=KIND,
        extra=settle(rest, *_SAY_LITTLE),
    )
    return Inbound(request, "", usage_in_stream=True)


def _object(body: bytes) -> dict[str, Json]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(
            "the body is not JSON (at /)", hint="send a JSON object, encoded as UTF-8"
        ) from None
    if not isinstance(value, dict):
        _wrong("/", "must be a JSON object")
    return value


def _messages(rest: dict[str, Json]) -> tuple[Message, ...]:
    found: list[Message] = []
    system = rest.get("system")
    if isinstance(system, list) and system:
        del rest["system"]
        found.append(Message("system", read_blocks(system)))
    messages = rest.pop("messages", None)
    if not isinstance(messages, list) or not messages:
        _wrong("/messages", "must be a list of at least one message")
    found += [_message(wire, f"/messages/{place}") for place, wire in enumerate(messages)]
    return tuple(found)


def _message(wire: Json, pointer: str) -> Message:
    if not isinstance(wire, dict):
        _wrong(pointer, "must be an object")
    extra = dict(wire)
    role, content = extra.pop("role", None), extra.pop("content", None)
    if role not in ("user", "assistant"):
        _wrong(f"{pointer}/role", "must be 'user' or 'assistant'")
    if not isinstance(content, list):
        _wrong(f"{pointer}/content", "must be a list of blocks")
    return Message(role, read_blocks(content), extra)


def _wrong(pointer: str, what: str) -> NoReturn:
    raise InputError(f"the request {what} (at {pointer})", hint="send it as Converse has it")
