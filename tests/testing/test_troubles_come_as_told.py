"""The fault proxy makes the trouble that it was told to make, and no other."""

import asyncio
import contextlib
import http.client
import json
import ssl
import threading

import pytest
import trustme

from aihandler.testing import FakeServer, FaultProxy, Scripted, Trouble, troubles


@pytest.fixture
def server():
    with FakeServer("Grüße aus Köln: 你好, 世界") as server:
        yield server


def ask(proxy, *, named="", streamed=False, timeout=5.0):
    """Status, headers and body, as far as it came."""
    body = json.dumps({"model": "m", "messages": [], "stream": streamed})
    headers = {"x-trouble": named} if named else {}
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", body, headers)
        reply = connection.getresponse()
        with contextlib.closing(reply):
            return reply.status, reply.headers, reply.read().decode()


def text_of(body):
    return json.loads(body)["choices"][0]["message"]["content"]


def test_without_trouble_all_passes(server):
    with FaultProxy(server.url) as proxy:
        assert text_of(ask(proxy)[2]).startswith("Grüße")
        assert "[DONE]" in ask(proxy, streamed=True)[2]
        assert server.calls == proxy.requests == 2
        assert b'"model": "m"' in proxy.received


@pytest.mark.parametrize(
    "trouble",
    [troubles.dribble(), troubles.split_utf8(), troubles.slow_head(pause_s=0.01)],
    ids=["dribble", "split", "slow head"],
)
def test_what_is_slow_is_still_the_same(server, trouble):
    with FaultProxy(server.url, trouble) as proxy:
        assert text_of(ask(proxy)[2]) == "Grüße aus Köln: 你好, 世界"
        assert "你好"[0] in ask(proxy, streamed=True)[2]


def test_a_number_and_a_name_choose_the_trouble(server):
    chosen = {2: troubles.says(503, retry_after="7"), "odd": troubles.garbage_json()}
    with FaultProxy(server.url, chosen) as proxy:
        assert ask(proxy)[0] == 200
        status, headers, _ = ask(proxy)
        assert (status, headers["retry-after"]) == (503, "7")
        assert ask(proxy)[0] == 200
        with pytest.raises(ValueError, match="Unterminated"):
            json.loads(ask(proxy, named="odd")[2])
        assert server.calls == 3


def test_a_function_sees_the_request(server):
    def by_path(asked):
        return troubles.says(418) if "completions" in asked.path else None

    with FaultProxy(server.url, by_path) as proxy:
        assert ask(proxy)[0] == 418


@pytest.mark.parametrize("make", [troubles.reset, troubles.hang_up, troubles.half_close])
@pytest.mark.parametrize("after", [0, 1, 150])
def test_an_answer_ends_after_so_many_bytes(server, make, after):
    with (
        FaultProxy(server.url, make(after)) as proxy,
        pytest.raises((OSError, http.client.HTTPException)),
    ):
        ask(proxy)


def test_a_stalled_answer_is_let_go_when_its_client_leaves(server):
    with FaultProxy(server.url, troubles.stall(20)) as proxy:
        with pytest.raises(TimeoutError):
            ask(proxy, timeout=0.2)
        for _ in range(200):
            if proxy.open == 0:
                break
            threading.Event().wait(0.01)
        assert proxy.open == 0


def test_a_client_that_leaves_stops_the_server_behind_too():
    async def body():
        slow = FakeServer(Scripted("x" * 4000, piece_delay_s=0.05))
        async with slow as server, FaultProxy(slow.url) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            asked = b'{"model": "m", "messages": [], "stream": true}'
            head = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n"
            writer.write(head % len(asked) + asked)
            await reader.readline()
            assert len(server._sessions) == 1
            writer.close()
            for _ in range(100):
                if not server._sessions:
                    break
                await asyncio.sleep(0.01)
            assert not server._sessions

    asyncio.run(body())


def test_a_long_line_is_as_long_as_told(server):
    with FaultProxy(server.url, troubles.long_line(1_000_000)) as proxy:
        assert len(text_of(ask(proxy)[2])) == 1_000_000
        assert len(ask(proxy, streamed=True)[2]) > 1_000_000


def test_a_certificate_of_somebody_else_is_shown(server):
    stranger = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.issue_cert("elsewhere.example").configure_cert(context)
    trusting = ssl.create_default_context()
    stranger.configure_trust(trusting)
    with FaultProxy(server.url, tls=context) as proxy:
        assert proxy.url.startswith("https://")
        connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, context=trusting)
        with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
            connection.request("GET", "/")
        connection.close()


def test_an_empty_trouble_is_none():
    assert Trouble() == Trouble(answer=None, after=None)
