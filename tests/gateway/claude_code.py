"""What Claude Code sends to a gateway: recorded of version 2.1.330, with words of our own."""

import json
import urllib.error
import urllib.request

SESSION = "c96d1491-f386-4541-9cdc-b0cb828cfd3e"
BETAS = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,"
    "thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,effort-2025-11-24"
)
HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.330 (external, sdk-cli)",
    "x-app": "cli",
    "x-claude-code-session-id": SESSION,
    "x-stainless-arch": "x64",
    "x-stainless-lang": "js",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "0.128.0",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "node",
    "x-stainless-runtime-version": "v26.12.1",
    "x-stainless-timeout": "600",
    "anthropic-beta": BETAS,
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    # Of `ANTHROPIC_CUSTOM_HEADERS`.
    "x-team": "search",
}
CACHED = {"cache_control": {"type": "ephemeral"}}
READ = {
    "name": "Read",
    "description": "Reads a file.",
    "input_schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"file_path": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["file_path"],
        "additionalProperties": False,
    },
}
CALLED = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "/note.txt"}}
BEGUN = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "<system-reminder>\nA folder.\n</system-reminder>"},
            {"type": "text", "text": "What does the note say?", **CACHED},
        ],
    }
]
RESULT = {"tool_use_id": "toolu_1", "type": "tool_result", "content": "1\tplums", **CACHED}


def request(messages=BEGUN, **more):
    """One turn of a conversation."""
    return {
        "model": "claude-sonnet-4-6",
        "messages": messages,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330.7a4;"},
            {"type": "text", "text": "You look after files.", **CACHED},
            {"type": "text", "text": "Be brief.", **CACHED},
        ],
        "tools": [READ],
        "metadata": {"user_id": json.dumps({"device_id": "91df", "session_id": SESSION})},
        "max_tokens": 32000,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "stream": True,
        **more,
    }


def send(url, path="/v1/messages?beta=true", *, body=None, method=None, **headers):
    """Status, headers and body of the answer. `headers` stand over the usual ones."""
    data = None if body is None else json.dumps(body).encode()
    named = {**HEADERS, "authorization": "Bearer ahk_any"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(url + path, data=data, headers=named, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=20) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def events(body):
    """The data of a stream, event by event."""
    lines = (line for line in body.decode().splitlines() if line.startswith("data: "))
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def blocks(body):
    """The blocks of a streamed answer, put together as a client does."""
    found = []
    for event in events(body):
        if event["type"] == "content_block_start":
            found.append({**event["content_block"], "input": ""})
        elif event["type"] == "content_block_delta":
            for name, into in (("text", "text"), ("partial_json", "input"), ("thinking",) * 2):
                if name in event["delta"]:
                    found[-1][into] += event["delta"][name]
    return found
