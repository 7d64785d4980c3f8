"""Recorded exchanges of Converse, and frames made by hand."""

import base64
import gzip
import itertools
import json
from pathlib import Path

from aihandler.backends import load_profiles
from aihandler.backends.bedrock_converse import BedrockConverse
from aihandler.backends.bedrock_converse.event_stream import CONTENT_TYPE, write_frame
from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model

CODEC = BedrockConverse()
PROFILES = load_profiles()
IDENTITY = ReplyIdentity("id", "m", 0)
DEPLOYMENT = Deployment("d", "bedrock", Model("anthropic.claude-x:0"), Hosting.VENDOR)
FILE = Path(__file__).parents[2] / "data" / "wire" / "bedrock.jsonl.gz"
JSON = "application/json"
END = {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}}


def recorded():
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def body_of(exchange):
    body = exchange["response_body"]
    if exchange["response_encoding"] == "base64":
        return base64.b64decode(body)
    return json.dumps(body).encode()


def event(kind, told, **headers):
    known = {":event-type": kind, ":content-type": JSON, ":message-type": "event"}
    return write_frame({**known, **headers}, json.dumps(told).encode())


def exception(name, words):
    headers = {":exception-type": name, ":content-type": JSON, ":message-type": "exception"}
    return write_frame(headers, json.dumps({"message": words}).encode())


def delta(block, told):
    return event("contentBlockDelta", {"contentBlockIndex": block, "delta": told, "p": "abc"})


def start(block, told):
    return event("contentBlockStart", {"contentBlockIndex": block, "start": told})


def stop(block):
    return event("contentBlockStop", {"contentBlockIndex": block})


def ended(reason="end_turn", **metadata):
    begin = event("messageStop", {"stopReason": reason})
    return begin + event("metadata", {**END, **metadata})


BEGUN = event("messageStart", {"role": "assistant"})


def read(data, *, streamed=True, status=200, pieces=(), request=None, profile="bedrock-claude"):
    asked = Asked(
        request or Request("t", (message("user", "hi"),)), DEPLOYMENT, PROFILES[profile], streamed
    )
    kind = CONTENT_TYPE if streamed and status == 200 else JSON
    reader = CODEC.reader(status, {"content-type": kind}, asked=asked)
    events = []
    edges = [0, *sorted(pieces), len(data)]
    for begin, end in itertools.pairwise(edges):
        events += reader.feed(data[begin:end])
    return [*events, *reader.end()]


def sent(request, profile="bedrock-claude", *, streamed=False, deployment=DEPLOYMENT):
    call = CODEC.encode(request, deployment, PROFILES[profile], streamed=streamed)
    return call, json.loads(call.body)
