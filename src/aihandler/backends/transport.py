"""The one door to models: every byte that goes to a deployment goes through `Transport`."""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable

import msgspec

from aihandler.backends.codec import HttpCall
from aihandler.backends.credentials.credential import Credential, Outgoing
from aihandler.backends.credentials.expired import says_expired
from aihandler.backends.credentials.sources import MakeSources
from aihandler.backends.http.connection import Connection, Patience
from aihandler.backends.http.dial import dial, tls_context
from aihandler.backends.http.head import HeadError, header_lines, key_line, plain_head
from aihandler.backends.http.limits import HttpLimits
from aihandler.backends.http.origin import Origin, parse_origin
from aihandler.backends.http.pool import Pool
from aihandler.backends.http.response import Response
from aihandler.backends.http.tokens import TokenAnswer, TokenAsk, door_of, exchange
from aihandler.domain.clearance import Clearance
from aihandler.domain.deployment import Deployment, Hosting, Model, Secret, Timeouts, Tls
from aihandler.errors import AIHandlerError, BackendRejected, BackendUnavailable, ConfigError

# How many prepared heads are kept for one address before they are made anew.
_HEADS_KEPT = 64


class Transport:
    """Sends calls over HTTP/1.1 connections that it keeps. Follows no redirect, uses no proxy.

    `monotonic` is the clock of deadlines; `secrets` reads a key at the moment it is sent;
    `credentials` makes the sources that sign for deployments with `credentials`.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        secrets: Callable[[Secret], str],
        limits: HttpLimits | None = None,
        credentials: MakeSources | None = None,
    ) -> None:
        self._sources = credentials(self.ask_for_token) if credentials is not None else None
        self._monotonic = monotonic
        self._secrets = secrets
        self._limits = limits or HttpLimits()
        self._routes: dict[tuple[str, int], _Route] = {}
        self._pools: dict[tuple[object, ...], Pool] = {}
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(
        self,
        call: HttpCall,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
        replica: int = 0,
    ) -> Response:
        """Sends `call` and returns once status and headers are there; read or close the reply.

        `deadline` is a moment of `monotonic`; `sent` is called once, after the first write.
        Raises PolicyDenied before a name is looked up, BackendUnavailable, BackendRejected.
        """
        clearance.require(deployment)
        route = self._route(deployment, replica)
        asking = _Asking(call, deadline, sent)
        if deployment.credentials is not None:
            return _no_redirect(await self._ask(route, asking))
        errand = _Errand(self._head(route, asking, None), call.body, deadline, sent)
        response = await self._exchange(route, errand)
        return _no_redirect(response) if 300 <= response.status < 400 else response

    async def probe(
        self, url: str, *, path: str, timeout_s: float = 1.0, key: Secret | None = None
    ) -> Response:
        """GETs `path` from a server of this machine. Sends nothing of a user, and no key but `key`.

        Raises BackendRejected when `url` is not on this machine, BackendUnavailable.
        """
        origin = parse_origin(url)
        # `self` without attestation and a loopback name: `addresses.refusal` does the rest.
        looked_at = Deployment(
            name=origin.authority,
            backend="openai",
            model=Model(""),
            hosting=Hosting.SELF,
            urls=(url,),
            key=key,
            timeouts=Timeouts(timeout_s, timeout_s, timeout_s, timeout_s),
        )
        if not _names_loopback(origin):
            raise BackendRejected(
                f"{origin.authority!r} is not on this machine", deployment=origin.authority
            )
        return await self.inspect(looked_at, path=path, timeout_s=timeout_s)

    async def inspect(
        self, deployment: Deployment, *, path: str, prefix: str = "", timeout_s: float
    ) -> Response:
        """GETs `path` of a configured deployment; only `doctor` and `init` ask, and send no data.

        The rules for addresses, certificates and redirects hold as for `send`.
        """
        route = self._route(deployment, 0)
        deadline = self._monotonic() + timeout_s
        asking = _Asking(HttpCall(path, b"", prefix), deadline, _nothing, is_get=True)
        return _no_redirect(await self._ask(route, asking))

    async def ask_for_token(
        self, ask: TokenAsk, deployment: Deployment, *, within_s: float
    ) -> TokenAnswer:
        """Asks a token endpoint, or the one metadata service that `ask` names, for credentials.

        Only credential sources ask. No url, key or request of the deployment goes into it.
        """
        door = door_of(ask, deployment)
        tls = self._context(door.stand_in) if door.origin.secure else None
        return await exchange(ask, door, tls=tls, within_s=within_s)

    async def credential(self, deployment: Deployment, *, within_s: float) -> Credential:
        """What signs for a deployment that has `credentials`; `doctor` shows where it came from."""
        if self._sources is None:
            raise ConfigError(
                f"deployment {deployment.name!r} has credentials, and nothing here makes them",
                hint="give the transport `credentials`",
            )
        return await self._sources.credential(deployment, within_s=within_s)

    def reveals_key(self, text: str, deployment: Deployment) -> bool:
        """True when `text` holds the deployment's key, or a credential of its, or half of one."""
        if self._sources is not None and self._sources.reveals(text, deployment):
            return True
        if deployment.key is None:
            return False
        try:
            secret = self._secrets(deployment.key).strip()
        except AIHandlerError:
            return False
        half = len(secret) // 2
        return bool(secret) and (secret[:half] in text or secret[half:] in text)

    async def close(self) -> None:
        """Closes every connection."""
        if self._sources is not None:
            await self._sources.close()
        pools, self._pools, self._routes = self._pools, {}, {}
        for pool in pools.values():
            await pool.close()

    async def _ask(self, route: "_Route", asking: "_Asking") -> Response:
        if route.deployment.credentials is None:
            return await self._exchange(route, self._errand(route, asking))
        within_s = self._left_s(route, asking.deadline)
        credential = await self.credential(route.deployment, within_s=within_s)
        response = await self._exchange(route, self._errand(route, asking, credential))
        try:
            renewed = await self._renewed(route, asking, response, used=credential)
        except BaseException:
            response.close()
            raise
        if renewed is None:
            return response
        response.close()
        # A refused request has cost nothing, so it is asked once more, and only once.
        asking = msgspec.structs.replace(asking, sent=_nothing)
        return await self._exchange(route, self._errand(route, asking, renewed))

    async def _renewed(
        self, route: "_Route", asking: "_Asking", response: Response, *, used: Credential
    ) -> Credential | None:
        if self._sources is None or not await says_expired(response):
            return None
        within_s = self._left_s(route, asking.deadline)
        return await self._sources.replaced(route.deployment, used=used, within_s=within_s)

    def _left_s(self, route: "_Route", deadline: float) -> float:
        left_s = min(deadline - self._monotonic(), route.deployment.timeouts.total_s)
        if left_s <= 0:
            raise _too_late(route.deployment)
        return left_s

    def _errand(
        self, route: "_Route", asking: "_Asking", credential: Credential | None = None
    ) -> "_Errand":
        call = asking.call
        head = self._head(route, asking, credential)
        return _Errand(head, call.body, asking.deadline, asking.sent)

    async def _exchange(self, route: "_Route", errand: "_Errand") -> Response:
        loop = self._loop
        assert loop is not None
        limits = route.deployment.timeouts
        until = loop.time() + self._left_s(route, errand.deadline)
        patience = Patience(limits.first_byte_s, limits.stall_s, until)
        connection = route.pool.take(loop.time())
        if connection is not None:
            response = _write(connection, route, errand, patience=patience)
            try:
                errand.sent()
                if not response.has_head:
                    await response.wait_head()
            except BackendUnavailable:
                response.close()
                # The server may have closed a kept connection while this request was on its way.
                # Only there is a silent repeat safe, and only once.
                if not response.lost_unanswered:
                    raise
                errand = msgspec.structs.replace(errand, sent=_nothing)
            except BaseException:
                response.close()
                raise
            else:
                return response
        wait_s = min(limits.connect_s, until - loop.time())
        if wait_s <= 0:
            raise _too_late(route.deployment)
        connection = await dial(
            route.origin, route.deployment, pool=route.pool, tls=route.tls, wait_s=wait_s
        )
        response = _write(connection, route, errand, patience=patience)
        await _wait_head(response, errand.sent)
        return response

    def _route(self, deployment: Deployment, replica: int) -> "_Route":
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Sockets belong to the event loop that opened them.
            self._loop, self._pools, self._routes = loop, {}, {}
        route = self._routes.get((deployment.name, replica))
        if route is None or route.deployment is not deployment:
            route = self._new_route(deployment, replica)
            self._routes[deployment.name, replica] = route
        return route

    def _new_route(self, deployment: Deployment, replica: int) -> "_Route":
        if not deployment.urls:
            raise ConfigError(
                f"deployment {deployment.name!r} has no url", hint="give it `url: http(s)://...`"
            )
        origin = parse_origin(deployment.urls[replica])
        # Which addresses are admitted depends on hosting and attestation, so connections that were
        # checked for one deployment serve another only when the same rules held for both.
        rules = (deployment.hosting, bool(deployment.attestation))
        where = (origin.scheme, origin.host, origin.port, deployment.tls, rules)
        if where not in self._pools:
            self._pools[where] = Pool(self._limits)
        tls = self._context(deployment) if origin.secure else None
        return _Route(deployment, origin, self._pools[where], tls)

    def _context(self, deployment: Deployment) -> ssl.SSLContext:
        if deployment.tls not in self._contexts:
            try:
                self._contexts[deployment.tls] = tls_context(deployment.tls)
            except OSError as error:
                raise BackendRejected(
                    f"deployment {deployment.name!r}: its certificates cannot be read "
                    f"({error.strerror or type(error).__name__})",
                    deployment=deployment.name,
                    hint="check `ca_file`, `client_certificate` and `client_key`",
                ) from error
        return self._contexts[deployment.tls]

    def _head(self, route: "_Route", asking: "_Asking", credential: Credential | None) -> bytes:
        deployment, call = route.deployment, asking.call
        try:
            head = route.head(call, None if asking.is_get else len(call.body))
            if credential is not None and self._sources is not None:
                added = self._sources.headers(credential, route.outgoing(asking))
                return head + header_lines(added) + b"\r\n"
            if deployment.key is None:
                return head + b"\r\n"
            secret = self._secrets(deployment.key).strip()
            return head + key_line(call.key_header.name, call.key_header.prefix, secret)
        except HeadError as error:
            # Without its cause: no traceback may show the value that was refused.
            raise BackendRejected(
                f"deployment {deployment.name!r}: {error}",
                deployment=deployment.name,
                hint=f"check {deployment.key}" if deployment.key else "",
            ) from None


