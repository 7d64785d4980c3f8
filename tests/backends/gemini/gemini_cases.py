"""What the tests of generateContent share."""

import gzip
import itertools
import json
from pathlib import Path

from aihandler.backends import Gemini, load_profiles
from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model

FILE = Path(__file__).parents[2] / "data" / "wire" / "gemini.jsonl.gz"
CODEC = Gemini()
PROFILES = load_profiles()
PROFILE = PROFILES["gemini"]
DEPLOYMENT = Deployment(
    "g",
    "gemini",
    Model("gemini-2.5-flash"),
    Hosting.VENDOR,
    urls=("https://generativelanguage.googleapis.com",),
)
HI = Request("t", (message("user", "hi"),))
IDENTITY = ReplyIdentity("reply-1", "m", 1)
STREAM = {"content-type": "text/event-stream"}
WHOLE = {"content-type": "application/json; charset=UTF-8"}
USAGE = {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6}


def recorded():
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answered():
    return [e for e in recorded() if e["status"] < 400]


def body_of(exchange):
    if exchange["response_encoding"] == "text":
        return exchange["response_body"].encode(), STREAM
    return json.dumps(exchange["response_body"], ensure_ascii=False).encode(), WHOLE


def request_of(body):
    return CODEC.read_request(json.dumps(body).encode(), {}).request


def asked_back(body, *, profile=PROFILE):
    call = CODEC.encode(request_of(body), DEPLOYMENT, profile, streamed=False)
    return json.loads(call.body), [lost.pointer for lost in call.lost]


def sent(request, *, profile=PROFILE):
    call = CODEC.encode(request, DEPLOYMENT, profile, streamed=False)
    return json.loads(call.body), [lost.pointer for lost in call.lost]


def reading(*, request=HI, profile=PROFILE, headers=STREAM, status=200, streamed=None):
    streamed = headers is STREAM if streamed is None else streamed
    asked = Asked(request, DEPLOYMENT, profile, streamed, lambda _: True)
    return CODEC.reader(status, headers, asked=asked)


def read(data, *, places=(), **kwargs):
    reader = reading(**kwargs)
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    events = [e for a, b in itertools.pairwise(edges) for e in reader.feed(data[a:b])]
    return [*events, *reader.end()]


def whole(body, **kwargs):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(data, headers=WHOLE, **kwargs)[-1].reply


def chunk(*parts, reason=None, **fields):
    candidate = {"content": {"parts": [*parts], "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "responseId": "r-1", **fields}


def reply(*parts, reason="STOP", **fields):
    return chunk(*parts, reason=reason, **{"usageMetadata": USAGE, **fields})


def stream(*chunks):
    return b"".join(b"data: %s\r\n\r\n" % json.dumps(c).encode() for c in chunks)


def array(*chunks):
    return b"[%s]\n" % b",\r\n".join(json.dumps(c).encode() for c in chunks)


def chunks_in(data):
    return [json.loads(line[6:]) for line in data.decode().splitlines() if line]
