"""HTTP as servers really speak it, and the bounds that hold whatever they send."""

import asyncio
import gzip
import zlib

import pytest
import uvloop

from aihandler.backends import HttpLimits
from aihandler.domain.deployment import Timeouts
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable

BODY = b'{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}]}'
SMALL = HttpLimits(head=2048, body=4096, buffer=1024)


def _reply(body=BODY, *lines):
    head = "".join(f"{line}\r\n" for line in (f"content-length: {len(body)}", *lines))
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body


def _chunked(*pieces, trailer=b""):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        + chunks
        + b"0\r\n"
        + trailer
        + b"\r\n"
    )


async def _fine(bench):
    assert (await bench.call()).text == "fine"


GOOD = {
    "length": [_reply()],
    "byte by byte": [bytes((b,)) for b in _reply()[:40]] + [_reply()[40:]],
    "continue first": [b"HTTP/1.1 100 Continue\r\n\r\n", _reply()],
    "early hints": [b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + _reply()],
    "chunked": [_chunked(BODY[:10], BODY[10:])],
    "chunked in pieces": [bytes((b,)) for b in _chunked(BODY[:3], BODY[3:])],
    "trailers": [_chunked(BODY, trailer=b"x-cost: 1\r\nx-more: 2\r\n")],
    "until close": [b"HTTP/1.1 200 OK\r\n\r\n", BODY[:9], BODY[9:]],
    "http 1.0": [b"HTTP/1.0 200 OK\r\n\r\n" + BODY],
    "gzip": [_reply(gzip.compress(BODY), "content-encoding: gzip")],
    "gzip in two members": [
        _reply(gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), "content-encoding: gzip")
    ],
    "deflate": [_reply(zlib.compress(BODY), "Content-Encoding: deflate")],
    "raw deflate": [_reply(zlib.compress(BODY)[2:-4], "content-encoding: deflate")],
    "identity": [_reply(BODY, "content-encoding: identity")],
}


@pytest.mark.parametrize("pieces", GOOD.values(), ids=GOOD)
def test_every_lawful_form_of_a_reply_is_read(raw_server, pieces):
    raw_server(pieces, _fine)


BAD = {
    "half a length": [_reply()[:-5]],
    "half a chunk": [_chunked(BODY)[:-9]],
    "half of gzip": [_reply(gzip.compress(BODY)[:-9], "content-encoding: gzip")],
    "not gzip": [_reply(BODY, "content-encoding: gzip")],
    "brotli": [_reply(BODY, "content-encoding: br")],
    "upgrade": [b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
    "two lengths": [_reply(BODY, "content-length: 5")],
    "length and chunks": [_reply(BODY, "transfer-encoding: chunked")],
    "folded header": [_reply(BODY, "x-a: b\r\n c")],
    "no answer": [b""],
    "only a head": [b"HTTP/1.1 200 OK\r\n"],
    "endless continue": [b"HTTP/1.1 100 Continue\r\n\r\n" * 200] * 9,
    "large header": [_reply(BODY, "x-a: " + "y" * 4096)],
    "endless header": [b"HTTP/1.1 200 OK\r\nx-a: ", *[b"y" * 1000] * 9],
    "endless trailer": [_chunked(BODY)[:-2] + b"x-a: ", *[b"y" * 1000] * 9],
    "endless chunk extension": [_chunked(BODY)[:-5] + b"1;x=", *[b"y" * 1000] * 9],
    "large body announced": [b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"],
    "large body": [b"HTTP/1.1 200 OK\r\n\r\n", *[b"y" * 1000] * 9],
    "gzip bomb": [_reply(gzip.compress(b" " * 3_000_000), "content-encoding: gzip")],
}


@pytest.mark.parametrize("pieces", BAD.values(), ids=BAD)
def test_every_unlawful_or_boundless_reply_is_a_typed_error(raw_server, pieces):
    async def use(bench):
        for ask in (bench.call, bench.stream):
            with pytest.raises(BackendError):
                await ask()

    raw_server(pieces, use, limits=SMALL)


def test_the_other_event_loop_reads_the_same(raw_server):
    async def failing(bench):
        with pytest.raises(BackendError):
            await bench.stream()

    for pieces in GOOD.values():
        raw_server(pieces, _fine, runner=uvloop.run)
    for pieces in BAD.values():
        raw_server(pieces, failing, runner=uvloop.run, limits=SMALL)


def test_what_is_too_large_is_not_asked_for_again(raw_server):
    async def use(bench):
        with pytest.raises(BackendRejected, match="body of more than 4096 bytes"):
            await bench.call()

    raw_server(BAD["large body"], use, limits=SMALL)


def test_bytes_behind_a_reply_end_the_connection_and_not_the_reply(raw_server):
    async def use(bench):
        await _fine(bench)
        await _fine(bench)

    raw_server([_reply() + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno"], use)


def test_a_reader_that_is_behind_slows_the_server_down(raw_server):
    pieces = [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"]
    event = b'data: {"choices":[{"delta":{"content":"' + b"x" * 1000 + b'"}}]}\n\n'
    end = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    pieces += [event * 100] * 40 + [end]

    async def use(bench):
        from aihandler.backends.codec import HttpCall
        from aihandler.testing import allow

        response = await bench.transport.send(
            HttpCall("/x", b"{}"), bench.deployment, allow(bench.deployment),
            deadline=bench.transport._monotonic() + 10, sent=bench.note,
        )  # fmt: skip
        # Nobody reads for longer than the stall limit: that is our fault, not the server's.
        await asyncio.sleep(0.4)
        assert response.held
        assert response._buffered < 600_000
        size = 0
        async for piece in response:
            size += len(piece)
        assert size == len(event) * 4000 + len(end)

    timeouts = Timeouts(1.0, 0.2, 0.2, 10.0)
    raw_server(pieces, use, timeouts=timeouts, limits=HttpLimits(buffer=65536))


def test_a_stall_in_the_middle_is_noticed_after_its_own_time(raw_server):
    async def use(bench):
        with pytest.raises(BackendUnavailable, match=r"stopped in its answer for 0\.1 s"):
            await asyncio.wait_for(bench.call(), 10)

    timeouts = Timeouts(connect_s=1.0, first_byte_s=60.0, stall_s=0.1, total_s=60.0)
    raw_server([_reply()[:50]], use, hang_up=False, timeouts=timeouts)
