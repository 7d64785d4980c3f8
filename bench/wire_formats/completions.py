"""Raw completions: the client's own prompts, as recorded. Conversations become prompts, and are
measured by `bench.chat_templates`; what reading one back costs is the cost of a chunk here.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends import Profile
from aihandler.backends.codec import Asked, Reader
from aihandler.backends.completions import Completions
from bench.wire_formats.form import Format, profiles

_OUTSIDE = {"id", "model", "created", "stream", "object"}


class _Asked(Completions):
    """Reads what answers a prompt; `bench.wire` asks in a conversation, which needs a template."""

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        request = self.read_request(b'{"model": "m", "prompt": "hi"}', {}).request
        asked = msgspec.structs.replace(asked, request=request)
        return super().reader(status, headers, asked=asked)


def _profile(sent: Mapping[str, Any]) -> Profile:
    return profiles()["completions-vllm" if "stream_options" in sent else "completions"]


def _total(body: Any) -> int | None:
    if isinstance(body, str):
        usage: Any = None
        for line in body.splitlines():
            if line.startswith("data:") and line[5:].strip() != "[DONE]":
                usage = json.loads(line[5:]).get("usage") or usage
    else:
        usage = body.get("usage")
    return (usage or {}).get("total_tokens")


def _plain(body: Any) -> Any:
    """Without what a gateway sets itself. In replies, null and empty are as good as absent."""
    plain = {key: value for key, value in body.items() if key not in _OUTSIDE}
    if "choices" not in plain:
        return plain
    # Of several answers the first is read; what was not counted is guessed.
    first = {key: value for key, value in plain["choices"][0].items() if value is not None}
    kept = {key: value for key, value in plain.items() if value and key != "usage"}
    return {**kept, "choices": [first]}


def _several(body: Mapping[str, Any]) -> bool:
    """Several prompts, or one of token ids, are refused with a hint."""
    prompt = body.get("prompt")
    return isinstance(prompt, list) and prompt[1:] != []


def _request() -> bytes:
    body = {
        "model": "any-model",
        "prompt": "The invoice of May was paid twice. " * 40,
        "max_tokens": 64,
        "stream": True,
        "temperature": 0.2,
        "stop": ["\n\n"],
    }
    return json.dumps(body).encode()


FORMAT = Format(
    _Asked(),
    api="openai.completions",
    profile=_profile,
    total=_total,
    plain=_plain,
    chunk=(
        b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":'
        b'[{"index":0,"text":" token","logprobs":null,"finish_reason":null}]}\n\n'
    ),
    stream_end=b"data: [DONE]\n\n",
    request=_request(),
    talks=False,
    refuses=_several,
)
