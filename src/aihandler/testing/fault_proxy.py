"""A proxy on loopback that stands before a server and makes trouble with its answers."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Self, cast
from urllib.parse import urlsplit

import httptools
import msgspec

from aihandler.testing.own_thread import OwnThread
from aihandler.testing.troubles import Then, Trouble

# A client that names a trouble in this header gets it, where `troubles` has that name.
TROUBLE_HEADER = "x-trouble"
# What was written before a reset has to reach the other side, or it is lost with the connection.
_BEFORE_RESET_S = 0.005


class Passing(msgspec.Struct, frozen=True):
    """A request on its way through; the first has `number` 1."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Troubles = Trouble | Mapping[int | str, Trouble] | Callable[[Passing], Trouble | None] | None


class FaultProxy:
    """Use it as `async with` in a running event loop, or as `with`, in a thread of its own.

    `troubles` says what happens: one Trouble for every request, a mapping by number of the request
    or by the word in its header `x-trouble`, or a function of the request. It may be set anew at
    any time. `received` holds every byte that clients sent, `open` counts their connections of
    this moment. With `tls` the proxy speaks TLS to clients and plain HTTP to the server.
    """

    def __init__(
        self,
        server_url: str,
        troubles: Troubles = None,
        *,
        tls: ssl.SSLContext | None = None,
        keep_bytes: bool = True,
    ) -> None:
        self.troubles = troubles
        self.received = bytearray()
        self.requests = 0
        self.connections = 0
        self.port = 0
        address = urlsplit(server_url)
        self._behind = (address.hostname or "127.0.0.1", address.port or 80)
        self._tls = tls
        self._keep_bytes = keep_bytes
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self._thread: OwnThread | None = None

    @property
    def url(self) -> str:
        """The base url, without a path."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """How many connections clients have now."""
        return len(self._clients)

    async def start(self, port: int = 0) -> Self:
        """Listens on a free port of loopback, unless `port` names one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Client(self), "127.0.0.1", port, ssl=self._tls, backlog=4096
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Hangs up on everybody and stops listening."""
        if self._server is None:
            return
        self._server.close()
        clients = tuple(self._clients)
        for client in clients:
            client.abort()
        for client in clients:
            await client.gone.wait()
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __enter__(self) -> Self:
        self._thread = OwnThread(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._thread is not None
        self._thread.stop()

    # Called by clients' connections.

    def joined(self, client: "_Client") -> None:
        """Counts a connection."""
        self.connections += 1
        self._clients.add(client)

    def left(self, client: "_Client") -> None:
        """Forgets a connection."""
        self._clients.discard(client)

    def heard(self, data: bytes) -> None:
        """Keeps what came in."""
        if self._keep_bytes:
            self.received += data

    def trouble_for(self, asked: Passing) -> Trouble:
        """What happens to the answer to this request."""
        troubles = self.troubles
        found: Trouble | None
        if troubles is None or isinstance(troubles, Trouble):
            found = troubles
        elif callable(troubles):
            found = troubles(asked)
        else:
            named = asked.headers.get(TROUBLE_HEADER, "")
            found = troubles.get(asked.number) or troubles.get(named)
        return found or Trouble()

    async def asked(self, raw: bytes) -> AsyncGenerator[bytes]:
        """Sends a request on; the answer's bytes as they come, up to its end."""
        reader, writer = await asyncio.open_connection(*self._behind)
        try:
            writer.write(raw)
            end = _End()
            while not end.reached and (data := await reader.read(64 * 1024)):
                end.feed(data)
                yield data
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Client(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.gone = asyncio.Event()
        self._proxy = proxy
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._raw: list[bytes] = []
        self._path = ""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._deaf = False

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._proxy.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a Protocol's shape
        # What still goes on for this client ends with it, the request to the server too.
        if self._task is not None:
            self._task.cancel()
        self._proxy.left(self)
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        self._proxy.heard(data)
        if self._deaf:
            return
        self._raw.append(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def on_url(self, url: bytes) -> None:
        self._path = url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        self._proxy.requests += 1
        method = self._parser.get_method().decode()
        body = b"".join(self._body)
        asked = Passing(self._proxy.requests, method, self._path, self._headers, body)
        raw = b"".join(self._raw)
        self._raw, self._body, self._headers = [], [], {}
        if self._task is not None:
            # It stalls behind an answer that was whole.
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._answer(asked, raw))

    async def _answer(self, asked: Passing, raw: bytes) -> None:
        trouble = self._proxy.trouble_for(asked)
        if trouble.wait_s:
            await asyncio.sleep(trouble.wait_s)
        try:
            async with aclosing(self._pieces(raw, trouble)) as pieces:
                await self._send(pieces, trouble)
        except OSError:
            # The server is not there, or went away: so does the proxy.
            self.abort()

    async def _pieces(self, raw: bytes, trouble: Trouble) -> AsyncGenerator[bytes]:
        """The answer in the pieces in which it goes out."""
        if trouble.answer is not None:
            yield trouble.answer
            return
        async with aclosing(self._proxy.asked(raw)) as came:
            if trouble.change is None and trouble.divide is None:
                async for data in came:
                    yield data
                return
            whole = b"".join([data async for data in came])
        if trouble.change is not None:
            whole = trouble.change(whole)
        for piece in trouble.divide(whole) if trouble.divide is not None else [whole]:
            yield piece
            # Each piece goes out by itself.
            await asyncio.sleep(trouble.pause_s)

    async def _send(self, pieces: AsyncGenerator[bytes], trouble: Trouble) -> None:
        transport, left = self._transport, trouble.after
        assert transport is not None
        async for piece in pieces:
            if left is None:
                transport.write(piece)
                continue
            if left > 0:
                transport.write(piece[:left])
            left -= len(piece)
            if left <= 0:
                break
        if left is not None:
            await self._end(transport, trouble.then)

    async def _end(self, transport: asyncio.Transport, then: Then) -> None:
        match then:
            case "stall":
                # Until the client has had enough.
                await asyncio.Event().wait()
            case "reset":
                await asyncio.sleep(_BEFORE_RESET_S)
                _let_linger(transport)
                transport.abort()
            case "hang_up":
                transport.close()
            case "half_close":
                # Whoever will not answer any more does nothing more either.
                self._deaf = True
                if transport.can_write_eof():
                    transport.write_eof()
                await asyncio.Event().wait()


class _End:
    """Finds the end of an answer."""

    def __init__(self) -> None:
        self.reached = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        # What is no HTTP ends with its connection.
        with contextlib.suppress(httptools.HttpParserError):
            self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.reached = self._parser.get_status_code() >= 200


def _let_linger(transport: asyncio.Transport) -> None:
    """Makes the next close a reset."""
    connected = cast("socket.socket", transport.get_extra_info("socket"))
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
