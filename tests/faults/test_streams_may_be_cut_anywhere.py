"""A recorded stream whose connection is reset is an error, or the whole answer; never a part."""

import asyncio
import contextlib
import gzip
import json
import random
from pathlib import Path

import pytest
from bench.faults.asking import ask

from aihandler.testing import FaultProxy, Trouble
from gateway.running import POLICY, gateway, written

WIRE = Path(__file__).parents[1] / "data" / "wire"
FORMATS = {
    "openai": ("openai_chat_both_ways.jsonl.gz", "openai"),
    "anthropic": ("anthropic.jsonl.gz", "anthropic"),
    "gemini": ("gemini.jsonl.gz", "gemini"),
    "openai-responses": ("openai_responses.jsonl.gz", "openai-responses"),
}
# Streams with these end in no words, or in none of the model's.
OTHERS = (b'"error":{', b'"tool_calls":[', b"tool_use", b"functionCall", b"function_call_arguments")
DEPLOYMENT = """
  {name}:
    backend: {name}
    url: "{url}"
    model: m-1
    hosting: self
    profile: {profile}
    limits: {{concurrency: 64}}
"""


def streams(name):
    """Recorded streams of words that end in order, the shortest first."""
    file, _ = FORMATS[name]
    lines = gzip.decompress((WIRE / file).read_bytes()).splitlines()
    bodies = [(e.get("reply") or e.get("response_body"), e) for e in map(json.loads, lines)]
    told = [
        b.encode() for b, e in bodies if e.get("stream") and isinstance(b, str) and "data:" in b
    ]
    calm = [body for body in told if not any(word in body for word in OTHERS)]
    return sorted(calm, key=len)


def as_http(body):
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


@pytest.fixture
def cut_at(tmp_path):
    """Tries one answer, cut after each of some bytes."""

    def tried(name, answer, places):
        with contextlib.ExitStack() as stack:
            proxy = stack.enter_context(FaultProxy("http://127.0.0.1:9", Trouble(answer=answer)))
            deployment = DEPLOYMENT.format(name=name, url=proxy.url, profile=FORMATS[name][1])
            text = f"version: 1\ndeployments:{deployment}{POLICY}"
            url = stack.enter_context(gateway(written(tmp_path, text)))
            port = int(url.rpartition(":")[2])
            return asyncio.run(look(port, name, proxy, answer, places))

    return tried


async def look(port, name, proxy, answer, places):
    whole = await ask(port, name, streamed=True)
    assert whole.kind == "answer", whole.body
    assert whole.text
    # A request names the place at which its answer is cut.
    proxy.troubles = lambda asked: Trouble(
        answer=answer, after=int(asked.body.rpartition(b"cut at ")[2].split(b'"')[0]), then="reset"
    )
    free = asyncio.Semaphore(16)

    async def at(place):
        async with free:
            return await ask(port, name, text=f"cut at {place}", streamed=True)

    return whole, await asyncio.gather(*map(at, places))


def check(whole, told, places):
    for place, one in zip(places, told, strict=True):
        assert one.kind in {"answer", "error event", "error 502"}, (place, one)
        if one.kind == "answer":
            assert one.text == whole.text, place
    assert {"error event", "error 502"} <= {one.kind for one in told}


@pytest.mark.parametrize("name", FORMATS)
def test_some_bytes(cut_at, name):
    answer = as_http(streams(name)[0])
    chosen = random.Random(7).sample(range(len(answer)), 24)
    places = sorted({0, 1, len(answer) - 1, *chosen})
    check(*cut_at(name, answer, places), places)


@pytest.mark.nightly
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("name", FORMATS)
def test_every_byte(cut_at, name, which):
    answer = as_http(streams(name)[which])
    places = range(min(len(answer), 6000))
    check(*cut_at(name, answer, places), places)
