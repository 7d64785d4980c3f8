"""A static server: `python -m bench.gateway.upstream PORT`. It answers at once, or in 50 chunks."""

import asyncio
import contextlib
import re
import sys
from typing import cast

CHUNKS = 50
# A fast model says some 250 tokens a second.
GAP_S = 0.004
_WORDS = "Open weights give control and residency; closed models give the frontier and speed. " * 3
_USAGE = '"usage":{"prompt_tokens":312,"completion_tokens":58,"total_tokens":370}'
_WHOLE = (
    '{"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"model":"m-1",'
    '"choices":[{"index":0,"message":{"role":"assistant","content":"' + _WORDS + '"},'
    '"finish_reason":"stop"}],' + _USAGE + "}"
).encode()
_CHUNK = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1760000000,'
    b'"model":"m-1","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n'
)
_LAST = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1760000000,'
    b'"model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1760000000,'
    b'"model":"m-1","choices":[],' + _USAGE.encode() + b"}\n\ndata: [DONE]\n\n"
)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream" *: *true')


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_WHOLE)
) + _WHOLE
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Static(asyncio.Protocol):
    """One connection, with one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.got = b""
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.got = self.got + data if self.got else data
        head, blank, body = self.got.partition(b"\r\n\r\n")
        if not blank:
            return
        length = _LENGTH.search(head)
        if length and len(body) < int(length[1]):
            return
        self.got = b""
        if _STREAM.search(body):
            self.transport.write(_HEAD)
            self.next(CHUNKS)
        else:
            self.transport.write(_ANSWER)

    def next(self, left: int) -> None:
        if left == 0:
            self.transport.write(_chunked(_LAST) + b"0\r\n\r\n")
            return
        self.transport.write(_chunked(_CHUNK))
        self.loop.call_later(GAP_S, self.next, left - 1)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Static, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(int(sys.argv[1])))
