"""Bedrock's Converse."""

import json
from collections.abc import Mapping
from typing import Any

from aihandler.backends.bedrock_converse import BedrockConverse
from aihandler.backends.bedrock_converse.event_stream import (
    CONTENT_TYPE,
    FrameParser,
    write_frame,
)
from bench.wire_formats.form import Format, profiles


def _total(body: Any) -> int | None:
    if isinstance(body, bytes):
        for frame in FrameParser().feed(body):
            if frame.headers.get(":event-type") == "metadata":
                body = json.loads(frame.payload)
    usage = body.get("usage") if isinstance(body, Mapping) else None
    return usage.get("totalTokens") if isinstance(usage, Mapping) else None


def _request() -> bytes:
    schema = {"type": "object", "properties": {"number": {"type": "string"}}}
    tool = {
        "name": "look_up",
        "description": "Finds an invoice.",
        "inputSchema": {"json": schema},
    }
    body = {
        "system": [{"text": "You sort tickets. Answer with one word."}],
        "messages": [
            {"role": "user", "content": [{"text": "The invoice of May was paid twice. " * 30}]}
        ],
        "inferenceConfig": {"temperature": 0.0, "maxTokens": 64},
        "toolConfig": {"tools": [{"toolSpec": tool}]},
    }
    return json.dumps(body).encode()


def _event(kind: str, told: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write_frame(headers, json.dumps(told).encode())


FORMAT = Format(
    BedrockConverse(),
    api="bedrock.converse",
    profile=lambda _: profiles()["bedrock-claude-structured"],
    total=_total,
    plain=lambda body: body,
    # One was recorded as a text that ends too early.
    refuses=lambda body: isinstance(body, str),
    chunk=_event(
        "contentBlockDelta",
        {"contentBlockIndex": 0, "delta": {"text": " token"}, "p": "abcdefghijklmnop"},
    ),
    stream_end=_event("messageStop", {"stopReason": "end_turn"})
    + _event("metadata", {"usage": {"inputTokens": 3, "outputTokens": 200, "totalTokens": 203}}),
    request=_request(),
    stream_kind=CONTENT_TYPE,
)
