"""A fake token server, and a transport with credential sources at it."""

import asyncio
import datetime
import random
import ssl
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from aihandler.backends import Transport
from aihandler.backends.credentials.asking import Asker
from aihandler.backends.credentials.sources import Sources, Surroundings
from aihandler.backends.http.tokens import TokenAnswer, TokenAsk
from aihandler.config.secrets import resolve
from aihandler.domain.deployment import Deployment, Hosting, Model, Timeouts, Tls
from aihandler.testing import FakeClock

NOW = 1_700_000_000.0


class Asked(msgspec.Struct, frozen=True):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]


class TokenServer:
    """Answers as `reply(asked)` says: a status, a body (JSON unless bytes), headers."""

    def __init__(self, reply: Callable[[Asked], Reply], tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.port = 0
        self._reply = reply
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://localhost:{self.port}"

    async def __aenter__(self) -> "TokenServer":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().strip().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = line.split()
                asked = Asked(method, target, headers, body)
                self.asked.append(asked)
                status, said, *more = self._reply(asked)
                data = said if isinstance(said, bytes) else msgspec.json.encode(said)
                extra = "".join(f"{k}: {v}\r\n" for k, v in (more[0] if more else {}).items())
                head_out = f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\n{extra}\r\n"
                writer.write(head_out.encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Scripted:
    """Stands in for the transport's `ask_for_token`; answers by address."""

    def __init__(self, reply: Callable[[TokenAsk], tuple[int, Any]]) -> None:
        self.asked: list[TokenAsk] = []
        self._reply = reply

    async def __call__(
        self, ask: TokenAsk, deployment: Deployment, *, within_s: float
    ) -> TokenAnswer:
        self.asked.append(ask)
        status, said = self._reply(ask)
        return TokenAnswer(
            status, {}, said if isinstance(said, bytes) else msgspec.json.encode(said)
        )


def deployed(credentials: Any, url: str = "https://models.example/v1", **fields: Any) -> Deployment:
    fields.setdefault("hosting", Hosting.VENDOR)
    fields.setdefault("timeouts", Timeouts(2.0, 2.0, 2.0, 5.0))
    fields.setdefault("backend", "openai")
    return Deployment("cloud", model=Model("m"), urls=(url,), credentials=credentials, **fields)


@pytest.fixture
def make_deployment() -> Callable[..., Deployment]:
    return deployed


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    return Scripted


@pytest.fixture
def fetched() -> Callable[..., Any]:
    """One fetch with these credentials, this environment and these answers."""

    def run(
        credentials: Any,
        reply: Callable[[TokenAsk], tuple[int, Any]],
        *,
        environ: dict[str, str] | None = None,
        url: str = "https://bedrock-runtime.eu-central-1.amazonaws.com",
    ) -> tuple[Any, list[TokenAsk]]:
        from aihandler.backends.credentials.sources import _fetch

        script = Scripted(reply)
        deployment = deployed(credentials, url)
        around = Surroundings(
            environ or {},
            lambda s: resolve(s, environ or {}),
            FakeClock(wall=NOW),
            random.Random(1).random,
        )
        fetch = _fetch(deployment, Asker(script, deployment), around)

        async def body() -> Any:
            return await fetch()

        return asyncio.run(body()), script.asked

    return run


@pytest.fixture
def token_server() -> type[TokenServer]:
    return TokenServer


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Tls:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return Tls(ca_file=str(path))


@pytest.fixture
def make_transport() -> Callable[..., Transport]:
    """A transport with sources; a fake clock for what expires, the real one for deadlines."""

    def make(environ: dict[str, str] | None = None, clock: FakeClock | None = None) -> Transport:
        found = environ or {}
        around = Surroundings(
            found, lambda s: resolve(s, found), clock or FakeClock(), random.Random(1).random
        )
        return Transport(
            monotonic=time.monotonic,
            secrets=around.secrets,
            credentials=lambda ask: Sources(ask, around),
        )

    return make


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def key_pem(rsa_key: rsa.RSAPrivateKey) -> str:
    return rsa_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture(scope="session")
def certificate_pem(rsa_key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    begins = datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=3650))
        .sign(rsa_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
