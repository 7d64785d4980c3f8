"""From a client's request of generateContent to ours. The model stands in the path, not here."""

from typing import NoReturn

import msgspec

from aihandler.backends.codec import Inbound
from aihandler.backends.gemini.calls import CallPairs
from aihandler.backends.gemini.encode import MODEL, NONE, NULL, ONE
from aihandler.backends.gemini.fields import FORM, KIND, ROLE, settle, take_text, usual
from aihandler.backends.gemini.parts import read_parts
from aihandler.backends.gemini.settings import CONFIG, read_settings
from aihandler.backends.gemini.tools import read_choice, read_tools
from aihandler.domain.conversation import Message, Request, Role
from aihandler.domain.parts import Part
from aihandler.domain.task import Json
from aihandler.errors import InputError

_decode = msgspec.json.Decoder().decode
# `function` is what a user's turn with results was called once.
_ROLES: dict[str, Role] = {"user": "user", "model": "assistant", "function": "user"}
_USUAL = {"user": "user", "assistant": "model"}
_SAY_LITTLE = (CONFIG, "systemInstruction", "toolConfig", "tools", "safetySettings")


def read_request(body: bytes) -> Inbound:
    """What is understood is taken out of the request; the rest is `extra`. Raises InputError."""
    try:
        return _read(body)
    except RecursionError:
        _wrong("", "is nested too deeply")


def _read(body: bytes) -> Inbound:
    rest = usual(_object(body))
    model = take_text(rest, "model")
    messages = _messages(rest)
    told = read_settings(rest)
    request = Request(
        task="",
        messages=messages,
        output=told.output,
        sampling=told.sampling,
        tools=read_tools(rest),
        tool_choice=read_choice(rest),
        thinking=told.thinking,
        logprobs=told.logprobs,
        origin=KIND,
        extra=settle(rest, *_SAY_LITTLE),
    )
    if model:
        rest[MODEL] = model
    return Inbound(request, model.removeprefix("models/"), usage_in_stream=True)


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
    found: list[Message] = []
    pairs = CallPairs()
    system = rest.get("systemInstruction")
    if isinstance(system, dict) and system:
        del rest["systemInstruction"]
        extra: dict[str, Json] = {}
        parts = _parts(system, extra, pairs, pointer="/systemInstruction")
        if "role" in system:
            extra[ROLE] = [system["role"]]
        found.append(Message("system", parts, _beside(system, extra)))
    contents = rest.pop("contents", None)
    if not isinstance(contents, list) or not contents:
        _wrong("/contents", "must be a list of at least one content")
    for place, content in enumerate(contents):
        found.append(_usual_message(content, pairs) or _message(content, pairs, place=place))
    return tuple(found)


def _usual_message(content: Json, pairs: CallPairs) -> Message | None:
    """A content that is written as nearly all are."""
    if not isinstance(content, dict) or len(content) != 2:
        return None
    given, parts = content.get("role"), content.get("parts")
    if not isinstance(parts, list) or (given != "user" and given != "model"):  # noqa: PLR1714 - it may be no text
        return None
    return Message("user" if given == "user" else "assistant", read_parts(parts, pairs))


def _message(content: Json, pairs: CallPairs, *, place: int) -> Message:
    pointer = f"/contents/{place}"
    if not isinstance(content, dict):
        _wrong(pointer, "must be an object")
    given = content.get("role") or "user"
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        _wrong(f"{pointer}/role", "must be 'user' or 'model'")
    extra: dict[str, Json] = {}
    parts = _parts(content, extra, pairs, pointer=pointer)
    if content.get("role") != _USUAL[role]:
        extra[ROLE] = [content["role"]] if "role" in content else []
    return Message(role, parts, _beside(content, extra))


def _parts(
    content: dict[str, Json], extra: dict[str, Json], pairs: CallPairs, *, pointer: str
) -> tuple[Part, ...]:
    listed = content.get("parts")
    if listed is None:
        extra[FORM] = NULL if "parts" in content else NONE
        return ()
    if isinstance(listed, dict):
        extra[FORM] = ONE
        listed = [listed]
    if not isinstance(listed, list):
        _wrong(f"{pointer}/parts", "must be a list of parts")
    return read_parts(listed, pairs)


def _beside(content: dict[str, Json], extra: dict[str, Json]) -> dict[str, Json]:
    if len(content) > ("role" in content) + ("parts" in content):
        extra.update(usual({k: v for k, v in content.items() if k not in {"role", "parts"}}))
    return extra


def _wrong(pointer: str, what: str) -> NoReturn:
    where = f"at {pointer}" if pointer else "the body"
    raise InputError(
        f"the request cannot be read: {where} {what}", hint="send it as generateContent has it"
    )
