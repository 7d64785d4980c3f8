"""From the configuration to the wire: token endpoint, signed request, expiry, secrets unseen."""

import asyncio
import time
import traceback

import msgspec
import pytest

from aihandler.backends import HttpCaller, OpenAIChat, load_profiles
from aihandler.backends.codec import HttpCall
from aihandler.backends.credentials.credential import Outgoing
from aihandler.backends.credentials.sigv4 import AwsKeys, SigV4
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import AwsCredentials, AzureCredentials, GoogleCredentials, Hosting
from aihandler.errors import (
    AIHandlerError,
    BackendRejected,
    BackendUnavailable,
    ConfigError,
    PolicyDenied,
)
from aihandler.testing import FakeClock, FakeServer, Scripted, allow

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "env-secret-canary-0123456789",
        "AWS_SESSION_TOKEN": "session-canary-0123456789abcdef"}  # fmt: skip
PERSON = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


class Bench:
    """Asks one deployment, and counts what `sent` was told."""

    def __init__(self, transport, deployment):
        self.transport = transport
        self.deployment = deployment
        self.caller = HttpCaller(transport, codec=OpenAIChat(), profiles=load_profiles())
        self.sent = 0

    def note(self):
        self.sent += 1

    async def call(self, text="a question"):
        return await self.caller.call(
            Request("t", (message("user", text),)), self.deployment, allow(self.deployment),
            deadline=time.monotonic() + 5, sent=self.note,
        )  # fmt: skip


def run(body):
    return asyncio.run(asyncio.wait_for(body(), 20))


def everything_about(error):
    shown = traceback.format_exception(type(error), error, error.__traceback__)
    return "".join((str(error), repr(error), error.hint, repr(vars(error)), *shown))


@pytest.fixture
def google(tmp_path):
    """Credentials whose tokens come from a server of the test."""

    def make(url):
        path = tmp_path / "google.json"
        path.write_bytes(msgspec.json.encode({**PERSON, "token_uri": f"{url}/token"}))
        return GoogleCredentials(str(path))

    return make


class Tokens:
    """`token-1`, `token-2`, ... for an hour each."""

    def __init__(self):
        self.given = 0

    def __call__(self, asked):
        self.given += 1
        return 200, {"access_token": f"token-{self.given}-canary-0123456789", "expires_in": 3600}


@pytest.fixture
def with_tokens(token_server, server_tls, trusting, google, make_deployment, make_transport):
    """Runs `use(bench, server, tokens, clock)` with a model server and a token server."""

    def run_it(reply, use, *, give=None):
        async def body():
            clock = FakeClock()
            give_it = give or Tokens()
            async with FakeServer(reply) as server, token_server(give_it, server_tls) as tokens:
                deployment = make_deployment(google(tokens.url), server.url, tls=trusting)
                bench = Bench(make_transport(clock=clock), deployment)
                try:
                    return await use(bench, server, tokens, clock)
                finally:
                    await bench.caller.close()

        return run(body)

    return run_it


def test_a_request_is_signed_as_it_goes_out(make_deployment, make_transport):
    async def body():
        clock = FakeClock()
        async with FakeServer("ok") as server:
            settings = AwsCredentials(region="eu-central-1", service="bedrock")
            bench = Bench(make_transport(KEYS, clock), make_deployment(settings, server.url))
            assert (await bench.call()).text == "ok"
            await bench.caller.close()
        sent = server.headers[0]
        body_sent = bytes(server.received).partition(b"\r\n\r\n")[2]
        signer = SigV4(
            AwsKeys("AKIDENV", KEYS["AWS_SECRET_ACCESS_KEY"], KEYS["AWS_SESSION_TOKEN"]),
            "eu-central-1", "bedrock",
        )  # fmt: skip
        url = f"{server.url}/v1/chat/completions"
        outgoing = Outgoing("POST", url, (("accept", sent["accept"]),), body_sent)
        expected = dict(signer.headers(outgoing, now=clock.wall()))
        assert {name: sent[name] for name in expected} == expected
        assert bench.sent == 1

    run(body)


def test_headers_of_the_call_are_signed_too(make_deployment, make_transport):
    async def body():
        async with FakeServer("ok") as server:
            deployment = make_deployment(AwsCredentials(region="eu-west-1"), server.url)
            transport = make_transport(KEYS)
            response = await transport.send(
                HttpCall("/chat/completions", b"{}", "/v1", headers=(("X-Amzn-Trace", "1"),)),
                deployment, allow(deployment), deadline=time.monotonic() + 5, sent=lambda: None,
            )  # fmt: skip
            response.close()
            await transport.close()
        assert (
            "SignedHeaders=host;x-amz-date;x-amz-security-token;x-amzn-trace"
            in (server.headers[0]["authorization"])
        )

    run(body)


