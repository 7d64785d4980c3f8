"""From a chat completion request of a client to ours."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from aihandler.backends.codec import Inbound
from aihandler.backends.openai_chat.media import read_part
from aihandler.backends.openai_chat.passage import ORIGIN
from aihandler.backends.openai_chat.tools import read_call, read_choice, read_tools
from aihandler.backends.wire_objects import (
    NO_BOUND,
    require_count,
    take_bound,
    take_streamed,
    take_text,
)
from aihandler.domain.conversation import Message, Request, Sampling, ThinkingWish
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolResult
from aihandler.domain.task import Json, JsonOutput, Output, TextOutput
from aihandler.errors import InputError

_decode = msgspec.json.Decoder().decode
# What most requests say beside their messages.
_SAMPLED = frozenset(
    {"temperature", "top_p", "seed", "stop", "top_k", "frequency_penalty", "presence_penalty"}
    | {"max_tokens", "max_completion_tokens", "n_predict"}
)
_MESSAGES = "send `messages: [{role, content}, ...]`"
# The last is llama.cpp's, which heeds it before the others.
_BOUNDS = ("max_completion_tokens", "max_tokens", "n_predict")


def read_request(body: bytes) -> Inbound:
    """What is understood is taken out of the request; the rest is `extra`. Raises InputError."""
    left = _object(body)
    messages = left.pop("messages", None)
    if not isinstance(messages, list) or not messages:
        raise InputError("messages must be a list with at least one (at /messages)", hint=_MESSAGES)
    model = take_text(left, "model")
    if not model:
        raise InputError("no model is named (at /model)", hint="send `model`")
    streamed = take_streamed(left)
    left.pop("stream", None)
    usage_in_stream = "stream_options" in left and _usage_option(left)
    if left.keys() <= _SAMPLED:
        read = _read_messages(messages)
        request = Request("", read, sampling=_sampling(left), origin=ORIGIN, extra=left)
        return Inbound(request, model, streamed, usage_in_stream)
    thinking = _thinking(left)
    tools = read_tools(left.pop("tools")) if left.get("tools") else ()
    request = Request(
        "",
        _read_messages(messages),
        output=_output(left),
        sampling=_sampling(left),
        tools=tools,
        tool_choice=read_choice(left),
        thinking=thinking,
        logprobs=_logprobs(left),
        origin=ORIGIN,
        extra=left,
    )
    return Inbound(request, model, streamed, usage_in_stream)


def _object(body: bytes) -> dict[str, Json]:
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(
            "the body is not JSON (at /)", hint="send a JSON object, encoded as UTF-8"
        ) from None
    if not isinstance(value, dict):
        raise InputError("the body must be a JSON object (at /)", hint=_MESSAGES)
    return value


def _read_messages(wire: list[Json]) -> tuple[Message, ...]:
    messages: list[Message] = []
    results: list[Part] = []
    for place, item in enumerate(wire):
        if not isinstance(item, dict):
            raise InputError(f"a message must be an object (at /messages/{place})", hint=_MESSAGES)
        role = item.get("role")
        if role in ("tool", "function"):
            results.append(_result(item, place))
            continue
        if results:
            messages.append(Message("user", tuple(results)))
            results = []
        content = item.get("content")
        if role in ("user", "system") and content and isinstance(content, str):
            # Most are just this.
            del item["role"], item["content"]
            messages.append(Message(role, (Text(content),), item))
            continue
        messages.append(_message(item, role, place))
    if results:
        messages.append(Message("user", tuple(results)))
    return tuple(messages)


def _message(left: dict[str, Json], role: Json, place: int) -> Message:
    match role:
        case "user" | "system":
            del left["role"]
            return Message(role, _content(left, place), left)
        case "developer":
            return Message("system", _content(left, place), left)
        case "assistant":
            del left["role"]
            return _assistant(left, place)
    raise InputError(
        f"the role {role!r} is not known (at /messages/{place}/role)",
        hint="roles are system, developer, user, assistant and tool",
    )


def _content(left: dict[str, Json], place: int) -> tuple[Part, ...]:
    """Leaves in `content` how it was written, where a text or nothing would not say that."""
    content = left.get("content")
    if content is None or content in ("", []):
        return ()
    if isinstance(content, str):
        del left["content"]
        return (Text(content),)
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise InputError(
            f"content must be text or a list of objects (at /messages/{place}/content)",
            hint=_MESSAGES,
        )
    left["content"] = []
    return tuple(read_part(part) for part in content)


def _assistant(left: dict[str, Json], place: int) -> Message:
    parts: list[Part] = [*_thoughts(left), *_content(left, place)]
    refusal = take_text(left, "refusal")
    if refusal:
        parts.append(Refusal(refusal))
    notes = left.get("annotations")
    if notes and isinstance(notes, list):
        _cite(parts, left)
    match left.get("audio"):
        case {"id": str(file_id), **rest} if file_id and not rest:
            del left["audio"]
            parts.append(Media("audio", file_id=file_id))
    calls = left.get("tool_calls")
    if calls and isinstance(calls, list):
        del left["tool_calls"]
        parts.extend(_call(call, place) for call in calls)
    return Message("assistant", tuple(parts), left)


def _call(wire: Json, place: int) -> Part:
    call = read_call(wire)
    if isinstance(call, Opaque) and not (isinstance(wire, dict) and wire.get("type") == "custom"):
        raise InputError(
            f"a tool call has no function with a name (at /messages/{place}/tool_calls)",
            hint="send `{id, type: function, function: {name, arguments}}`",
        )
    return call


def _cite(parts: list[Part], left: dict[str, Json]) -> None:
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if isinstance(part, Text):
            parts[place] = msgspec.structs.replace(part, citations=tuple(left.pop("annotations")))
            return


def _thoughts(left: dict[str, Json]) -> list[Part]:
    details = left.get("reasoning_details")
    if details and isinstance(details, list) and all(isinstance(d, dict) for d in details):
        del left["reasoning_details"]
        return [thought_of(detail) for detail in details]
    for field in ("reasoning_content", "reasoning"):
        text = take_text(left, field)
        if text:
            return [Thinking(text, extra={"field": field})]
    return []


def thought_of(detail: dict[str, Json]) -> Thinking:
    """One of OpenRouter's `reasoning_details`."""
    left = dict(detail)
    key = "summary" if left.get("type") == "reasoning.summary" else "text"
    text = left.pop(key) if isinstance(left.get(key), str) else ""
    signature, sealed = take_text(left, "signature"), take_text(left, "data")
    return Thinking(text, signature, sealed, extra={"field": "reasoning_details", **left})


