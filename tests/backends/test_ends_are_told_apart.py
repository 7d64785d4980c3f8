"""Whose fault a silence is, and when a stream is over."""

import asyncio
import socket
import time

import pytest
import uvloop

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.openai_chat import OpenAIChat
from aihandler.backends.relay import Relay
from aihandler.domain.answer import PartDone, PartialValue, TextDelta
from aihandler.domain.conversation import Text
from aihandler.domain.deployment import Timeouts
from aihandler.errors import BackendUnavailable
from aihandler.testing import FakeServer, FaultProxy, Scripted, troubles


def hold_up(ours):
    ours.recv(1)
    time.sleep(0.4)


def test_a_loop_that_was_late_takes_no_server_for_silent(bench_at):
    quick = Timeouts(connect_s=1, first_byte_s=0.2, stall_s=0.2, total_s=5)

    async def body():
        with FakeServer(Scripted("ok", delay_s=0.1)) as server:
            bench = bench_at(server.url, timeouts=quick)
            asked = asyncio.ensure_future(bench.call())
            ours, theirs = socket.socketpair()
            # Among what the loop reads, as a long answer of somebody else; the answer comes
            # meanwhile, and the time of the server is over when the loop looks again.
            asyncio.get_running_loop().add_reader(ours, hold_up, ours)
            await asyncio.sleep(0.05)
            theirs.send(b"x")
            assert (await asked).text == "ok"
            asyncio.get_running_loop().remove_reader(ours)
            ours.close()
            theirs.close()
            await bench.caller.close()

    uvloop.run(body())


def test_a_server_that_is_silent_is_still_given_up(bench_at):
    quick = Timeouts(connect_s=1, first_byte_s=0.2, stall_s=0.2, total_s=5)

    async def body():
        silence = troubles.Trouble(answer=b"", after=0, then="stall")
        async with FaultProxy("http://127.0.0.1:9", silence) as proxy:
            bench = bench_at(proxy.url, timeouts=quick)
            with pytest.raises(BackendUnavailable, match="sent no byte"):
                await bench.call()
            await bench.caller.close()

    uvloop.run(body())


def test_a_stream_that_said_its_end_is_whole_though_its_connection_is_cut(bench_at):
    async def body():
        event = (
            b'data: {"choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\n'
        )
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n"
        said = head + event + b"data: [DONE]\n\n"
        cut = troubles.Trouble(answer=said, after=len(said), then="reset")
        async with FaultProxy("http://127.0.0.1:9", cut) as proxy:
            bench = bench_at(proxy.url)
            assert (await bench.stream())[-1].reply.text == "ok"
            await bench.caller.close()

    asyncio.run(body())


def test_half_an_event_stays_with_us():
    relay = Relay(hides_usage=False)
    assert relay.feed(b'data: {"a": 1}\n\ndata: {"b"') == b'data: {"a": 1}\n\n'
    assert relay.feed(b": 2}\n\n") == b'data: {"b": 2}\n\n'
    assert relay.feed(b"data: x\r\n\r\n") == b"data: x\r\n\r\n"
    assert relay.feed(b"data: last") == b""
    assert relay.end() == b"data: last"


def test_a_chat_client_hears_nothing_where_its_format_has_no_words():
    writer = OpenAIChat().stream_writer(ReplyIdentity("1", "m", 0), usage=True)
    assert b'"ok"' in writer.write(TextDelta("ok"))
    assert writer.write(PartDone(Text("ok"))) == b""
    assert writer.write(PartialValue({"a": 1})) == b""