def test_a_token_is_fetched_once_and_serves_many_requests(with_tokens):
    async def use(bench, server, tokens, clock):
        await asyncio.gather(*(bench.call() for _ in range(10)))
        assert len(tokens.asked) == 1
        assert {h["authorization"] for h in server.headers} == {"Bearer token-1-canary-0123456789"}
        clock.advance(4000)
        await bench.call()
        assert server.headers[-1]["authorization"].startswith("Bearer token-2")
        # The document goes to the model, and nothing of it to the token endpoint.
        assert b"a question" in server.received
        assert not any(b"question" in a.body + repr(a.headers).encode() for a in tokens.asked)

    with_tokens("ok", use)


def refused(status, words):
    return Scripted(status=status, body=msgspec.json.encode({"message": words}))


EXPIRED = [
    Scripted(status=403, headers={"x-amzn-errortype": "ExpiredTokenException:http:"}, body=b"{}"),
    refused(403, "The security token included in the request is expired"),
    refused(401, "Request had invalid authentication credentials. Expected OAuth 2 access token"),
    refused(401, "Unauthorized. Access token is missing, invalid, audience is incorrect or have "
            "expired."),
    Scripted(status=401, headers={"www-authenticate": 'Bearer error="invalid_token"'}, body=b""),
]  # fmt: skip


@pytest.mark.parametrize("refusal", EXPIRED, ids=range(len(EXPIRED)))
def test_a_refused_token_is_renewed_and_the_request_repeated_once(with_tokens, refusal):
    async def use(bench, server, tokens, clock):
        assert (await bench.call()).text == "ok"
        assert [h["authorization"][:14] for h in server.headers] == [
            "Bearer token-1", "Bearer token-2",
        ]  # fmt: skip
        assert len(tokens.asked) == 2
        assert bench.sent == 1

    replies = [refusal, Scripted("ok")]
    with_tokens(lambda _: replies.pop(0), use)


def test_a_server_that_refuses_every_token_is_asked_twice_and_then_believed(with_tokens):
    async def use(bench, server, tokens, clock):
        for sends, fetches in ((2, 2), (3, 2), (4, 2)):
            with pytest.raises(BackendRejected, match="refused the credentials") as caught:
                await bench.call()
            assert caught.value.status == 403
            assert (len(server.headers), len(tokens.asked)) == (sends, fetches)

    with_tokens(EXPIRED[1], use)


@pytest.mark.parametrize(
    "refusal",
    [
        refused(403, "User is not authorized to perform bedrock:Converse"),
        refused(403, "Signature expired: 20231114T is now earlier than"),
        refused(400, "the token is expired"),
    ],
)
def test_another_refusal_is_no_reason_to_ask_for_a_token(with_tokens, refusal):
    async def use(bench, server, tokens, clock):
        with pytest.raises(BackendRejected):
            await bench.call()
        assert (len(server.headers), len(tokens.asked)) == (1, 1)

    with_tokens(refusal, use)


def test_what_was_looked_at_is_still_read_by_who_reads_the_refusal(with_tokens):
    async def use(bench, server, tokens, clock):
        with pytest.raises(BackendRejected, match="not allowed there"):
            await bench.call()

    words = b'{"error":{"message":"not allowed there","pad":"' + b"x" * 300_000 + b'"}}'
    with_tokens(Scripted(status=403, body=words), use)


def test_a_policy_that_says_no_asks_no_token_endpoint(with_tokens):
    async def use(bench, server, tokens, clock):
        with pytest.raises(PolicyDenied):
            await bench.transport.send(
                HttpCall("/x", b"{}"), bench.deployment, allow(),
                deadline=time.monotonic() + 1, sent=bench.note,
            )  # fmt: skip
        assert (len(server.headers), len(tokens.asked), bench.sent) == (0, 0, 0)

    with_tokens("ok", use)


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_a_server_that_repeats_the_token_does_not_get_it_into_an_error(with_tokens, status):
    async def use(bench, server, tokens, clock):
        with pytest.raises(AIHandlerError) as caught:
            await bench.call()
        assert "token-1" not in everything_about(caught.value)
        assert "canary" not in everything_about(caught.value)

    echo = b'{"error":{"message":"bad: token-1-canary-0123456789"}}'
    with_tokens(Scripted(status=status, body=echo), use)


def test_a_token_that_cannot_be_a_header_is_refused_unseen(with_tokens):
    async def use(bench, server, tokens, clock):
        with pytest.raises(BackendRejected) as caught:
            await bench.call()
        assert "evil" not in everything_about(caught.value)
        assert bench.sent == 0

    with_tokens("ok", use, give=lambda _: (200, {"access_token": "evil\r\nx: y", "expires_in": 9}))


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ((503, {}), BackendUnavailable, "HTTP 503"),
        ((400, {"error": "invalid_grant"}), BackendRejected, "HTTP 400, invalid_grant"),
        ((302, b"", {"location": "https://elsewhere.example"}), BackendRejected, "HTTP 302"),
        ((200, b"x" * 300_000), BackendRejected, "more than 262144 bytes"),
    ],
)
def test_what_goes_wrong_at_the_token_endpoint_is_told_and_nothing_is_sent(
    with_tokens, answer, kind, told
):
    async def use(bench, server, tokens, clock):
        with pytest.raises(kind, match=told) as caught:
            await bench.call()
        assert "'cloud' has no credentials: 'localhost:" in str(caught.value)
        assert "doctor" in caught.value.hint
        assert (len(server.headers), bench.sent) == (0, 0)

    with_tokens("ok", use, give=lambda _: answer)


