"""What the tests of raw completions share."""

import gzip
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

from aihandler.backends import load_profiles
from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.backends.completions import Completions
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.tools import Tool

FILE = Path(__file__).parents[2] / "data" / "wire" / "openai_completions.jsonl.gz"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
# One for all tests: a template takes up to a tenth of a second to compile.
CODEC = Completions(now=lambda: NOON, monotonic=lambda: 0.0)
PROFILES = load_profiles()
GENERIC = PROFILES["completions"]
VLLM = PROFILES["completions-vllm"]
LLAMA = PROFILES["completions-llama-cpp"]
TGI = PROFILES["completions-tgi"]
HI = Request("t", (message("user", "hi"),))
IDENTITY = ReplyIdentity("cmpl-1", "m", 1)
STREAM = {"content-type": "text/event-stream"}
WHOLE = {"content-type": "application/json"}
TOOL = Tool(
    "get_time",
    "Tells the time in a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["city"],
    },
)


def at(template="llama-3", *, model="m", **settings):
    """A deployment whose model has this template."""
    return Deployment(
        "raw", "completions", Model(model), Hosting.SELF, chat_template=template, **settings
    )


def sent(request=HI, *, template="llama-3", profile=VLLM, streamed=False, deployment=None):
    """The body, and what was lost."""
    where = deployment or at(template)
    call = CODEC.encode(request, where, profile, streamed=streamed)
    return json.loads(call.body), {lost.pointer: lost.what for lost in call.lost}


def prompt_of(request=HI, **how):
    body, _ = sent(request, **how)
    return body.get("prompt", body.get("inputs"))


def reading(request=HI, *, template="llama-3", profile=VLLM, headers=WHOLE, status=200):
    asked = Asked(request, at(template), profile, headers is STREAM, lambda _: True)
    return CODEC.reader(status, headers, asked=asked)


def read(data, *, places=(), **how):
    """The events of a body that comes cut at these places."""
    reader = reading(**how)
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    events = []
    for begin, end in itertools.pairwise(edges):
        events += reader.feed(data[begin:end])
    return [*events, *reader.end()]


def whole(text, *, finish="stop", **beside):
    choice = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
    body = {"id": "cmpl-9", "object": "text_completion", "model": "m-1", "choices": [choice]}
    return json.dumps({**body, **beside}).encode()


def stream(*pieces, finish="stop", usage=None, done=True):
    events = [{"index": 0, "text": piece, "finish_reason": None} for piece in pieces]
    events.append({"index": 0, "text": "", "finish_reason": finish})
    lines = [{"id": "cmpl-9", "model": "m-1", "choices": [event]} for event in events]
    if usage:
        lines.append({"id": "cmpl-9", "model": "m-1", "choices": [], "usage": usage})
    told = [f"data: {json.dumps(line)}\n\n" for line in lines]
    return "".join([*told, "data: [DONE]\n\n" if done else ""]).encode()


def answer(text, **how):
    """The reply to a whole answer."""
    return read(whole(text), **how)[-1].reply


def own(prompt="Once upon", **fields):
    """A client's own raw request."""
    body = {"model": "m", "prompt": prompt, **fields}
    return CODEC.read_request(json.dumps(body).encode(), {})


def recorded():
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
