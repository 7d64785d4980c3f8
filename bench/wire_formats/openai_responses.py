"""OpenAI Responses."""

import json
from collections.abc import Mapping
from typing import Any

from aihandler.backends import Profile
from aihandler.backends.openai_responses import OpenAIResponses
from bench.wire_formats.form import Format, profiles

_OUTSIDE = {"id", "model", "created_at", "stream", "output_text"}


def _profile(_: Mapping[str, Any]) -> Profile:
    return profiles()["openai-responses-reasoning"]


def _total(body: Any) -> int | None:
    if isinstance(body, str):
        last: Any = None
        for line in body.splitlines():
            if line.startswith("data:") and line[5:].strip() != "[DONE]":
                last = (json.loads(line[5:]).get("response") or {}).get("usage") or last
        usage = last
    else:
        usage = body.get("usage") or {}
    return (usage or {}).get("total_tokens")


def _plain(body: Any) -> Any:
    """Without what a gateway sets itself. In replies, null and empty are as good as absent."""
    plain = {key: value for key, value in body.items() if key not in _OUTSIDE}
    return _filled(plain) if "output" in plain or "object" in plain else plain


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {key: _filled(inner) for key, inner in value.items()}
    return {key: inner for key, inner in filled.items() if inner not in (None, "", [], {}, 0)}


def _request() -> bytes:
    body = {
        "model": "gpt-5-mini",
        "instructions": "You sort tickets. Answer with one word.",
        "input": [{"role": "user", "content": "The invoice of May was paid twice. " * 30}],
        "max_output_tokens": 64,
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low"},
        "tools": [
            {
                "type": "function",
                "name": "look_up",
                "description": "Finds an invoice.",
                "strict": False,
                "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
            }
        ],
    }
    return json.dumps(body).encode()


FORMAT = Format(
    OpenAIResponses(),
    api="openai.responses",
    profile=_profile,
    total=_total,
    plain=_plain,
    chunk=(
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
        b'"sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,'
        b'"delta":" token","logprobs":[],"obfuscation":"x7Gh2kQ"}\n\n'
    ),
    stream_end=(
        b'data: {"type":"response.completed","response":{"id":"r","object":"response",'
        b'"status":"completed","output":[]}}\n\n'
    ),
    request=_request(),
)
