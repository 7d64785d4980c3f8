"""Kept connections: reuse, the race with a server that closes them, cancellation, TLS."""

import asyncio
import socket
import ssl
import threading

import msgspec
import pytest
import trustme

from aihandler.domain.clearance import Clearance
from aihandler.domain.deployment import Timeouts, Tls
from aihandler.domain.labels import DataClass
from aihandler.errors import BackendRejected, BackendUnavailable, PolicyDenied
from aihandler.testing import FakeServer, Scripted

REPLY = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n"
    b'{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}]}'
)


class _Scripted(asyncio.Protocol):
    """Answers the first request of each connection; does `second` to the next one."""

    made = 0

    def __init__(self, second):
        self.second = second
        self.asked = 0

    def connection_made(self, transport):
        type(self).made += 1
        self.transport = transport

    def data_received(self, data):
        self.asked += 1
        if self.asked == 1:
            self.transport.write(REPLY)
        else:
            self.second(self.transport)


def _against(second, use, bench_at):
    _Scripted.made = 0

    async def body():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Scripted(second), "127.0.0.1", 0)
        bench = bench_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            await use(bench)
        finally:
            await bench.caller.close()
            server.close()

    asyncio.run(body())


@pytest.mark.parametrize("end", ["close", "abort"])
def test_a_kept_connection_that_dies_after_it_was_asked_is_not_asked_again(bench_at, end):
    # The server may have done the work, and have written it on its bill.
    async def use(bench):
        await bench.call()
        with pytest.raises(BackendUnavailable, match="unanswered"):
            await bench.call()
        assert _Scripted.made == 1

    _against(lambda transport: getattr(transport, end)(), use, bench_at)


def test_a_kept_connection_that_was_over_before_it_was_asked_is_replaced_in_silence(bench_at):
    hung_up = threading.Event()

    def serve(listener):
        for _ in range(2):
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(REPLY)
            hung_up.set()

    async def body(listener):
        bench = bench_at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert (await bench.call()).text == "ok"
        # Blocks the event loop, so that nobody has noticed the end when the next call is made.
        assert hung_up.wait(5)
        assert (await bench.call()).text == "ok"
        assert bench.sent == 2
        await bench.caller.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        asyncio.run(body(listener))
        thread.join(5)


def test_a_kept_connection_that_dies_in_its_answer_is_not_asked_again(bench_at):
    def half(transport):
        transport.write(REPLY[:30])
        transport.close()

    async def use(bench):
        await bench.call()
        with pytest.raises(BackendUnavailable, match="cut its answer short"):
            await bench.call()
        assert _Scripted.made == 1

    _against(half, use, bench_at)


def test_a_fresh_connection_that_dies_unanswered_is_not_asked_again(with_server):
    async def use(bench, server):
        with pytest.raises(BackendUnavailable, match="unanswered"):
            await bench.call()
        assert server.calls == 1

    with_server(Scripted(fault="drop"), use)


def test_a_server_that_closed_idle_connections_is_simply_asked_on_a_new_one(with_server):
    async def use(bench, server):
        await bench.call()
        server.hang_up()
        await asyncio.sleep(0.01)
        await bench.call()
        assert (server.calls, server.connections) == (2, 2)

    with_server("ok", use)


def test_cancelling_a_call_closes_its_connection(with_server):
    async def use(bench, server):
        task = asyncio.create_task(bench.call())
        while not server.calls:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server._empty.wait(), 1)

    with_server(Scripted(fault="silent"), use)


def test_leaving_a_stream_closes_its_connection(with_server):
    async def use(bench, server):
        from aihandler.domain.conversation import Request, message
        from aihandler.testing import allow

        events = bench.caller.stream(
            Request("t", (message("user", "hi"),)), bench.deployment, allow(bench.deployment),
            deadline=bench.transport._monotonic() + 5, sent=bench.note,
        )  # fmt: skip
        async for _ in events:
            break
        await events.aclose()
        await asyncio.wait_for(server._empty.wait(), 1)

    with_server(Scripted("word " * 50, piece_delay_s=0.05), use)


