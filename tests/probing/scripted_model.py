"""A model behind a fake server that heeds what it is told to heed, and nothing else."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aihandler import Handler
from aihandler.domain.probes import Probed
from aihandler.testing import FakeServer, Scripted

STRANGE = '{"zz": "qq1"}'
NUMBERS = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen"
CONFIGURATION = """
version: 1
deployments:
  near:
    backend: openai
    url: "{url}"
    model: m-1
    hosting: {hosting}
    profile: {profile}
    region: here
    {more}
policy:
  public: {{hosting: [self]}}
tasks:
  note: {{output: {{text: true}}, candidates: [near]}}
"""


class ScriptedModel:
    """`listens` names what it heeds, of these words.

    native, native only whole, native only alone, strict, grammar, tools, json, stop, limit, n,
    logprobs, counts on request.
    """

    def __init__(self, *listens: str, fails: tuple[str, ...] = (), context: int = 0) -> None:
        self.listens = set(listens)
        self.fails = set(fails)
        self.context = context

    def __call__(self, request: dict[str, Any]) -> Scripted:
        words = str(request["messages"][-1].get("content"))
        tokens = len(words.split())
        if self.context and tokens > self.context:
            return refused(f"maximum context length is {self.context} tokens")
        form = request.get("response_format") or {}
        if form.get("type") == "json_schema" and "native" in self.fails:
            return refused("not supported", status=500)
        if (called := self._call(request)) is not None:
            return called
        if self._is_held(request, form):
            return self._said(request, STRANGE)
        if form.get("type") == "json_object" and "json" in self.listens:
            return self._said(request, "{}")
        return self._said(request, NUMBERS if "twenty" in words else "tea")

    def _is_held(self, request: dict[str, Any], form: dict[str, Any]) -> bool:
        if "structured_outputs" in request:
            return "grammar" in self.listens
        if form.get("type") != "json_schema":
            return False
        if "strict" in self.listens:
            return bool(form["json_schema"].get("strict"))
        if "native only whole" in self.listens:
            return not request.get("stream")
        if "native only alone" in self.listens:
            return "tools" not in request
        return "native" in self.listens

    def _call(self, request: dict[str, Any]) -> Scripted | None:
        choice = request.get("tool_choice")
        if "tools" not in self.listens or not isinstance(choice, dict):
            return None
        allowed = choice.get("allowed_tools", {}).get("tools") or [choice]
        name = allowed[0]["function"]["name"]
        call = {
            "id": "call_1",
            "type": "function",
            "function": {"name": name, "arguments": STRANGE},
        }
        return body({"content": None, "tool_calls": [call]}, "tool_calls")

    def _said(self, request: dict[str, Any], text: str) -> Scripted:
        finish = "stop"
        limit = request.get("max_tokens")
        stop = (request.get("stop") or [""])[0]
        if "stop" in self.listens and stop and stop in text:
            text = text[: text.index(stop)]
        elif "limit" in self.listens and limit and len(text.split()) > limit:
            text, finish = " ".join(text.split()[:limit]), "length"
        if request.get("stream"):
            wanted = (request.get("stream_options") or {}).get("include_usage")
            silent = "counts on request" in self.listens and not wanted
            return Scripted(text, finish=finish, fault="no_usage" if silent else None)
        extra: dict[str, Any] = {}
        if "logprobs" in self.listens and request.get("logprobs"):
            extra["logprobs"] = {"content": [{"token": "tea", "logprob": -0.1}]}
        count = request.get("n", 1) if "n" in self.listens else 1
        return body({"content": text}, finish, count=count, prompt=_tokens(request), **extra)


def _tokens(request: dict[str, Any]) -> int:
    return sum(len(str(turn.get("content")).split()) for turn in request["messages"])


def body(
    message: dict[str, Any], finish: str, *, count: int = 1, prompt: int = 9, **extra: Any
) -> Scripted:
    """A whole reply."""
    said = {"message": {"role": "assistant", **message}, "finish_reason": finish, **extra}
    usage = {"prompt_tokens": prompt, "completion_tokens": 5, "total_tokens": prompt + 5}
    choices = [{"index": number, **said} for number in range(count)]
    completion = {"id": "x", "model": "m-1", "choices": choices, "usage": usage}
    return Scripted(body=json.dumps(completion).encode())


def refused(words: str, status: int = 400) -> Scripted:
    """A reply that says no."""
    return Scripted(status=status, body=json.dumps({"error": {"message": words}}).encode())


def configured(
    folder: Path, url: str, *, profile: str = "generic", hosting: str = "self", more: str = ""
) -> Path:
    """A folder with one deployment."""
    text = CONFIGURATION.format(url=url, profile=profile, hosting=hosting, more=more)
    (folder / "aihandler.yaml").write_text(text)
    return folder / "aihandler.yaml"


def probe(folder: Path, server: FakeServer, *, profile: str = "generic", **wishes: Any) -> Probed:
    """What a probe finds of it."""
    config = configured(folder, server.url, profile=profile)

    async def ask() -> Probed:
        async with Handler.load(config) as handler:
            return await handler.probe("near", **wishes)

    return asyncio.run(ask())


def values(found: Probed) -> dict[str, Any]:
    """By column."""
    return {verdict.column: verdict.value for verdict in found.verdicts}
