"""Asks for credentials: token endpoints, and the metadata services that nothing else may reach."""

import asyncio
import enum
import ipaddress
import ssl

import msgspec

from aihandler.backends.http.connection import Patience
from aihandler.backends.http.dial import dial, dial_at
from aihandler.backends.http.head import HeadError, plain_head
from aihandler.backends.http.limits import HttpLimits
from aihandler.backends.http.origin import Origin, parse_origin
from aihandler.backends.http.pool import Pool
from aihandler.domain.deployment import (
    AwsCredentials,
    AzureCredentials,
    Deployment,
    GoogleCredentials,
    Hosting,
    Model,
    Tls,
)
from aihandler.errors import BackendRejected

_LIMITS = HttpLimits(head=16 * 1024, body=256 * 1024, idle_connections=0)


class MetadataService(enum.Enum):
    """A service of the machine itself: its address, its `Host`, what may be asked, for whom."""

    AWS_INSTANCE = ("169.254.169.254", "169.254.169.254", "/latest/", AwsCredentials)
    AWS_INSTANCE_V6 = ("fd00:ec2::254", "[fd00:ec2::254]", "/latest/", AwsCredentials)
    AWS_CONTAINER = ("169.254.170.2", "169.254.170.2", "/", AwsCredentials)
    AWS_POD = ("169.254.170.23", "169.254.170.23", "/", AwsCredentials)
    AWS_POD_V6 = ("fd00:ec2::23", "[fd00:ec2::23]", "/", AwsCredentials)
    GOOGLE = (
        "169.254.169.254",
        "metadata.google.internal",
        "/computeMetadata/v1/instance/service-accounts/",
        GoogleCredentials,
    )
    AZURE = (
        "169.254.169.254",
        "169.254.169.254",
        "/metadata/identity/oauth2/token",
        AzureCredentials,
    )

    @property
    def address(self) -> str:
        """The one address that is dialled; no name is looked up."""
        address: str = self.value[0]
        return address


class TokenAsk(msgspec.Struct, frozen=True):
    """One question for credentials. Made by credential sources alone; holds nothing of a user.

    `where` is a metadata service, or the base `https` address of a token endpoint.
    """

    where: MetadataService | str
    target: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        return f"TokenAsk({self.method} {self.where} ...)"


class TokenAnswer(msgspec.Struct, frozen=True):
    """What came back; `body` is bounded and holds secrets."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"TokenAnswer({self.status}, ...)"


class Door(msgspec.Struct, frozen=True):
    """Where a question goes. `address` is set for metadata services and for nothing else."""

    origin: Origin
    stand_in: Deployment
    address: str = ""


def door_of(ask: TokenAsk, deployment: Deployment) -> Door:
    """Checks that this may be asked on behalf of `deployment`. Raises BackendRejected."""
    # Trust anchors are those of the deployment; its own certificate is not shown here. The usual
    # rules for addresses hold too, but for private ones: TLS names who is there.
    stand_in = Deployment(
        name=deployment.name,
        backend="",
        model=Model(""),
        hosting=Hosting.VENDOR,
        attestation="a token endpoint",
        tls=Tls(ca_file=deployment.tls.ca_file),
    )
    if isinstance(ask.where, MetadataService):
        address, host, prefix, kind = ask.where.value
        if not isinstance(deployment.credentials, kind) or not _below(ask.target, prefix):
            raise _refused(deployment, "a metadata service is not asked for that")
        return Door(Origin("http", host, 80, "", literal=True), stand_in, address)
    if deployment.credentials is None:
        raise _refused(deployment, "it has no `credentials`, so none are asked for")
    origin = parse_origin(ask.where)
    if not origin.secure and not _on_this_machine(origin):
        raise _refused(deployment, f"{origin.host!r} is asked for credentials over https only")
    return Door(origin, stand_in)


async def exchange(
    ask: TokenAsk, door: Door, *, tls: ssl.SSLContext | None, within_s: float
) -> TokenAnswer:
    """Asks once, on a connection of its own. Raises BackendUnavailable and BackendRejected."""
    head = _head(ask, door)
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    pool = Pool(_LIMITS)
    try:
        if door.address:
            connection = await dial_at(
                door.address, door.origin, door.stand_in, pool=pool, wait_s=within_s
            )
        else:
            connection = await dial(door.origin, door.stand_in, pool=pool, tls=tls, wait_s=within_s)
        patience = Patience(within_s, within_s, until)
        response = connection.send(
            head + b"\r\n", ask.body, deployment=door.stand_in.name, patience=patience
        )
        await response.wait_head()
        return TokenAnswer(response.status, response.headers, await response.read())
    finally:
        await pool.close()


def _head(ask: TokenAsk, door: Door) -> bytes:
    host = door.origin.host if door.address else door.origin.authority
    try:
        head = plain_head(ask.method, door.origin.path + ask.target, host=host, headers=ask.headers)
    except HeadError as error:
        # Without its cause: no traceback may show the value that was refused.
        raise _refused(door.stand_in, str(error)) from None
    return head if ask.method == "GET" else head + b"content-length: %d\r\n" % len(ask.body)


def _below(target: str, prefix: str) -> bool:
    path = target.partition("?")[0]
    return path.startswith(prefix) and ".." not in path and "%" not in path


def _on_this_machine(origin: Origin) -> bool:
    # Platforms put their token services on loopback or on a link-local address of the host; the
    # addresses of metadata services are link-local too, and are refused when they are dialled.
    if origin.host == "localhost":
        return True
    if not origin.literal:
        return False
    address = ipaddress.ip_address(origin.host)
    return address.is_loopback or address.is_link_local


def _refused(deployment: Deployment, what: str) -> BackendRejected:
    return BackendRejected(
        f"deployment {deployment.name!r}: {what}",
        deployment=deployment.name,
        hint="check `credentials` of the deployment",
    )
