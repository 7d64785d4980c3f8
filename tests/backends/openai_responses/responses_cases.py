"""What the tests of OpenAI Responses share."""

import gzip
import itertools
import json
from pathlib import Path

from aihandler.backends import OpenAIResponses, load_profiles
from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model

FILE = Path(__file__).parents[2] / "data" / "wire" / "openai_responses.jsonl.gz"
CODEC = OpenAIResponses()
PROFILES = load_profiles()
PROFILE = PROFILES["openai-responses-reasoning"]
DEPLOYMENT = Deployment(
    "r", "openai-responses", Model("m"), Hosting.VENDOR, urls=("https://api.openai.com",)
)
HI = Request("t", (message("user", "hi"),))
IDENTITY = ReplyIdentity("resp_1", "m", 1)
STREAM = {"content-type": "text/event-stream"}
WHOLE = {"content-type": "application/json"}


def recorded():
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answered():
    return [e for e in recorded() if e["status"] < 400]


def body_of(exchange):
    if exchange["response_encoding"] == "text":
        return exchange["response_body"].encode(), STREAM
    return json.dumps(exchange["response_body"]).encode(), WHOLE


def asked_back(body, *, profile=PROFILE):
    inbound = CODEC.read_request(json.dumps(body).encode(), {})
    deployment = Deployment("r", "openai-responses", Model(inbound.model), Hosting.SELF)
    call = CODEC.encode(inbound.request, deployment, profile, streamed=inbound.streamed)
    return json.loads(call.body), [lost.pointer for lost in call.lost]


def sent(request, *, profile=PROFILE, streamed=False):
    call = CODEC.encode(request, DEPLOYMENT, profile, streamed=streamed)
    return json.loads(call.body), [lost.pointer for lost in call.lost]


def reading(*, request=HI, profile=PROFILE, headers=STREAM, status=200):
    asked = Asked(request, DEPLOYMENT, profile, headers is STREAM, lambda _: True)
    return CODEC.reader(status, headers, asked=asked)


def read(data, *, places=(), **kwargs):
    reader = reading(**kwargs)
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    events = [e for a, b in itertools.pairwise(edges) for e in reader.feed(data[a:b])]
    return [*events, *reader.end()]


def whole(body, **kwargs):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(data, headers=WHOLE, **kwargs)[-1].reply


def response(*output, status="completed", **fields):
    return {"id": "resp_1", "object": "response", "status": status, "output": [*output], **fields}


def said(text, **fields):
    content = [{"type": "output_text", "text": text, "annotations": [], **fields}]
    item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
    return {**item, "content": content}


def call(number=1, arguments='{"city":"Bern"}'):
    item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
    return {**item, "name": "weather", "arguments": arguments, "status": "completed"}


def stream(*events):
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events
    )


def event(name, **fields):
    return {"type": name if name == "error" else f"response.{name}", **fields}


def events_in(data):
    lines = data.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
