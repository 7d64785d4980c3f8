"""Where a deployment's host may lead: the address is checked, and it alone is dialled."""

import asyncio

import pytest

from aihandler.backends.http.addresses import refusal
from aihandler.backends.http.origin import parse_origin
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import BackendRejected, ConfigError
from aihandler.testing import FakeServer

NAMED = parse_origin("https://models.example:8443/v1")


def _deployment(hosting, **fields):
    return Deployment(
        "d", "openai", Model("m"), hosting, urls=("https://models.example",), **fields
    )


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.9",
        "172.16.0.1",
        "169.254.7.7",
        "100.64.0.1",
        "::1",
        "fd12::1",
        "fe80::1",
    ],
)
def test_self_reaches_this_machine_and_private_networks(address):
    assert refusal(address, NAMED, _deployment(Hosting.SELF)) is None


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "2606:4700::1",
        "172.32.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "100.128.0.1",
    ],
)
def test_self_reaches_the_world_only_with_an_attestation(address):
    assert "public network" in (refusal(address, NAMED, _deployment(Hosting.SELF)) or "")
    attested = _deployment(Hosting.SELF, attestation="our own rack, behind this address")
    assert refusal(address, NAMED, attested) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "fd12::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "100.64.0.1",
        "2002:a00:1::1",
    ],
)
def test_a_vendor_is_never_on_a_private_network(address):
    for hosting in (Hosting.VENDOR, Hosting.MANAGED):
        assert "private network" in (refusal(address, NAMED, _deployment(hosting)) or "")
    attested = _deployment(Hosting.MANAGED, attestation="a private endpoint of our account")
    assert refusal(address, NAMED, attested) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://10.0.0.7", "http://[::1]:80"])
def test_a_vendor_whose_url_names_a_private_address_is_meant_to_be_there(url):
    origin = parse_origin(url)
    assert refusal(origin.host, origin, _deployment(Hosting.VENDOR)) is None


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "64:ff9b::a9fe:a9fe",
        "0.0.0.0",
        "224.0.0.1",
        "::",
        "255.255.255.255",
        "ff02::1",
    ],
)
def test_metadata_services_and_no_addresses_are_refused_to_everyone(address):
    for hosting in Hosting:
        attested = _deployment(hosting, attestation="yes")
        assert refusal(address, NAMED, attested) is not None
        literal = parse_origin(f"https://{f'[{address}]' if ':' in address else address}")
        assert refusal(address, literal, attested) is not None


def test_plain_http_stays_on_private_networks():
    plain = parse_origin("http://models.example")
    for hosting in Hosting:
        attested = _deployment(hosting, attestation="yes")
        assert "plain http" in (refusal("8.8.8.8", plain, attested) or "")
    assert refusal("10.0.0.1", plain, _deployment(Hosting.SELF)) is None


def test_localhost_is_this_machine_whatever_a_resolver_says():
    local = parse_origin("http://localhost:8000")
    for hosting in Hosting:
        assert refusal("127.0.0.1", local, _deployment(hosting)) is None
        assert refusal("10.0.0.1", local, _deployment(hosting)) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://user:pw@host/",
        "http://host\\@evil/",
        "http://host/a b",
        "http://host?x=1",
        "http://host#x",
        "ftp://host",
        "http://",
        "//host",
        "http://ho st",
        "http://h\u00f6st",
        "http://host:99999",
        "http://host:x",
        "http://host:0",
        "http://[::1",
        "http://a..b",
        "http://host/v1/../x",
        "http://[fe80::1%25eth0]/",
        "http://-bad-/",
        "",
        "localhost:8000",
        "http://host\r\nx: y/",
        "http://host/v1\r\nx: y",
    ],
)
def test_urls_that_two_parsers_could_read_differently_are_refused(url):
    with pytest.raises(ConfigError) as caught:
        parse_origin(url)
    assert "pw" not in str(caught.value)
    assert caught.value.hint


def test_plain_urls_are_read():
    origin = parse_origin("https://api.example.com/openai/v1/")
    assert (origin.authority, origin.path, origin.port) == ("api.example.com", "/openai/v1", 443)
    assert parse_origin("http://[::1]:8080").authority == "[::1]:8080"
    assert parse_origin("http://GPU-1:8000").host == "gpu-1"
    assert parse_origin("http://a_b.internal").host == "a_b.internal"


def _resolving_to(monkeypatch, answers):
    looked_up = []

    async def resolve(host, port, **_):
        looked_up.append(host)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(2, 1, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    return looked_up


def test_the_checked_address_is_the_one_that_is_dialled(bench_at, monkeypatch):
    # The name is asked for once a connection: a second answer, as in DNS rebinding, has no effect.
    async def body():
        async with FakeServer("ok") as server:
            looked_up = _resolving_to(monkeypatch, [["127.0.0.1"], ["169.254.169.254"]])
            bench = bench_at(f"http://models.internal:{server.port}")
            await bench.call()
            await bench.call()
            assert looked_up == ["models.internal"]
            assert b"host: models.internal:" in server.received
            server.hang_up()
            await asyncio.sleep(0.01)
            with pytest.raises(BackendRejected, match="metadata"):
                await bench.call()
            assert server.calls == 2
            await bench.caller.close()

    asyncio.run(body())


def test_only_admitted_addresses_of_several_are_tried(bench_at, monkeypatch):
    async def body():
        async with FakeServer("ok") as server:
            _resolving_to(monkeypatch, [["8.8.8.8", "127.0.0.1"]])
            bench = bench_at(f"http://models.internal:{server.port}")
            await bench.call()
            assert server.calls == 1
            await bench.caller.close()

    asyncio.run(body())


def test_a_connection_checked_for_one_hosting_does_not_serve_another(bench_at, monkeypatch):
    import msgspec

    async def body():
        async with FakeServer("ok") as server:
            _resolving_to(monkeypatch, [["127.0.0.1"]])
            bench = bench_at(f"http://models.internal:{server.port}")
            await bench.call()
            bench.deployment = msgspec.structs.replace(bench.deployment, hosting=Hosting.VENDOR)
            with pytest.raises(BackendRejected, match="private network"):
                await bench.call()
            assert server.calls == 1
            await bench.caller.close()

    asyncio.run(body())


def test_proxies_of_the_environment_are_not_used(with_server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def use(bench, server):
        assert (await bench.call()).text == "ok"

    with_server("ok", use)
