"""Connections of clients. What a request may keep open is bounded, in size and in time.

uvicorn takes heads of any length and waits for the rest of a request as long as somebody keeps the
connection open: without a key one could fill a worker's memory, or hold all of its connections.
"""

import asyncio
from asyncio.transports import BaseTransport
from collections.abc import Iterable
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from aihandler.gateway.versions import NotHttp, Unchunked, offer_in, without_upgrade

# Claude Code and proxies send some 4 KB; nginx takes 32 KB.
MAX_HEAD_BYTES = 64 * 1024
HEAD_WITHIN_S = 30.0
BODY_SILENCE_S = 60.0
_LOOK_EVERY_S = 2.0
# A request that was sent before its client could know of the end has come by then.
LINGER_S = 0.5

_TOO_LARGE = ("431 Request Header Fields Too Large", "the headers have more than 64 KiB")
_SLOW_HEAD = ("408 Request Timeout", "the headers did not come within 30 s")
_SLOW_BODY = ("408 Request Timeout", "nothing of the body came for 60 s")


class Connection(HttpToolsProtocol):
    """uvicorn's, with bounds. Counts bytes only between a request's first and its last header."""

    # When the head that is awaited began; None while none is.
    _head_since: float | None = None
    _head_begun = False
    _head_bytes = 0
    _heard_at = 0.0
    _ends = False

    def connection_made(self, transport: BaseTransport) -> None:
        """The first head is awaited from now on."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._head_since = self.loop.time()

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a request."""
        super().on_message_begin()
        self._head_begun, self._head_bytes, self._head_since = True, 0, self.loop.time()

    def on_headers_complete(self) -> None:
        """Called by the parser at the empty line."""
        self._head_since = None
        super().on_headers_complete()
        if self._ends:
            # Its client is told to connect anew, to whoever listens then.
            self.cycle.keep_alive = False
        if self.scope["http_version"] == "1.0":
            self.cycle.send = Unchunked(self.cycle)  # type: ignore[assignment,method-assign]  # of this one

    def data_received(self, data: bytes) -> None:
        """Bytes, which may end one request and begin the next."""
        # A head that begins within these bytes sets this back: what is before it is not of it, and
        # what one read brings (256 KiB) is bounded anyway.
        self._head_bytes += len(data)
        self._heard_at = self.loop.time()
        self._unset_keepalive_if_required()
        left = data
        while left:
            left = self._parsed(left)
        if self._head_since is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(*_TOO_LARGE)

    def _parsed(self, data: bytes) -> bytes:
        """Feeds the parser; returns what it left of the data."""
        try:
            read = offer_in(self.parser, data)
        except NotHttp:
            self.send_400_response("Invalid HTTP request received.")
            return b""
        if read is None:
            return b""
        # The parser has said that the request is whole, before anybody could look at it.
        self.cycle.more_body = True
        self.parser = without_upgrade(self, self.headers)
        return data[read:]

    def shutdown(self) -> None:
        """The worker takes no more connections. Who is about to ask on this one is still answered:
        uvicorn hangs up at once, also on who has just connected.
        """
        self._ends = True
        cycle = self._last()
        if cycle is None or cycle.response_complete:
            self.loop.call_later(LINGER_S, self._end_idle)
        else:
            super().shutdown()

    def _end_idle(self) -> None:
        cycle = self._last()
        if cycle is not None and not cycle.response_complete:
            return
        # A head that has begun is awaited as long as any other.
        if self._head_since is None or not self._head_begun:
            self.transport.close()

    def end_if_slow(self, now: float) -> None:
        """Ends it if a head that is awaited does not come, or a body stops in its middle."""
        if self._head_since is not None:
            if now - self._head_since < HEAD_WITHIN_S:
                return
            if self._head_begun:
                self._refuse(*_SLOW_HEAD)
            else:
                self.transport.close()
        elif self._awaits_body() and now - self._heard_at >= BODY_SILENCE_S:
            self._answer(*_SLOW_BODY)
            self.transport.close()

    def _should_upgrade(self) -> bool:
        # Nothing here speaks another protocol, whatever is installed.
        return False

    def _awaits_body(self) -> bool:
        cycle = self._last()
        if cycle is None or cycle.response_started or not cycle.more_body:
            return False
        # Behind a request that is not yet answered nothing is read.
        return not self.flow.read_paused

    def _last(self) -> RequestResponseCycle | None:
        # Before the first request it is None, whatever its type says.
        return cast("RequestResponseCycle | None", self.cycle)

    def _refuse(self, status: str, why: str) -> None:
        """Refuses a head, of which the application never hears."""
        if self.transport.is_closing():
            return
        # A client takes the next answer for that of its earlier request.
        cycle = self._last()
        if cycle is None or cycle.response_complete:
            self._answer(status, why)
        self.transport.close()

    def _answer(self, status: str, why: str) -> None:
        body = f'{{"error":{{"message":"{why}","type":"invalid_request_error"}}}}'
        about = f"content-type: application/json\r\ncontent-length: {len(body)}"
        self.transport.write(
            f"HTTP/1.1 {status}\r\n{about}\r\nconnection: close\r\n\r\n{body}".encode()
        )


async def end_slow_ones(connections: Iterable[asyncio.Protocol]) -> None:
    """Looks every two seconds, as long as it runs: a timer for each request would cost more."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = loop.time()
        for connection in tuple(connections):
            if isinstance(connection, Connection):
                connection.end_if_slow(now)
