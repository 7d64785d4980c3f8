"""OpenAI chat completions."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends import OpenAIChat, Profile
from bench.wire_formats.form import Format, profiles


def _chat_profile(sent: Mapping[str, Any]) -> Profile:
    rows = profiles()
    row = rows["vllm" if sent.get("max_tokens") is not None else "openai"]
    # The recordings hold ids of other providers, which are to come back as they were.
    return msgspec.structs.replace(row, call_ids="any")


def _chat_total(body: Any) -> int | None:
    if not isinstance(body, str):
        return (body.get("usage") or {}).get("total_tokens")
    last = None
    for line in body.splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            chunk = json.loads(line[5:])
            usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
            last = (usage or {}).get("total_tokens", last)
    return last


def _chat_plain(body: Any) -> Any:
    """Without what a gateway sets itself. In replies, null and empty are as good as absent."""
    plain = {k: v for k, v in body.items() if k not in {"model", "stream", "stream_options"}}
    return _filled(plain) if "choices" in plain else plain


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    # The place of a call is told twice.
    skipped = {"index"} if "function" in value else set()
    if "function" in value:
        value = {"type": "function", **value}
    filled = {key: _filled(inner) for key, inner in value.items() if key not in skipped}
    return {key: inner for key, inner in filled.items() if inner not in (None, "", [], {})}


def _chat_request() -> bytes:
    body = {
        "model": "gpt-5-mini",
        "messages": [
            {"role": "system", "content": "You sort tickets. Answer with one word."},
            {"role": "user", "content": "The invoice of May was paid twice. " * 30},
        ],
        "temperature": 0.0,
        "max_completion_tokens": 64,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look_up",
                    "description": "Finds an invoice.",
                    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
                },
            }
        ],
        "user": "u-1",
    }
    return json.dumps(body).encode()


FORMAT = Format(
    OpenAIChat(),
    api="openai.chat",
    profile=_chat_profile,
    total=_chat_total,
    plain=_chat_plain,
    chunk=(
        b'data: {"id":"chatcmpl-x","object":"chat.completion.chunk","created":1,"model":"m",'
        b'"system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":" token"},'
        b'"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
    ),
    stream_end=(
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    ),
    request=_chat_request(),
)