def _result(left: dict[str, Json], place: int) -> ToolResult:
    if left["role"] == "tool":
        del left["role"]
    call_id = take_text(left, "tool_call_id")
    if not call_id and left.get("role") != "function":
        raise InputError(
            f"a tool's result names no call (at /messages/{place}/tool_call_id)",
            hint="send the `id` of the call that it answers",
        )
    parts = [part for part in _content(left, place) if isinstance(part, Text | Media | Opaque)]
    return ToolResult(call_id, tuple(parts), take_text(left, "name"), extra=left)


def _sampling(left: dict[str, Json]) -> Sampling:
    # Each that is looked for costs as much as one that is there.
    said = left.keys() & _SAMPLED
    values: dict[str, Any] = {key: _READ[key](left, key) for key in said & _READ.keys()}
    limit = take_bound(left, *_BOUNDS, none=NO_BOUND) if not said.isdisjoint(_BOUNDS) else None
    if "n" in left:
        require_count(left, "n")
    return Sampling(**values, max_output_tokens=limit)


def _number(left: dict[str, Json], key: str) -> float | None:
    value = left.get(key)
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    del left[key]
    return value


def _whole(left: dict[str, Json], key: str) -> int | None:
    value = left.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        del left[key]
        return value
    return None


def _stop(left: dict[str, Json], key: str) -> tuple[str, ...]:
    stop = left.get(key)
    if isinstance(stop, str) and stop:
        left[key] = ""
        return (stop,)
    if stop and isinstance(stop, list) and all(isinstance(word, str) for word in stop):
        del left[key]
        return tuple(stop)
    return ()


_READ: Mapping[str, Callable[[dict[str, Json], str], Any]] = {
    "temperature": _number,
    "top_p": _number,
    "seed": _whole,
    "stop": _stop,
    "top_k": _whole,
    "frequency_penalty": _number,
    "presence_penalty": _number,
}


def _usage_option(left: dict[str, Json]) -> bool:
    options = left.get("stream_options")
    if not isinstance(options, dict):
        return False
    wanted = options.pop("include_usage", None) is True
    if not options:
        del left["stream_options"]
    return wanted


def _logprobs(left: dict[str, Json]) -> int | None:
    if left.get("logprobs") is not True:
        return None
    del left["logprobs"]
    return (_whole(left, "top_logprobs") or 0) if left.get("top_logprobs") else 0


def _thinking(left: dict[str, Json]) -> ThinkingWish | None:
    effort = take_text(left, "reasoning_effort")
    if effort:
        left["reasoning_effort"] = ""
        return ThinkingWish(effort != "none", effort=effort)
    match left.get("reasoning"):
        case dict(wish) if wish and wish.keys() <= {"effort", "enabled", "max_tokens"}:
            return _wish(wish, left)
    match left.get("thinking"):
        case {"type": "enabled" | "disabled" as state, **rest}:
            left["thinking"] = rest
            return ThinkingWish(state == "enabled")
    return None


def _wish(wish: dict[str, Json], left: dict[str, Json]) -> ThinkingWish | None:
    enabled, effort = wish.get("enabled", True), wish.get("effort", "")
    bound = wish.get("max_tokens")
    if not (isinstance(enabled, bool) and isinstance(effort, str)):
        return None
    if not isinstance(bound, int | None):
        return None
    left["reasoning"] = {"enabled": enabled} if "enabled" in wish else {}
    return ThinkingWish(enabled, bound, effort)


def _output(left: dict[str, Json]) -> Output:
    match left.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict(schema), **rest}}:
            left["response_format"] = {"type": "json_schema", "json_schema": rest}
            return JsonOutput(schema)
        case {"type": "json_object", **rest} if not rest:
            return JsonOutput({"type": "object"})
    return TextOutput()
