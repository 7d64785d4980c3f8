"""Finding servers on this machine, and telling which one it is."""

import asyncio
import time

import pytest

from aihandler.backends import Transport, discover, probe_models
from aihandler.domain.deployment import Secret
from aihandler.errors import BackendError, BackendRejected
from aihandler.testing import FakeServer, Scripted


def _models(*ids, owner="me"):
    return {"object": "list", "data": [{"id": name, "owned_by": owner} for name in ids]}


def _found(pages):
    async def body():
        transport = Transport(monotonic=time.monotonic, secrets=lambda _: "")
        try:
            async with FakeServer(pages=pages) as server:
                # Nothing listens on port 9; it must not hold up or spoil the rest.
                found = await discover(transport, [server.url, "http://127.0.0.1:9"])
                assert all(entry.url == server.url for entry in found)
                assert server.calls == 0
                return found
        finally:
            await transport.close()

    return asyncio.run(body())


SERVERS = {
    "ollama": {"/api/version": {"version": "0.33.1"}, "/v1/models": _models("llama3.2:1b")},
    "vllm": {"/version": {"version": "0.33.0"}, "/v1/models": _models("qwen", owner="vllm")},
    "llama-cpp": {
        "/props": {"default_generation_settings": {}, "build_info": "b8681"},
        "/v1/models": _models("nano.gguf", owner="llamacpp"),
    },
    "lm-studio": {"/api/v1/models": {"models": []}, "/v1/models": _models("phi")},
    "sglang": {"/get_model_info": {"model_path": "x"}, "/v1/models": _models("x")},
    "tgi": {"/info": {"model_id": "x", "max_total_tokens": 9, "version": "3"}},
    "llama-cpp-python": {
        "/openapi.json": {"info": {"title": "\N{LLAMA} llama.cpp Python API"}},
        "/v1/models": _models("nano"),
    },
    "transformers-serve": {
        "/openapi.json": {"info": {}, "paths": {"/load_model": {}, "/reset": {}}},
        "/v1/models": Scripted(status=500),
    },
    "generic": {"/v1/models": _models("something")},
}


@pytest.mark.parametrize("kind", SERVERS)
def test_each_server_is_known_by_what_it_answers(kind):
    (found,) = _found(SERVERS[kind])
    assert found.kind == kind
    assert found.name
    assert found.relay == ""


def test_models_and_version_are_told():
    (found,) = _found(SERVERS["ollama"])
    assert (found.models, found.version) == (("llama3.2:1b",), "0.33.1")


def test_a_web_server_that_is_no_model_server_is_left_out():
    page = Scripted(body=b"<html>hello</html>", content_type="text/html")
    assert _found({"/v1/models": page, "/version": page}) == []


@pytest.mark.parametrize(
    ("pages", "relayed"),
    [
        (
            {
                "/api/version": {"version": "0.33.1"},
                "/api/tags": {
                    "models": [
                        {"name": "llama3.2:1b"},
                        {"name": "gpt-oss:120b-cloud"},
                        {"name": "mine:latest", "remote_host": "https://ollama.com:443"},
                        {"name": "qwen3-coder:cloud"},
                    ]
                },
            },
            ("gpt-oss:120b-cloud", "mine:latest", "qwen3-coder:cloud"),
        ),
        (
            {
                "/health/readiness": {"litellm_version": "1.106.2"},
                "/v1/models": _models("gpt-5", owner="openai"),
            },
            ("gpt-5",),
        ),
        ({"/v1/models": _models("gpt-5", "claude", owner="openai")}, ("gpt-5", "claude")),
    ],
)
def test_a_local_server_that_forwards_to_a_cloud_is_called_a_relay(pages, relayed):
    (found,) = _found(pages)
    assert found.relay
    assert found.relayed == relayed


def _probing(use):
    async def body():
        transport = Transport(monotonic=time.monotonic, secrets=lambda _: "k")
        try:
            async with FakeServer(models=("a", "b")) as server:
                await use(transport, server)
        finally:
            await transport.close()

    asyncio.run(body())


def test_the_models_of_one_server_can_be_listed():
    async def use(transport, server):
        assert await probe_models(transport, server.url) == ("a", "b")
        key = Secret("env", "K")
        assert await probe_models(transport, server.url, key=key) == ("a", "b")
        assert b"authorization: Bearer k" in server.received
        assert server.received.count(b"POST") == 0

    _probing(use)


@pytest.mark.parametrize("url", ["http://10.0.0.1:8000", "http://example.com", "https://8.8.8.8"])
def test_probing_never_leaves_this_machine(url):
    async def use(transport, server):
        with pytest.raises(BackendRejected, match="not on this machine"):
            await transport.probe(url, path="/v1/models")

    _probing(use)


def test_a_server_that_wants_a_key_says_so():
    async def use(transport, server):
        server._pages["/v1/models"] = Scripted(status=401)
        with pytest.raises(BackendError) as caught:
            await probe_models(transport, server.url)
        assert "key" in caught.value.hint

    _probing(use)


def test_a_configured_deployment_can_be_looked_at_without_data(with_server):
    async def use(bench, server):
        response = await bench.transport.inspect(
            bench.deployment, path="/models", prefix="/v1", timeout_s=1.0
        )
        assert response.status == 200
        await response.read()
        assert server.received.startswith(b"GET /v1/models HTTP/1.1\r\n")

    with_server("ok", use)