def test_a_token_endpoint_that_nobody_vouches_for_is_not_told_anything(
    token_server, server_tls, google, make_deployment, make_transport
):
    async def body():
        async with token_server(Tokens(), server_tls) as tokens:
            deployment = make_deployment(google(tokens.url), "http://127.0.0.1:9")
            bench = Bench(make_transport(), deployment)
            with pytest.raises(BackendRejected, match="is not trusted"):
                await bench.call()
            assert tokens.asked == []
            await bench.caller.close()

    run(body)


def test_azure_and_sts_get_on_the_wire_what_they_expect(
    token_server, server_tls, trusting, make_deployment, make_transport
):
    xml = (
        b"<R><Credentials><AccessKeyId>ASIASTS</AccessKeyId><SecretAccessKey>x</SecretAccessKey>"
        b"<SessionToken>st</SessionToken><Expiration>2023-11-14T23:13:20Z</Expiration></Credentials></R>"
    )

    def reply(asked):
        if asked.target == "/tenant-1/oauth2/v2.0/token":
            return 200, {"access_token": "entra", "expires_in": 3600}
        return 200, xml

    async def body():
        async with FakeServer("ok") as server, token_server(reply, server_tls) as tokens:
            environ = {**KEYS, "AZURE_CLIENT_SECRET": "s"}
            for settings in (
                AzureCredentials("tenant-1", "client-1", authority=tokens.url),
                AwsCredentials("eu-west-1", role="arn:aws:iam::1:role/r", sts_url=tokens.url),
            ):
                transport = make_transport(environ, FakeClock(wall=1_700_000_000.0))
                bench = Bench(transport, make_deployment(settings, server.url, tls=trusting))
                await bench.call()
                await bench.caller.close()
            assert server.headers[0]["authorization"] == "Bearer entra"
            assert "Credential=ASIASTS/20231114/" in server.headers[1]["authorization"]
            assert server.headers[1]["x-amz-security-token"] == "st"
            assert [a.headers["host"] for a in tokens.asked] == [f"localhost:{tokens.port}"] * 2
            assert (
                tokens.asked[1].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential")
            )

    run(body)


def test_a_machine_is_asked_over_the_wire_at_its_own_address(
    token_server, monkeypatch, make_deployment, make_transport
):
    def reply(asked):
        if asked.method == "PUT":
            return 200, b"session"
        assert asked.headers["host"] == "169.254.169.254"
        if asked.target.endswith("/"):
            return 200, b"role-1"
        return 200, {"AccessKeyId": "ASIAEC2", "SecretAccessKey": "s", "Token": "t",
                     "Expiration": "2023-11-14T23:13:20Z"}  # fmt: skip

    async def body():
        async with FakeServer("ok") as server, token_server(reply) as tokens:
            connect = asyncio.BaseEventLoop.create_connection

            async def redirected(self, protocol, host=None, port=None, **options):
                if (host, port) == ("169.254.169.254", 80):
                    host, port = "127.0.0.1", tokens.port
                return await connect(self, protocol, host, port, **options)

            monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", redirected)
            deployment = make_deployment(AwsCredentials("eu-west-1"), server.url)
            bench = Bench(make_transport({}, FakeClock(wall=1_700_000_000.0)), deployment)
            await bench.call()
            found = await bench.transport.credential(deployment, within_s=1)
            assert found.how == "AWS role 'role-1' of this machine, for bedrock in eu-west-1"
            await bench.caller.close()
        assert "Credential=ASIAEC2/" in server.headers[0]["authorization"]
        assert [a.method for a in tokens.asked] == ["PUT", "GET", "GET"]

    run(body)


def test_a_transport_without_sources_says_so(make_deployment):
    from aihandler.backends import Transport

    async def body():
        transport = Transport(monotonic=time.monotonic, secrets=str)
        deployment = make_deployment(AwsCredentials("eu-west-1"), "http://127.0.0.1:9")
        with pytest.raises(ConfigError, match="nothing here makes them"):
            await transport.send(
                HttpCall("/x", b"{}"), deployment, allow(deployment),
                deadline=time.monotonic() + 1, sent=lambda: None,
            )  # fmt: skip

    run(body)


def test_as_whom_we_ask_does_not_decide_where_data_goes(make_deployment):
    one = make_deployment(AwsCredentials("eu-west-1"), hosting=Hosting.MANAGED)
    other = make_deployment(AwsCredentials("eu-west-1", role="r"), hosting=Hosting.MANAGED)
    assert one.identity == other.identity
    assert allow(one).permits(other)
