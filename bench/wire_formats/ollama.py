"""Ollama's own format."""

import json
from collections.abc import Mapping
from typing import Any

from aihandler.backends.ollama import Ollama
from bench.wire_formats.form import Format, profiles


def _total(body: Any) -> int | None:
    last = json.loads(body.strip().splitlines()[-1]) if isinstance(body, str) else body
    counts = [last.get(key) for key in ("prompt_eval_count", "eval_count")]
    return None if None in counts else sum(counts)


def _plain(body: Any) -> Any:
    """Without what a gateway sets itself; times are not kept to the digit."""
    left = {"model", "stream", "created_at"}
    return {key: value for key, value in body.items() if key not in left}


def _request() -> bytes:
    parameters = {"type": "object", "properties": {"number": {"type": "string"}}}
    function = {"name": "look_up", "description": "Finds an invoice.", "parameters": parameters}
    body: Mapping[str, Any] = {
        "model": "llama3.2",
        "messages": [
            {"role": "system", "content": "You sort tickets. Answer with one word."},
            {"role": "user", "content": "The invoice of May was paid twice. " * 30},
        ],
        "stream": True,
        "options": {"temperature": 0.0, "num_predict": 64, "num_ctx": 8192},
        "tools": [{"type": "function", "function": function}],
    }
    return json.dumps(body).encode()


FORMAT = Format(
    Ollama(),
    api="ollama.native",
    # The same recordings hold `/api/generate`, which is another format.
    profile=lambda _: profiles()["ollama-native"],
    total=_total,
    plain=_plain,
    chunk=(
        b'{"model":"llama3.2","created_at":"2026-01-01T00:00:00.1Z",'
        b'"message":{"role":"assistant","content":" token"},"done":false}\n'
    ),
    stream_end=(
        b'{"model":"llama3.2","message":{"role":"assistant","content":""},"done_reason":"stop",'
        b'"done":true,"prompt_eval_count":300,"eval_count":200}\n'
    ),
    request=_request(),
)
