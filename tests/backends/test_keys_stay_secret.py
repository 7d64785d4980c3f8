"""A key goes to its server and nowhere else."""

import asyncio
import traceback

import msgspec
import pytest

from aihandler.domain.deployment import Deployment, Hosting, Model, Secret
from aihandler.errors import AIHandlerError, BackendRejected, ConfigError
from aihandler.testing import Scripted


def _everything_about(error):
    shown = traceback.format_exception(type(error), error, error.__traceback__)
    return "".join((str(error), repr(error), error.hint, repr(vars(error)), *shown))


def test_the_key_is_sent_as_a_bearer_token(with_server, key, canary):
    async def use(bench, server):
        await bench.call()
        assert server.headers[0]["authorization"] == f"Bearer {canary}"

    with_server("ok", use, key=key)


def test_no_header_is_sent_without_a_key(with_server):
    async def use(bench, server):
        await bench.call()
        assert "authorization" not in server.headers[0]

    with_server("ok", use)


def _echo(status, canary):
    words = f"Incorrect API key provided: Bearer {canary}. You sent {canary[:20]}..."
    body = msgspec.json.encode({"error": {"message": words, "code": canary}})
    return Scripted(status=status, body=body)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_a_server_that_repeats_the_key_does_not_get_it_into_an_error(
    with_server, key, canary, status
):
    async def use(bench, server):
        for ask in (bench.call, bench.stream):
            with pytest.raises(AIHandlerError) as caught:
                await ask()
            assert canary[:12] not in _everything_about(caught.value)
            assert canary[12:] not in _everything_about(caught.value)

    with_server(_echo(status, canary), use, key=key)


@pytest.mark.parametrize("fault", ["html", "garbage", "not_http", "drop", "cut", "error_event"])
def test_no_fault_of_a_server_shows_the_key(with_server, key, canary, fault):
    async def use(bench, server):
        with pytest.raises(AIHandlerError) as caught:
            await bench.call()
        assert canary[:12] not in _everything_about(caught.value)
        assert canary[:12] not in repr(bench.deployment)

    with_server(Scripted(fault=fault), use, key=key)


def test_a_refused_key_names_the_variable_to_check(with_server, key):
    async def use(bench, server):
        with pytest.raises(BackendRejected) as caught:
            await bench.call()
        assert "${LOCAL_KEY}" in caught.value.hint

    with_server(Scripted(status=401), use, key=key)


@pytest.mark.parametrize("broken", ["sk-a\r\nx-evil: 1", "sk-\x00", "sk-caf\u00e9-secret", "  "])
def test_a_key_that_cannot_be_a_header_is_refused_unseen(bench_at, key, broken):
    async def body():
        bench = bench_at("http://127.0.0.1:9", key=key, secret=broken)
        with pytest.raises(BackendRejected) as caught:
            await bench.call()
        assert bench.sent == 0
        assert "${LOCAL_KEY}" in caught.value.hint
        if broken.strip():
            assert broken not in _everything_about(caught.value)

    asyncio.run(body())


def test_a_key_that_cannot_be_read_is_the_error_of_who_reads_it(bench_at, key):
    def unset(_: Secret) -> str:
        raise ConfigError("LOCAL_KEY is not set", hint="export LOCAL_KEY=...")

    async def body():
        bench = bench_at("http://127.0.0.1:9", key=key)
        bench.transport._secrets = unset
        with pytest.raises(ConfigError, match="not set"):
            await bench.call()
        assert bench.sent == 0

    asyncio.run(body())


def test_words_of_a_server_are_quoted_unless_they_repeat_the_request(with_server):
    document = "Dear Ms Miller, your account number is 4711-0815 and it is overdrawn."

    def reply(request):
        words = "the model is not loaded"
        if "4711" in request["messages"][0]["content"]:
            words = "1 validation error, input_value='account number is 4711-0815'"
        return Scripted(status=400, body=msgspec.json.encode({"error": {"message": words}}))

    async def use(bench, server):
        with pytest.raises(BackendRejected, match="the model is not loaded"):
            await bench.call("something else entirely")
        with pytest.raises(BackendRejected) as caught:
            await bench.call(document)
        assert "4711" not in _everything_about(caught.value)

    with_server(reply, use)


@pytest.mark.parametrize(
    "header",
    [
        ("x-a", "b\r\nx: y"),
        ("x a", "b"),
        ("x-a\r\n", "b"),
        ("host", "evil"),
        ("Content-Length", "0"),
        ("x", "\u20ac"),
    ],
)
def test_no_header_can_smuggle_another(bench_at, header):
    from aihandler.backends.codec import HttpCall
    from aihandler.testing import allow

    async def body():
        bench = bench_at("http://127.0.0.1:9")
        for call in (
            HttpCall("/x", b"{}", headers=(header,)),
            HttpCall("/x y", b"{}"),
            HttpCall("/x\r\ny: z", b"{}"),
            HttpCall("//", b"{}", prefix="http://evil"),
        ):
            with pytest.raises(BackendRejected):
                await bench.transport.send(
                    call, bench.deployment, allow(bench.deployment),
                    deadline=bench.transport._monotonic() + 1, sent=bench.note,
                )  # fmt: skip
        assert bench.sent == 0

    asyncio.run(body())


def test_an_unknown_profile_lists_those_that_there_are(bench_at):
    async def body():
        bench = bench_at("http://127.0.0.1:9", profile="vlm")
        with pytest.raises(ConfigError, match="'vlm'") as caught:
            await bench.call()
        assert "vllm" in caught.value.hint

    asyncio.run(body())


def test_a_vendor_host_without_a_profile_gets_its_own():
    from aihandler.backends import load_profiles, profile_for

    profiles = load_profiles()
    vendor = Deployment(
        "v", "openai", Model("m"), Hosting.VENDOR, urls=("https://api.openai.com/v1",)
    )
    assert profile_for(vendor, profiles).name == "openai"
    local = Deployment("l", "openai", Model("m"), Hosting.SELF, urls=("http://gpu-1:8000",))
    assert profile_for(local, profiles).name == "generic"


def test_the_path_of_a_url_takes_the_place_of_v1(bench_at):
    from aihandler.testing import FakeServer

    async def body():
        async with FakeServer("ok") as server:
            for path, expected in (("", "/v1"), ("/", "/v1"), ("/openai/v1/", "/openai/v1")):
                bench = bench_at(server.url + path)
                await bench.call()
                await bench.caller.close()
                assert f"POST {expected}/chat/completions HTTP/1.1".encode() in server.received

    asyncio.run(body())
