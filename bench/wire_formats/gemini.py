"""Gemini generateContent, of the Gemini API and of Vertex AI."""

import json
from collections.abc import Mapping
from typing import Any

from aihandler.backends import Gemini, Profile
from bench.wire_formats.form import Format, profiles


def _profile(_: Mapping[str, Any]) -> Profile:
    return profiles()["gemini"]


def _total(body: Any) -> int | None:
    if isinstance(body, str):
        lines = (line[5:] for line in body.splitlines() if line.startswith("data:"))
        body = list(map(json.loads, lines))
    chunks = body if isinstance(body, list) else [body]
    usage: dict[str, Any] = chunks[-1].get("usageMetadata") or {}
    total: int | None = usage.get("totalTokenCount")
    return total


def _plain(body: Any) -> Any:
    """Without what a gateway sets itself. In replies, null and empty are as good as absent."""
    if isinstance(body, list):
        return body
    plain = {k: v for k, v in body.items() if k not in {"modelVersion", "responseId"}}
    return _filled(plain) if "contents" not in plain else plain


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(item) for item in value if item != {"text": ""}]
    if not isinstance(value, dict):
        return value
    filled = {key: _filled(inner) for key, inner in value.items()}
    return {key: inner for key, inner in filled.items() if inner not in (None, "", [], {}, 0)}


def _request() -> bytes:
    body = {
        "systemInstruction": {"parts": [{"text": "You sort tickets. Answer with one word."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "The invoice of May was paid twice. " * 30}]}
        ],
        "generationConfig": {"temperature": 0.0, "maxOutputTokens": 64},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "look_up",
                        "description": "Finds an invoice.",
                        "parametersJsonSchema": {
                            "type": "object",
                            "properties": {"number": {"type": "string"}},
                        },
                    }
                ]
            }
        ],
        "labels": {"team": "u-1"},
    }
    return json.dumps(body).encode()


FORMAT = Format(
    Gemini(),
    api="gemini.generateContent",
    profile=_profile,
    total=_total,
    plain=_plain,
    chunk=(
        b'data: {"candidates": [{"content": {"parts": [{"text": " token"}],"role": "model"},'
        b'"index": 0}],"usageMetadata": {"promptTokenCount": 15,"candidatesTokenCount": 18,'
        b'"totalTokenCount": 33,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 15}]},'
        b'"modelVersion": "gemini-2.5-flash","responseId": "6hkqaYC5BbGEz7IPwb3ggA8"}\r\n\r\n'
    ),
    stream_end=(
        b'data: {"candidates": [{"content": {"parts": [{"text": "."}],"role": "model"},'
        b'"finishReason": "STOP","index": 0}]}\r\n\r\n'
    ),
    request=_request(),
)
