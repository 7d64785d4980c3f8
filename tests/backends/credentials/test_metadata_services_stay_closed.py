"""Metadata services are reached by credential sources alone, each by its own, and by no url."""

import asyncio
import time

import pytest

from aihandler.backends.codec import HttpCall
from aihandler.backends.http.origin import parse_origin
from aihandler.backends.http.tokens import MetadataService, TokenAsk, door_of
from aihandler.domain.deployment import AwsCredentials, AzureCredentials, GoogleCredentials, Hosting
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable, ConfigError
from aihandler.testing import allow

KINDS = {"aws": AwsCredentials(region="eu-west-1"), "google": GoogleCredentials(),
         "azure": AzureCredentials(tenant="t", client="c")}  # fmt: skip
OWN = {
    MetadataService.AWS_INSTANCE: ("aws", "/latest/api/token"),
    MetadataService.AWS_INSTANCE_V6: ("aws", "/latest/meta-data/iam/security-credentials/"),
    MetadataService.AWS_CONTAINER: ("aws", "/v2/credentials/1"),
    MetadataService.AWS_POD: ("aws", "/v1/credentials"),
    MetadataService.AWS_POD_V6: ("aws", "/v1/credentials"),
    MetadataService.GOOGLE: (
        "google", "/computeMetadata/v1/instance/service-accounts/default/token?scopes=a%2Fb",
    ),
    MetadataService.AZURE: ("azure", "/metadata/identity/oauth2/token?api-version=2018-02-01"),
}  # fmt: skip


@pytest.fixture
def dialled(monkeypatch):
    """Notes where connections go, and makes none."""
    seen = []

    async def connect(self, protocol, host=None, port=None, **_):
        seen.append((host, port))
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connect)
    return seen


@pytest.mark.parametrize("service", list(MetadataService), ids=lambda s: s.name)
def test_each_service_answers_the_source_of_its_own_vendor_at_one_address(
    service, dialled, make_transport, make_deployment
):
    kind, target = OWN[service]

    async def body():
        transport = make_transport()
        ask = TokenAsk(service, target, "GET")
        for name, credentials in KINDS.items():
            with pytest.raises(BackendError) as caught:
                await transport.ask_for_token(ask, make_deployment(credentials), within_s=1)
            expected = BackendUnavailable if name == kind else BackendRejected
            assert type(caught.value) is expected
        with pytest.raises(BackendRejected):
            await transport.ask_for_token(ask, make_deployment(None), within_s=1)
        await transport.close()

    asyncio.run(body())
    assert dialled == [(service.address, 80)]


@pytest.mark.parametrize(
    ("service", "target"),
    [
        (MetadataService.AWS_INSTANCE, "/latest/../computeMetadata/v1/"),
        (MetadataService.AWS_INSTANCE, "/latest/%2e%2e/x"),
        (MetadataService.AWS_INSTANCE, "/computeMetadata/v1/instance/service-accounts/x"),
        (MetadataService.GOOGLE, "/computeMetadata/v1/project/attributes/ssh-keys"),
        (MetadataService.GOOGLE, "/latest/api/token"),
        (MetadataService.AZURE, "/metadata/instance?api-version=2021-02-01"),
    ],
)
def test_a_service_is_asked_for_credentials_and_for_nothing_else(
    service, target, dialled, make_transport, make_deployment
):
    async def body():
        transport = make_transport()
        deployment = make_deployment(KINDS[OWN[service][0]])
        with pytest.raises(BackendRejected, match="not asked for that"):
            await transport.ask_for_token(TokenAsk(service, target), deployment, within_s=1)
        await transport.close()

    asyncio.run(body())
    assert dialled == []


URLS = [
    "http://169.254.169.254", "http://169.254.170.2", "http://169.254.170.23",
    "http://[fd00:ec2::254]", "http://[fd00:ec2::23]", "http://[::ffff:169.254.169.254]",
    "https://169.254.169.254", "https://metadata.google.internal", "http://metadata.google.internal",
]  # fmt: skip


def as_resolved(monkeypatch):
    async def resolve(host, port, **_):
        return [(2, 1, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_url_of_a_deployment_leads_there_with_credentials_or_without(
    url, kind, dialled, monkeypatch, make_transport, make_deployment
):
    async def body():
        as_resolved(monkeypatch)
        environ = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}
        transport = make_transport(environ)
        call = HttpCall("/latest/api/token", b"a document")
        for hosting in Hosting:
            for credentials in (None, KINDS["aws"]):
                deployment = make_deployment(
                    credentials, url, hosting=hosting, attestation="ours, honestly"
                )
                deadline = time.monotonic() + 2
                with pytest.raises(BackendRejected):
                    await transport.send(
                        call, deployment, allow(deployment), deadline=deadline, sent=fail
                    )
                with pytest.raises(BackendRejected):
                    await transport.inspect(deployment, path="/latest/", timeout_s=1)
        with pytest.raises(BackendRejected):
            await transport.probe(url, path="/latest/")
        # Nor does it as an address of a token endpoint, which the user's files may name.
        with pytest.raises(BackendRejected):
            await transport.ask_for_token(
                TokenAsk(url, "/latest/api/token"), make_deployment(KINDS[kind]), within_s=1
            )
        await transport.close()

    asyncio.run(body())
    assert dialled == []


def fail():
    raise AssertionError("something was sent")


@pytest.mark.parametrize(
    "url",
    ["http://sts.amazonaws.com", "http://10.0.0.1", "http://vault.internal", "http://192.168.1.1",
     "http://8.8.8.8", "http://[fd12::1]"],
)  # fmt: skip
def test_token_endpoints_are_asked_over_https_only(url, make_deployment):
    with pytest.raises(BackendRejected, match="over https only"):
        door_of(TokenAsk(url, "/"), make_deployment(KINDS["aws"]))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:8080", "http://169.254.131.5:8081"]
)
def test_a_platform_on_this_very_machine_may_be_asked_in_plain(url, make_deployment):
    assert door_of(TokenAsk(url, "/"), make_deployment(KINDS["azure"])).origin == parse_origin(url)


@pytest.mark.parametrize("url", ["https://a@b.example", "https://a.example?x=y", "ftp://a.example"])
def test_an_address_that_is_none_is_refused(url, make_deployment):
    with pytest.raises(ConfigError):
        door_of(TokenAsk(url, "/"), make_deployment(KINDS["aws"]))


def test_only_a_deployment_with_credentials_asks_at_all(make_deployment):
    with pytest.raises(BackendRejected, match="no `credentials`"):
        door_of(TokenAsk("https://sts.eu-west-1.amazonaws.com", "/"), make_deployment(None))


def test_what_stands_in_for_the_deployment_has_nothing_of_it_but_name_and_trust(make_deployment):
    from aihandler.domain.deployment import Secret, Tls

    deployment = make_deployment(
        KINDS["aws"], key=Secret("env", "K"), tls=Tls("ca.pem", "client.pem", "key.pem")
    )
    stand_in = door_of(TokenAsk("https://sts.eu-west-1.amazonaws.com", "/"), deployment).stand_in
    assert (stand_in.name, stand_in.urls, stand_in.key) == ("cloud", (), None)
    assert stand_in.tls == Tls(ca_file="ca.pem")
    assert not allow(deployment).permits(stand_in)


def test_no_repr_shows_what_is_sent_or_what_came_back():
    from aihandler.backends.http.tokens import TokenAnswer

    ask = TokenAsk("https://x.example", "/?a=secret", "POST", (("a", "secret"),), b"secret")
    assert "secret" not in repr(ask) + repr(TokenAnswer(200, {"a": "secret"}, b"secret"))
