"""Clients that offer HTTP/2 with every request, as Java's does, and clients of HTTP/1.0."""

import asyncio

import pytest

from gateway.connected import connected, send, whole_body

OFFER = (
    b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\n"
)
HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n"


def post(body, *headers, version=b"1.1", chunked=False):
    framing = b"content-length: %d\r\n" % len(body)
    if chunked:
        framing, body = (
            b"transfer-encoding: chunked\r\n",
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        )
    return b"POST / HTTP/%s\r\nhost: x\r\n%s%s\r\n" % (version, b"".join(headers), framing), body


async def exchange(app, *pieces, replies=1, eof=False):
    """What comes back until `replies` answers were read, or to the end."""
    async with connected(app) as (reader, writer, _):
        await send(writer, *pieces)
        if eof:
            return await asyncio.wait_for(reader.read(), 10)
        said = b""
        while said.count(b"<end>") < replies:
            said += await asyncio.wait_for(reader.readuntil(b"<end>"), 10)
        return said


class Echo:
    """Says what it heard; in pieces of unknown length where `streamed`."""

    def __init__(self, *, streamed=False):
        self.heard = []
        self.streamed = streamed

    async def __call__(self, scope, receive, send):
        body = await whole_body(receive)
        if body is None:
            return
        self.heard.append((scope["path"], body))
        said = b"heard " + body + b"<end>"
        headers = [] if self.streamed else [(b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self.streamed:
            await send({"type": "http.response.body", "body": said[:3], "more_body": True})
            await send({"type": "http.response.body", "body": said[3:], "more_body": True})
            said = b""
        await send({"type": "http.response.body", "body": said})


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    "body", [b"12345", HIDDEN, b"a" * 100_000], ids=["short", "request", "long"]
)
@pytest.mark.parametrize("cut", ["whole", "head first", "within the head", "within the body"])
def test_a_body_behind_an_offer_of_another_protocol_arrives(chunked, body, cut):
    head, sent = post(body, OFFER, chunked=chunked)
    pieces = {
        "whole": [head + sent],
        "head first": [head, sent],
        "within the head": [head[:40], head[40:] + sent],
        "within the body": [head + sent[:7], sent[7:]],
    }[cut]
    app = Echo()
    said = asyncio.run(exchange(app, *pieces))
    assert said.startswith(b"HTTP/1.1 200 ")
    assert app.heard == [("/", body)]


def test_more_requests_follow_on_such_a_connection():
    first, second = b"".join(post(b"one", OFFER)), b"".join(post(b"two", OFFER))
    bare = b"GET /three HTTP/1.1\r\nhost: x\r\n" + OFFER + b"\r\n"
    last = b"".join(post(b"four"))
    heard = [("/", b"one"), ("/", b"two"), ("/three", b""), ("/", b"four")]
    for pieces in ([first + second + bare + last], [first, second, bare, last]):
        app = Echo()
        asyncio.run(exchange(app, *pieces, replies=4))
        assert app.heard == heard


def test_what_is_no_http_is_refused_behind_such_a_request():
    app = Echo()
    said = asyncio.run(exchange(app, b"".join(post(b"one", OFFER)), b"nonsense\r\n\r\n", eof=True))
    assert b"HTTP/1.1 400 " in said
    assert len(app.heard) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_of_http_1_0_gets_no_chunks(streamed):
    head, body = post(b"hi", version=b"1.0")
    said = asyncio.run(exchange(Echo(streamed=streamed), head + body, eof=True))
    answer, _, told = said.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in answer
    assert b"connection: close" in answer
    assert told == b"heard hi<end>"
