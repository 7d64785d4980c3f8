"""Connections that begin a request and do not go on with it."""

import asyncio

import pytest

from aihandler.gateway import connections
from aihandler.gateway.connections import (
    BODY_SILENCE_S,
    HEAD_WITHIN_S,
    LINGER_S,
    MAX_HEAD_BYTES,
    Connection,
    end_slow_ones,
)
from gateway.connected import connected, send, whole_body

ASKED = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n"
ENDLESS = b"a" * (MAX_HEAD_BYTES + 1)


async def echo(scope, receive, send):
    body = await whole_body(receive)
    if body is None:
        return
    if body == b"later":
        await asyncio.sleep(0.2)
    length = str(len(body)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": body})


async def looked(open_ones: set[Connection], *, after_s: float) -> None:
    """What the look would do so much later; what was sent before it has been heard."""
    await asyncio.sleep(0.02)
    now = asyncio.get_running_loop().time() + after_s
    for one in tuple(open_ones):
        one.end_if_slow(now)


def test_headers_that_never_end_are_refused_before_they_fill_the_memory() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, _):
            await send(writer, b"POST / HTTP/1.1\r\nhost: x\r\nx-long: ", ENDLESS)
            return await reader.read()

    told = asyncio.run(run())
    assert told.startswith(b"HTTP/1.1 431 ")
    assert b'"message":"the headers have more' in told


def test_headers_that_come_slowly_are_awaited_for_half_a_minute() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, open_ones):
            writer.write(b"POST / HTTP/1.1\r\nhost: ")
            await looked(open_ones, after_s=HEAD_WITHIN_S - 1)
            assert not reader.at_eof()
            await looked(open_ones, after_s=HEAD_WITHIN_S + 1)
            return await reader.read()

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_who_connects_and_says_nothing_is_hung_up_on() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, _, open_ones):
            await looked(open_ones, after_s=HEAD_WITHIN_S + 1)
            return await reader.read()

    assert asyncio.run(run()) == b""


def test_a_body_that_stops_in_its_middle_is_awaited_for_a_minute() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, open_ones):
            writer.write(ASKED + b"ab")
            await looked(open_ones, after_s=BODY_SILENCE_S - 1)
            assert not reader.at_eof()
            await looked(open_ones, after_s=BODY_SILENCE_S + 1)
            return await reader.read()

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_waits_between_requests_stays_open() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, open_ones):
            answers = b""
            for body in (b"first", b"other"):
                writer.write(ASKED + body)
                answers += await reader.readuntil(body)
                await looked(open_ones, after_s=HEAD_WITHIN_S + 1)
            return answers

    assert asyncio.run(run()).count(b"200 OK") == 2


def test_a_refused_request_behind_another_gets_no_answer_that_looks_like_the_first_ones() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, _):
            await send(writer, ASKED + b"later", b"GET / HTTP/1.1\r\nx-long: ", ENDLESS)
            return await reader.read()

    assert asyncio.run(run()) == b""


def test_a_large_body_is_no_head() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, _):
            body = b"a" * (3 * MAX_HEAD_BYTES)
            asked = ASKED.replace(b": 5", f": {len(body)}".encode())
            for _ in range(2):
                writer.write(asked + body)
                told = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(len(body))
            return told

    assert asyncio.run(run()).startswith(b"HTTP/1.1 200 ")


def test_connections_are_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.05)

    async def run() -> bytes:
        async with connected(echo) as (reader, writer, open_ones):
            looking = asyncio.ensure_future(end_slow_ones(open_ones))
            writer.write(b"GET / HTTP/1.1\r\n")
            told = await reader.read()
            looking.cancel()
            return told

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_who_is_about_to_ask_when_a_worker_ends_is_answered_and_sent_elsewhere() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, open_ones):
            for one in tuple(open_ones):
                one.shutdown()
            writer.write(ASKED + b"hello")
            return await reader.read()

    told = asyncio.run(run())
    assert told.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in told
    assert told.endswith(b"hello")


def test_who_asks_nothing_more_does_not_hold_a_worker_that_ends() -> None:
    async def run() -> bytes:
        async with connected(echo) as (reader, writer, open_ones):
            writer.write(ASKED + b"hello")
            await reader.readuntil(b"hello")
            for one in tuple(open_ones):
                one.shutdown()
            return await asyncio.wait_for(reader.read(), 10 * LINGER_S)

    assert asyncio.run(run()) == b""
