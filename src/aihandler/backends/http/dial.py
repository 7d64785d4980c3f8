"""Opens a connection: resolves, checks each address, connects to that very address."""

import asyncio
import socket
import ssl

from aihandler.backends.http.addresses import refusal
from aihandler.backends.http.connection import Connection
from aihandler.backends.http.origin import Origin
from aihandler.backends.http.pool import Pool
from aihandler.domain.deployment import Deployment, Tls
from aihandler.errors import BackendRejected, BackendUnavailable


async def dial(
    origin: Origin, deployment: Deployment, *, pool: Pool, tls: ssl.SSLContext | None, wait_s: float
) -> Connection:
    """A fresh connection, within `wait_s` for name, socket and TLS together.

    Raises BackendRejected for an address or a certificate that must not be trusted, else
    BackendUnavailable.
    """
    try:
        async with asyncio.timeout(wait_s):
            addresses = await _admitted(origin, deployment)
            return await _first(addresses, origin, deployment, pool=pool, tls=tls)
    except TimeoutError:
        raise _unavailable(origin, deployment, f"no connection within {wait_s:g} s") from None


async def dial_at(
    address: str, origin: Origin, deployment: Deployment, *, pool: Pool, wait_s: float
) -> Connection:
    """A plain connection to this very address; only for what `http.tokens` vouches for."""
    try:
        async with asyncio.timeout(wait_s):
            return await _first([address], origin, deployment, pool=pool, tls=None)
    except TimeoutError:
        raise _unavailable(origin, deployment, f"no connection within {wait_s:g} s") from None


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Always verifies; `ca_file` adds trust anchors to those of the system. Raises OSError."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if tls.ca_file:
        context.load_verify_locations(cafile=tls.ca_file)
    if tls.client_certificate:
        context.load_cert_chain(tls.client_certificate, tls.client_key or None)
    return context


async def _admitted(origin: Origin, deployment: Deployment) -> list[str]:
    found = await _resolve(origin, deployment)
    refusals = {text: refusal(text, origin, deployment) for text in found}
    admitted = [text for text, reason in refusals.items() if reason is None]
    if not admitted:
        text, reason = next(iter(refusals.items()))
        raise BackendRejected(
            f"deployment {deployment.name!r}: {origin.host!r} is {text}, which {reason}",
            deployment=deployment.name,
            hint="correct `url` or `hosting`; an `attestation` in the file can vouch for it",
        )
    return admitted


async def _resolve(origin: Origin, deployment: Deployment) -> list[str]:
    if origin.literal and origin.host != "localhost":
        return [origin.host]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _unavailable(origin, deployment, "the name does not resolve") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _first(
    addresses: list[str],
    origin: Origin,
    deployment: Deployment,
    *,
    pool: Pool,
    tls: ssl.SSLContext | None,
) -> Connection:
    failure: OSError | None = None
    for address in addresses:
        try:
            return await _connect(address, origin, pool=pool, tls=tls)
        except ssl.SSLCertVerificationError as error:
            raise BackendRejected(
                f"deployment {deployment.name!r}: the certificate of {origin.authority!r} is not "
                f"trusted ({error.verify_message})",
                deployment=deployment.name,
                hint="a certificate of your own authority needs `ca_file`",
            ) from error
        except OSError as error:
            failure = error
    raise _unavailable(origin, deployment, _reason(failure)) from failure


async def _connect(
    address: str, origin: Origin, *, pool: Pool, tls: ssl.SSLContext | None
) -> Connection:
    connection = pool.create()
    try:
        # The checked address is dialled; the name stands only in SNI, certificate and Host.
        await asyncio.get_running_loop().create_connection(
            lambda: connection,
            address,
            origin.port,
            ssl=tls,
            server_hostname=origin.host if tls is not None else None,
        )
    except BaseException:
        pool.forget(connection)
        raise
    connection.address = address
    return connection


def _reason(failure: OSError | None) -> str:
    if isinstance(failure, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(failure, ssl.SSLError):
        return "no TLS connection could be made"
    return "no connection could be made"


def _unavailable(origin: Origin, deployment: Deployment, what: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"deployment {deployment.name!r} at {origin.authority!r}: {what}",
        deployment=deployment.name,
        hint="check that the server runs and that `url` names it",
    )
