"""One connection: writes requests, parses replies, watches the clock. One request at a time."""

import asyncio
import select
from collections.abc import Callable
from typing import cast

import httptools
import msgspec

from aihandler.backends.http.limits import HttpLimits
from aihandler.backends.http.response import Response
from aihandler.errors import BackendRejected, BackendUnavailable

# Above this a body is handed over beside its head, not copied behind it.
_COPY_BELOW_BYTES = 64 * 1024
_SOON_S = 0.001


class Patience(msgspec.Struct, frozen=True):
    """How long one exchange may take; `until` is a moment of the event loop's clock."""

    first_byte_s: float
    stall_s: float
    until: float


class Connection(asyncio.Protocol):
    """Holds one socket. `released` is called when a reply is whole and another may follow."""

    def __init__(self, limits: HttpLimits, *, released: Callable[["Connection"], None]) -> None:
        self.idle_since = 0.0
        self.address = ""
        self._limits = limits
        self._released = released
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._poller: select.poll | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._response: Response | None = None
        self._patience = Patience(0, 0, 0)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._began = 0.0
        self._heard = 0.0
        self._answered = False
        self._in_head = False
        self._until_close = False
        self._keep = False
        self._was_over = False
        self._unmarked = 0
        self._head_size = 0
        self.gone = asyncio.Event()

    @property
    def opened(self) -> bool:
        """True once there was a socket."""
        return self._transport is not None

    @property
    def usable(self) -> bool:
        """True when another request may be sent."""
        transport = self._transport
        return self._response is None and transport is not None and not transport.is_closing()

    def send(self, head: bytes, body: bytes, *, deployment: str, patience: Patience) -> Response:
        """Writes a request and returns its reply, of which nothing has come yet."""
        assert self._transport is not None
        response = Response(self, deployment=deployment, limits=self._limits)
        self._response = response
        self._patience = patience
        self._answered = False
        self._was_over = _is_over(self._poller)
        self._in_head = True
        self._unmarked = self._head_size = 0
        self._began = self._heard = self._loop.time()
        if len(body) < _COPY_BELOW_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        self._watch()
        return response

    # What a response may do.

    def hold(self) -> None:
        """Reads nothing more until `resume`: the kernel then slows the server down."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads on."""
        self._heard = self._loop.time()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._watch()

    def abort(self) -> None:
        """Closes at once, without waiting for what was written."""
        self._response = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Ends whatever goes on here, because the transport is closed."""
        if self._response is not None:
            name = self._response.deployment
            what = f"the connection to deployment {name!r} was closed by us"
            self._response.fail(BackendUnavailable(what, deployment=name))
        self.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes hold of the socket."""
        self._transport = cast("asyncio.Transport", transport)
        self._poller = _poller(self._transport)

    def data_received(self, data: bytes) -> None:
        """Parses what has come."""
        if self._response is None:
            # Unasked for, as the 408 that some servers send before they hang up.
            self.abort()
            return
        self._heard = self._loop.time()
        self._answered = True
        self._unmarked += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._broken("sent bytes that are not HTTP")
        else:
            if self._unmarked > self._limits.head and self._response is not None:
                self._broken(f"sent more than {self._limits.head} bytes of headers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the reply: whole if its end is the end of the connection, cut short otherwise."""
        self.gone.set()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        response, self._response = self._response, None
        self._released(self)
        if response is None:
            return
        if response.has_head and self._until_close and exc is None:
            response.body_ended()
            return
        # Only a server that hung up before it was asked has surely not done the work.
        response.lost_unanswered = self._was_over and not self._answered
        what = "cut its answer short" if self._answered else "closed the connection unanswered"
        error = BackendUnavailable(
            f"deployment {response.deployment!r} {what}", deployment=response.deployment
        )
        error.__cause__ = exc
        response.fail(error)

    # Called by the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer."""
        self._head_size += len(name) + len(value)
        response = self._response
        if self._head_size > self._limits.head:
            self._broken(f"sent more than {self._limits.head} bytes of headers")
        elif response is not None and self._in_head:
            response.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        response = self._response
        if response is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            response.fields.clear()
            if status == 101:
                self._broken("switched to a protocol that was not asked for")
            return
        self._in_head = False
        self._unmarked = 0
        self._keep = self._parser.should_keep_alive()
        encoding, length, self._until_close = _framing(response.fields)
        if length > self._limits.body:
            self._reject(f"announced a body of more than {self._limits.body} bytes")
            return
        response.head_came(status, encoding)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._unmarked = 0
        if self._response is not None:
            self._response.body_came(data)

    def on_message_complete(self) -> None:
        """The reply is whole, unless it was one of those that come before a reply."""
        response = self._response
        if response is None or self._in_head:
            return
        self._response = None
        response.body_ended()
        if self._keep and not self._until_close:
            self.idle_since = self._heard
            self._released(self)
        elif self._transport is not None:
            self._transport.close()

    def on_message_begin(self) -> None:
        """A message that nobody asked for makes the connection unusable."""
        if self._response is None:
            self.abort()

    # Time.

    def _watch(self) -> None:
        # A timer that goes off early looks again, so that most requests set none of their own;
        # it may not go off late, and the wait for the next byte can begin at any moment.
        limit = min(self._limit(), self._loop.time() + self._patience.stall_s)
        if self._alarm is not None:
            if self._alarm_at <= limit:
                return
            self._alarm.cancel()
        self._alarm_at = limit
        self._alarm = self._loop.call_at(limit, self._rang)

    def _rang(self) -> None:
        self._alarm = None
        response = self._response
        if response is None:
            return
        limit = self._limit()
        if self._loop.time() < limit:
            self._watch()
            return
        if limit < self._patience.until and self._transport and _is_over(self._poller):
            # Bytes wait to be read: it was our loop that was late, not the server. (uvloop looks at
            # timers before it looks at sockets.)
            self._alarm_at = self._loop.time() + _SOON_S
            self._alarm = self._loop.call_at(self._alarm_at, self._rang)
            return
        response.fail(
            BackendUnavailable(
                f"deployment {response.deployment!r} {self._waited()}",
                deployment=response.deployment,
                hint="`timeouts` of the deployment and `limits` of the task set how long to wait",
            )
        )
        self.abort()

    def _limit(self) -> float:
        patience = self._patience
        if self._response is not None and self._response.held:
            return patience.until
        if not self._answered:
            return min(self._began + patience.first_byte_s, patience.until)
        return min(self._heard + patience.stall_s, patience.until)

    def _waited(self) -> str:
        patience = self._patience
        if self._limit() >= patience.until:
            return "did not end its answer before the deadline"
        if not self._answered:
            return f"sent no byte for {patience.first_byte_s:g} s"
        return f"stopped in its answer for {patience.stall_s:g} s"

    # Ends.

    def _broken(self, what: str) -> None:
        response = self._response
        if response is not None:
            response.fail(
                BackendUnavailable(
                    f"deployment {response.deployment!r} {what}",
                    deployment=response.deployment,
                    status=response.status or None,
                    hint="check that the url is that of an OpenAI-like server",
                )
            )
        self.abort()

    def _reject(self, what: str) -> None:
        response = self._response
        if response is not None:
            response.fail(
                BackendRejected(
                    f"deployment {response.deployment!r} {what}", deployment=response.deployment
                )
            )
        self.abort()


def _poller(transport: asyncio.Transport) -> "select.poll | None":
    if not hasattr(select, "poll"):
        return None
    poller = select.poll()
    poller.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return poller


def _is_over(poller: "select.poll | None") -> bool:
    """True when something came that the event loop has yet to notice: before a request was sent,
    that the other side has hung up."""
    return poller is not None and bool(poller.poll(0))


def _framing(fields: list[tuple[bytes, bytes]]) -> tuple[bytes, int, bool]:
    """Content-encoding, stated length (or 0), and whether the body ends with the connection."""
    encoding = b""
    length = 0
    until_close = True
    for name, value in fields:
        lower = name.lower()
        if lower == b"content-length":
            # The parser has refused everything but digits.
            length, until_close = int(value), False
        elif lower == b"transfer-encoding":
            until_close = False
        elif lower == b"content-encoding":
            encoding = value
    return encoding, length, until_close