class _Asking(msgspec.Struct, frozen=True):
    call: HttpCall
    deadline: float
    sent: Callable[[], None]
    is_get: bool = False


class _Errand(msgspec.Struct, frozen=True):
    head: bytes
    body: bytes
    deadline: float
    sent: Callable[[], None]


class _Route:
    """One replica of one deployment, with what never changes between its requests."""

    def __init__(
        self, deployment: Deployment, origin: Origin, pool: Pool, tls: ssl.SSLContext | None
    ) -> None:
        self.deployment = deployment
        self.origin = origin
        self.pool = pool
        self.tls = tls
        self._heads: dict[tuple[str, tuple[tuple[str, str], ...], bool], bytes] = {}

    def head(self, call: HttpCall, size: int | None) -> bytes:
        """Request line and headers up to the key; `size` of None makes it a GET."""
        key = (call.path, call.headers, size is None)
        made = self._heads.get(key)
        if made is None:
            if len(self._heads) >= _HEADS_KEPT:
                self._heads.clear()
            path = self._path(call)
            method = "GET" if size is None else "POST"
            made = plain_head(method, path, host=self.origin.authority, headers=call.headers)
            self._heads[key] = made
        return made if size is None else b"%scontent-length: %d\r\n" % (made, size)

    def outgoing(self, asking: _Asking) -> Outgoing:
        """The same request, as whoever signs it has to see it."""
        call, method = asking.call, "GET" if asking.is_get else "POST"
        url = f"{self.origin.scheme}://{self.origin.authority}{self._path(call)}"
        return Outgoing(method, url, call.headers, call.body)

    def _path(self, call: HttpCall) -> str:
        return (self.origin.path or call.prefix) + call.path


def _write(
    connection: Connection, route: _Route, errand: _Errand, *, patience: Patience
) -> Response:
    name = route.deployment.name
    return connection.send(errand.head, errand.body, deployment=name, patience=patience)


async def _wait_head(response: Response, sent: Callable[[], None]) -> None:
    try:
        sent()
        await response.wait_head()
    except BaseException:
        response.close()
        raise


def _no_redirect(response: Response) -> Response:
    if 300 <= response.status < 400:
        response.close()
        raise BackendRejected(
            f"deployment {response.deployment!r} answered with a redirect ({response.status})",
            deployment=response.deployment,
            status=response.status,
            hint="write the final address as `url`; redirects are never followed",
        )
    return response


def _names_loopback(origin: Origin) -> bool:
    if origin.host == "localhost":
        return True
    return origin.literal and ipaddress.ip_address(origin.host).is_loopback


def _too_late(deployment: Deployment) -> BackendUnavailable:
    return BackendUnavailable(
        f"deployment {deployment.name!r} was not asked: the deadline has passed",
        deployment=deployment.name,
    )


def _nothing() -> None:
    """Stands in for `sent` when it has been called before."""
