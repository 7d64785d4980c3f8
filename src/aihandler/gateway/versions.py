"""Clients that speak another HTTP than 1.1, or would like to: they are answered in their own."""

from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from aihandler.gateway.http import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

# What says how long a body is; all else of a head was heard before.
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class NotHttp(Exception):  # its reader answers it
    """What came is no HTTP."""


def offer_in(parser: httptools.HttpRequestParser, data: bytes) -> int | None:
    """Feeds the parser, and says where a head ends that offers another protocol: there it stops.

    None where all of the data was read. Raises NotHttp.
    """
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade as offer:
        read: int = offer.args[0]
        return read
    except httptools.HttpParserError:
        raise NotHttp from None
    return None


def without_upgrade(
    listener: HttpToolsProtocol, headers: "Iterable[tuple[bytes, bytes]]"
) -> httptools.HttpRequestParser:
    """A parser that awaits the body of a request whose head offered another protocol.

    httptools takes such a request for ended at its head, and its body for the next request: the
    body would be lost, or asked as a request of its own. An offer need not be taken (RFC 9110,
    7.8), and the JDK's client makes one with every request.
    """
    parser = httptools.HttpRequestParser(_Afterwards(listener))
    framing = b"".join(b"%s: %s\r\n" % (n, value) for n, value in headers if n in _FRAMING)
    parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
    return parser


class _Afterwards:
    """Passes on what a parser says, but for the first head, which it is told once more."""

    def __init__(self, listener: HttpToolsProtocol) -> None:
        self._listener = listener
        self._heard = False

    def on_message_begin(self) -> None:
        if self._heard:
            self._listener.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._heard:
            self._listener.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._heard:
            self._listener.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._heard:
            self._listener.on_headers_complete()
        self._heard = True

    def on_body(self, body: bytes) -> None:
        self._listener.on_body(body)

    def on_message_complete(self) -> None:
        self._listener.on_message_complete()


class Unchunked:
    """Sends an answer of HTTP/1.0, which knows no chunks: one without a length ends with its
    connection.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._send = cycle.send
        self._endless = False

    async def __call__(self, message: Message) -> None:
        """Sends."""
        cycle = self._cycle
        if message["type"] == "http.response.start":
            named = {name.lower() for name, _ in message.get("headers", ())}
            self._endless = b"content-length" not in named
            if self._endless:
                # uvicorn would say that chunks follow.
                cycle.chunked_encoding = False
        elif self._endless:
            cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)  # type: ignore[arg-type]  # uvicorn has a type for each message
