"""What the tests of this folder share: reading, asking, and the recorded exchanges."""

import gzip
import json
from pathlib import Path

from aihandler.backends import OpenAIChat, load_profiles
from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model

CHAT = OpenAIChat()
PROFILES = load_profiles()
WHO = ReplyIdentity("chatcmpl-1", "m", 1)
DEPLOYMENT = Deployment("d", "openai", Model("m"), Hosting.SELF, urls=("http://127.0.0.1:1",))
_RECORDED = Path(__file__).parents[2] / "data" / "wire" / "openai_chat_both_ways.jsonl.gz"


def recorded():
    lines = gzip.decompress(_RECORDED.read_bytes()).decode().splitlines()
    return [json.loads(line) for line in lines]


def asked(*, profile="openai", streamed=False, **fields):
    request = Request("t", (message("user", "hi"),), **fields)
    return Asked(request, DEPLOYMENT, PROFILES[profile], streamed)


def read_whole(body, **about):
    reader = CHAT.reader(200, {"content-type": "application/json"}, asked=asked(**about))
    reader.feed(json.dumps(body).encode())
    return reader.end()[-1].reply


def read_pieces(pieces, **about):
    headers = {"content-type": "text/event-stream"}
    reader = CHAT.reader(200, headers, asked=asked(streamed=True, **about))
    events = []
    for piece in pieces:
        events += reader.feed(piece)
    return [*events, *reader.end()]


def sse(*deltas, reason="stop", done=True, **top):
    """A stream of these deltas; each is one chunk."""
    chunks = [{**top, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return (lines + ("data: [DONE]\n\n" if done else "")).encode()


def encoded(request, *, profile="openai", streamed=False):
    call = CHAT.encode(request, DEPLOYMENT, PROFILES[profile], streamed=streamed)
    return json.loads(call.body), call.lost


def plain(value):
    """Null and empty are as good as absent; the place of a call is told twice."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "function" in value:
        value = {key: inner for key, inner in value.items() if key not in {"index", "type"}}
    filled = {key: plain(inner) for key, inner in value.items()}
    return {key: inner for key, inner in filled.items() if inner not in (None, "", [], {})}