def test_closing_the_transport_ends_calls_under_way(with_server):
    async def use(bench, server):
        task = asyncio.create_task(bench.call())
        while not server.calls:
            await asyncio.sleep(0.005)
        await bench.transport.close()
        with pytest.raises(BackendUnavailable, match="closed by us"):
            await task

    with_server(Scripted(fault="silent"), use)


def test_a_deployment_outside_the_clearance_gets_no_byte(with_server):
    async def use(bench, server):
        from aihandler.domain.conversation import Request, message

        nowhere = Clearance(DataClass.RESTRICTED, {})
        swapped = Clearance(DataClass.RESTRICTED, {"local": "another identity"})
        for clearance in (nowhere, swapped):
            with pytest.raises(PolicyDenied):
                await bench.caller.call(
                    Request("t", (message("user", "marker"),)), bench.deployment, clearance,
                    deadline=bench.transport._monotonic() + 5, sent=bench.note,
                )  # fmt: skip
        assert (server.connections, bytes(server.received), bench.sent) == (0, b"", 0)

    with_server("ok", use)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def _tls_server(authority, **settings):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    if settings.pop("client_certificate", False):
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    return FakeServer("safe", tls=context, **settings)


def _over_tls(authority, bench_at, use, *, tls=None, **settings):
    async def body():
        async with _tls_server(authority, **settings) as server:
            bench = bench_at(server.url, tls=tls or Tls())
            try:
                await use(bench, server)
            finally:
                await bench.caller.close()

    asyncio.run(body())


def _written(tmp_path, authority):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_a_certificate_of_the_named_authority_is_trusted(authority, bench_at, tmp_path):
    async def use(bench, server):
        assert (await bench.call()).text == "safe"
        assert (await bench.stream())[-1].reply.text == "safe"
        assert server.connections == 1

    _over_tls(authority, bench_at, use, tls=Tls(ca_file=_written(tmp_path, authority)))


def test_an_unknown_certificate_is_refused_before_anything_is_sent(authority, bench_at):
    async def use(bench, server):
        with pytest.raises(BackendRejected, match="not trusted") as caught:
            await bench.call()
        assert "ca_file" in caught.value.hint
        assert (bench.sent, server.calls) == (0, 0)

    _over_tls(authority, bench_at, use)


def test_a_certificate_for_another_name_is_refused(authority, bench_at, tmp_path):
    async def use(bench, server):
        elsewhere = bench.deployment.urls[0].replace("127.0.0.1", "127.0.0.2")
        bench.deployment = msgspec.structs.replace(bench.deployment, urls=(elsewhere,))
        with pytest.raises((BackendRejected, BackendUnavailable)):
            await bench.call()
        assert server.calls == 0

    _over_tls(authority, bench_at, use, tls=Tls(ca_file=_written(tmp_path, authority)))


def test_a_client_certificate_is_shown(authority, bench_at, tmp_path):
    certificate = authority.issue_cert("client.example")
    chain, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    certificate.private_key_pem.write_to_path(str(key))
    tls = Tls(_written(tmp_path, authority), str(chain), str(key))

    async def use(bench, server):
        assert (await bench.call()).text == "safe"

    _over_tls(authority, bench_at, use, tls=tls, client_certificate=True)


def test_certificate_files_that_cannot_be_read_are_named_as_the_cause(bench_at):
    async def body():
        bench = bench_at("https://127.0.0.1:9", tls=Tls(ca_file="/nowhere/ca.pem"))
        with pytest.raises(BackendRejected, match="cannot be read") as caught:
            await bench.call()
        assert "ca_file" in caught.value.hint

    asyncio.run(body())


def test_connecting_has_a_limit_of_its_own(bench_at, monkeypatch):
    async def for_ever(*_, **__):
        await asyncio.sleep(60)

    async def body():
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", for_ever)
        bench = bench_at("http://gpu-1:8000", timeouts=Timeouts(0.05, 5, 5, 5))
        with pytest.raises(BackendUnavailable, match=r"no connection within 0\.05 s"):
            await bench.call()
        assert bench.sent == 0

    asyncio.run(body())
