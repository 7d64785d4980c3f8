"""Gemini generateContent through the one transport: path, key and streams as Google has them."""

import asyncio
import json
import time

from gemini_cases import CODEC, HI, PROFILES, USAGE, array, chunk, reply, stream

from aihandler.backends import HttpCaller, Transport
from aihandler.domain.answer import ReplyDone, TextDelta
from aihandler.domain.deployment import Deployment, Hosting, Model, Secret
from aihandler.testing import allow

CHUNKS = (chunk({"text": "a"}), chunk({"text": "b"}, reason="STOP", usageMetadata=USAGE))


def asked(body, kind, *, backend="gemini", path="", streamed=False):
    """What a deployment answers with this body, and the head of what it was asked."""
    heads: list[str] = []

    async def answer(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % (kind, len(body)) + body)
        await writer.drain()
        writer.close()

    async def run():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = Transport(monotonic=time.monotonic, secrets=lambda _: "key-1")
        caller = HttpCaller(transport, codec=CODEC, profiles=PROFILES)
        where = Deployment(
            "g",
            backend,
            Model("gemini-2.5-flash"),
            Hosting.SELF,
            urls=(f"http://127.0.0.1:{port}{path}",),
            key=Secret("env", "KEY"),
        )
        fields = {"deadline": time.monotonic() + 10, "sent": lambda: None}
        try:
            if not streamed:
                return [await caller.call(HI, where, allow(where), **fields)]
            return [event async for event in caller.stream(HI, where, allow(where), **fields)]
        finally:
            await caller.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(run()), heads[0]


def test_a_whole_answer_is_asked_for_at_the_gemini_api():
    body = json.dumps(reply({"text": "ab"})).encode()
    found, head = asked(body, b"application/json; charset=UTF-8")
    assert head.startswith("POST /v1beta/models/gemini-2.5-flash:generateContent HTTP/1.1\r\n")
    assert "x-goog-api-key: key-1\r\n" in head
    assert found[0].text == "ab"


def test_a_stream_is_asked_for_at_vertex_below_the_projects_path():
    path = "/v1/projects/p/locations/europe-west4"
    found, head = asked(
        stream(*CHUNKS), b"text/event-stream", backend="vertex", path=path, streamed=True
    )
    line = f"POST {path}/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse "
    assert head.startswith(line)
    assert "authorization: Bearer key-1\r\n" in head
    assert [event.text for event in found if isinstance(event, TextDelta)] == ["a", "b"]


def test_a_stream_that_comes_as_an_array_is_a_stream_all_the_same():
    found, _ = asked(array(*CHUNKS), b"application/json", streamed=True)
    assert [event.text for event in found if isinstance(event, TextDelta)] == ["a", "b"]
    assert isinstance(found[-1], ReplyDone)
    assert found[-1].reply.usage.total == 6
