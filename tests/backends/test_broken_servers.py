"""Servers that fail, lie or stop: a typed error each time, never an empty success."""

import asyncio

import pytest

from aihandler.domain.deployment import Timeouts
from aihandler.errors import (
    BackendError,
    BackendRejected,
    BackendUnavailable,
    ContentRefused,
    ContextExceeded,
)
from aihandler.testing import Scripted

QUICK = Timeouts(connect_s=0.3, first_byte_s=0.15, stall_s=0.15, total_s=1.0)


async def _both_fail(bench, kind):
    found = []
    for ask in (bench.call, bench.stream):
        with pytest.raises(kind) as caught:
            await ask()
        assert type(caught.value) is kind
        assert caught.value.deployment == "local"
        found.append(caught.value)
    return found


@pytest.mark.parametrize(
    "fault", ["html", "not_http", "drop", "cut", "silent", "stall", "error_event"]
)
def test_every_fault_of_a_server_is_unavailable(with_server, fault):
    async def use(bench, server):
        await _both_fail(bench, BackendUnavailable)

    with_server(Scripted("a fine answer " * 9, fault=fault), use, timeouts=QUICK)


def test_broken_json_is_unavailable(with_server):
    async def use(bench, server):
        await _both_fail(bench, BackendUnavailable)

    with_server(Scripted(fault="garbage"), use)


def test_a_stream_that_never_says_that_it_ended_is_cut_short(with_server):
    async def use(bench, server):
        with pytest.raises(BackendUnavailable, match="before the answer was complete"):
            await bench.stream()

    with_server(Scripted("some words", fault="no_finish"), use)


def test_a_web_page_is_named_as_one_and_says_what_to_check(with_server):
    async def use(bench, server):
        for error in await _both_fail(bench, BackendUnavailable):
            assert "web page" in error.message
            assert "/v1" in error.hint
            assert error.status == 200

    with_server(Scripted(fault="html"), use)


def test_a_slow_but_steady_server_is_waited_for(with_server):
    async def use(bench, server):
        assert (await bench.call()).text == "slow"

    with_server(Scripted("slow", fault="slow"), use, timeouts=QUICK)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, BackendUnavailable), (500, BackendUnavailable), (503, BackendUnavailable),
        (529, BackendUnavailable), (408, BackendUnavailable), (400, BackendRejected),
        (401, BackendRejected), (403, BackendRejected), (404, BackendRejected),
        (413, BackendRejected), (422, BackendRejected), (302, BackendRejected),
    ],
)  # fmt: skip
def test_a_status_becomes_the_error_that_says_whether_to_ask_again(with_server, status, kind):
    async def use(bench, server):
        for error in await _both_fail(bench, kind):
            assert error.status == status

    with_server(Scripted(status=status), use)


def test_a_redirect_is_never_followed(with_server):
    async def use(bench, server):
        with pytest.raises(BackendRejected, match="redirect"):
            await bench.call()
        assert server.calls == 1

    with_server(Scripted(status=307, headers={"location": "http://127.0.0.1:1/"}), use)


def _says(status, body, **headers):
    return Scripted(status=status, body=body, headers=headers)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        # llama-cpp-python answers a wrong body this way; asking again never helps.
        (
            _says(500, b'{"error":{"message":"1 validation error: Input should be \'text\'"}}'),
            BackendRejected,
        ),
        (
            _says(400, b'{"error":{"code":"context_length_exceeded","message":"too long"}}'),
            ContextExceeded,
        ),
        (_says(500, b"the request exceeds the available context size"), ContextExceeded),
        (_says(400, b'{"error":{"code":"content_filter","message":"no"}}'), ContentRefused),
        (_says(429, b'{"error":{"code":"insufficient_quota","message":"pay"}}'), BackendRejected),
        (_says(422, b'{"detail":[{"loc":["body"],"msg":"Field required"}]}'), BackendRejected),
        (_says(500, b"Internal Server Error"), BackendUnavailable),
        (_says(200, b'{"error":{"code":429,"message":"slow down"}}'), BackendUnavailable),
        (_says(200, b'{"error":{"code":"content_filter","message":"no"}}'), ContentRefused),
        (_says(200, b'{"id":"x","choices":[]}'), BackendUnavailable),
        (_says(200, b'{"ok":true}'), BackendUnavailable),
        (_says(200, b""), BackendUnavailable),
        (_says(502, b"<html>Bad Gateway</html>"), BackendUnavailable),
        (_says(400, b"\xff\xfe not utf-8"), BackendRejected),
    ],
)
def test_what_a_server_says_decides_more_than_its_status(with_server, reply, kind):
    async def use(bench, server):
        await _both_fail(bench, kind)

    with_server(reply, use)


def test_a_server_may_say_how_long_to_wait(with_server):
    waits = {
        "7": 7.0,
        "1.5": 1.5,
        "Wed, 21 Oct 2026 07:28:05 GMT": 5.0,
        "Wed, 21 Oct 2020 07:28:00 GMT": 0.0,
        "soon": None,
    }
    for said, seconds in waits.items():
        headers = {"retry-after": said, "date": "Wed, 21 Oct 2026 07:28:00 GMT"}

        async def use(bench, server, seconds=seconds):
            with pytest.raises(BackendUnavailable) as caught:
                await bench.call()
            assert caught.value.retry_after_s == seconds

        with_server(Scripted(status=429, headers=headers), use)


def test_what_was_sent_without_an_answer_has_no_status(with_server):
    # The engine books such an attempt as in doubt: it may have been billed.
    async def use(bench, server):
        for error in await _both_fail(bench, BackendUnavailable):
            assert error.status is None
        assert bench.sent == 2

    with_server(Scripted("a fine answer " * 9, fault="cut"), use)


def test_nothing_is_sent_where_nothing_listens(bench_at):
    async def body():
        bench = bench_at("http://127.0.0.1:9")
        with pytest.raises(BackendUnavailable, match="nothing listens") as caught:
            await bench.call()
        assert bench.sent == 0
        assert "server runs" in caught.value.hint
        await bench.caller.close()

    asyncio.run(body())


def test_a_name_that_does_not_resolve_is_unavailable(bench_at, monkeypatch):
    async def nothing(*_, **__):
        raise OSError("no such name")

    async def body():
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nothing)
        bench = bench_at("http://models.internal:8000")
        with pytest.raises(BackendUnavailable, match="does not resolve"):
            await bench.call()
        assert bench.sent == 0

    asyncio.run(body())


def test_no_time_left_means_not_asked(with_server):
    async def use(bench, server):
        with pytest.raises(BackendUnavailable, match="deadline"):
            await bench.transport.send(
                __call(bench), bench.deployment, __allow(bench), deadline=0.0, sent=bench.note
            )
        assert (bench.sent, server.calls) == (0, 0)

    from aihandler.backends.codec import HttpCall
    from aihandler.testing import allow

    def __call(bench):
        return HttpCall("/chat/completions", b"{}", "/v1")

    def __allow(bench):
        return allow(bench.deployment)

    with_server("ok", use)


def test_all_backend_errors_end_within_the_deadline(with_server):
    async def use(bench, server):
        with pytest.raises(BackendError):
            await asyncio.wait_for(bench.call(), 1.5)

    timeouts = Timeouts(connect_s=1.0, first_byte_s=9.0, stall_s=9.0, total_s=0.2)
    with_server(Scripted(fault="silent"), use, timeouts=timeouts)
