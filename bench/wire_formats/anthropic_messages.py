"""Anthropic Messages."""

import json
from typing import Any

from aihandler.backends import AnthropicMessages
from bench.wire_formats.form import Format, profiles


def _messages_total(body: Any) -> int | None:
    """All that is billed at the model's price: the counts leave out compaction."""
    if isinstance(body, str):
        usage: dict[str, Any] = {}
        for line in body.splitlines():
            if line.startswith("data:"):
                event = json.loads(line[5:])
                usage |= event.get("usage") or event.get("message", {}).get("usage") or {}
    else:
        usage = body.get("usage") or {}
    spent = [usage, *(i for i in usage.get("iterations") or () if i["type"] == "compaction")]
    keys = ("input_tokens", "output_tokens", "cache_read_input_tokens")
    return sum(c.get(k) or 0 for c in spent for k in (*keys, "cache_creation_input_tokens"))


def _messages_plain(body: Any) -> Any:
    """Without the model. In replies, null and zero counts are as good as absent."""
    plain = {k: v for k, v in body.items() if k not in {"model", "stream"}}
    return _counted(plain) if "content" in plain else plain


def _counted(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _counted(held) for key, held in value.items()}
    return {key: held for key, held in inner.items() if held not in (None, 0, {})}


def _messages_request() -> bytes:
    body = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 64,
        "system": "You sort tickets. Answer with one word.",
        "messages": [{"role": "user", "content": "The invoice of May was paid twice. " * 30}],
        "temperature": 0.0,
        "stream": True,
        "tools": [
            {
                "name": "look_up",
                "description": "Finds an invoice.",
                "input_schema": {"type": "object", "properties": {"number": {"type": "string"}}},
            }
        ],
        "metadata": {"user_id": "u-1"},
    }
    return json.dumps(body).encode()


FORMAT = Format(
    AnthropicMessages(),
    api="anthropic.messages",
    profile=lambda _: profiles()["anthropic"],
    total=_messages_total,
    plain=_messages_plain,
    chunk=(
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":" token"}}\n\n'
    ),
    stream_end=(
        b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
        b'"usage":{"output_tokens":200}}\n\ndata: {"type":"message_stop"}\n\n'
    ),
    request=_messages_request(),
)
