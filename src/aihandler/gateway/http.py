"""The little of HTTP that routes need: a bounded body, headers, whole and streamed answers.

Raw ASGI on purpose: this is the way of every request, and each layer above it costs as much as
our own work (measured in docs/rooms/gateway.md).
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec

from aihandler.errors import AIHandlerError, InputError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]

# A request with several images; a larger one belongs into a file.
MAX_BODY_BYTES = 32 * 1024 * 1024
_THROWN_AWAY_BYTES = 8 * MAX_BODY_BYTES
_PLAIN = ("identity", "")
JSON_TYPE = (b"content-type", b"application/json")
SSE_TYPE = (b"content-type", b"text/event-stream; charset=utf-8")
# Proxies that collect a stream before they pass it on would undo it.
_STREAMED = (SSE_TYPE, (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))

Headers = list[tuple[bytes, bytes]]


class TooLarge(InputError):
    """A body beyond all bounds."""

    code = "too_large"
    http_status = 413


class Encoded(InputError):
    """A body that is compressed."""

    code = "unsupported_encoding"
    http_status = 415


class ClientGone(Exception):  # nothing went wrong
    """Nobody waits for the answer any more."""


class HttpRequest(msgspec.Struct, frozen=True):
    """One request, with its body. Names of headers are in lower case.

    `call_id` names the call that it becomes, if it becomes one.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    call_id: str = ""


class Reply(msgspec.Struct, frozen=True):
    """A whole answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers; one that stands twice is one list, as HTTP has it."""
    raw: Sequence[tuple[bytes, bytes]] = scope["headers"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) != len(raw):
        headers = {}
        for name, value in raw:
            known, said = name.decode("latin-1"), value.decode("latin-1")
            headers[known] = f"{headers[known]}, {said}" if known in headers else said
    return headers


async def body_of(receive: Receive, headers: Mapping[str, str]) -> bytes:
    """The body. Raises TooLarge before it is all in memory, Encoded, ClientGone."""
    stated = headers.get("content-length", "")
    too_large = stated.isdigit() and int(stated) > MAX_BODY_BYTES
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if too_large or size > MAX_BODY_BYTES:
            # Who is hung up on while sending never reads why: the rest is thrown away first.
            too_large = True
            pieces.clear()
            if size > _THROWN_AWAY_BYTES:
                break
            continue
        pieces.append(piece)
    if too_large:
        raise _too_large()
    if headers.get("content-encoding", "identity").lower() not in _PLAIN:
        raise _encoded(headers["content-encoding"])
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def send_whole(send: Send, reply: Reply, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Answers at once."""
    length = (b"content-length", str(len(reply.body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [*reply.headers, length, *headers],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


# Proxies and load balancers commonly give up after 30 to 60 seconds of silence.
KEEP_ALIVE_S = 15.0
_COMMENT = b": keep-alive\n\n"


class StreamOut:
    """A streamed answer. Nothing goes out before the first piece does.

    While nothing comes for `KEEP_ALIVE_S`, a comment goes out: proxies on the way end connections
    that are silent, and a model may think for minutes.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._alive: asyncio.TimerHandle | None = None
        self._comment: asyncio.Future[None] | None = None
        self._wrote_at = 0.0
        self.begun = False

    async def begin(self, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Sends the head. Called with the first piece."""
        self.begun = True
        head = [*_STREAMED, *headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": head})
        self._wrote_at = self._loop.time()
        self._alive = self._loop.call_later(KEEP_ALIVE_S, self._look)

    def write(self, data: bytes) -> Awaitable[None]:
        """Sends a piece at once; pieces are whole events."""
        self._wrote_at = self._loop.time()
        return self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """Ends the answer."""
        self.rest()
        await self._send({"type": "http.response.body", "body": b""})

    async def cut(self) -> None:
        """Ends an answer that is not whole. The server sees no difference, who records it does."""
        self.rest()
        await self._send({"type": "http.response.body", "body": b"", "cut": True})

    def rest(self) -> None:
        """No more comments."""
        if self._alive is not None:
            self._alive.cancel()
        if self._comment is not None:
            self._comment.cancel()

    def _look(self) -> None:
        # One timer a stream: a write only notes its time.
        quiet_s = self._loop.time() - self._wrote_at
        if quiet_s >= KEEP_ALIVE_S:
            self._comment = asyncio.ensure_future(self.write(_COMMENT), loop=self._loop)
            quiet_s = 0.0
        self._alive = self._loop.call_later(KEEP_ALIVE_S - quiet_s, self._look)


def error_headers(error: AIHandlerError) -> Headers:
    """What a client is told of an error beside its body."""
    wait_s = getattr(error, "retry_after_s", None)
    named = [(b"x-aihandler-error", error.code.encode())]
    if getattr(error, "final", False):
        # The clients of OpenAI and Anthropic ask again by themselves unless they are told.
        named.append((b"x-should-retry", b"false"))
    return [*named, (b"retry-after", str(max(1, math.ceil(wait_s))).encode())] if wait_s else named


def _encoded(encoding: str) -> Encoded:
    # A small body may inflate to a thousand times its size.
    return Encoded(
        f"the body is encoded as {encoding[:40]!r} (at header content-encoding)",
        hint="send it as it is, without compression",
    )


def _too_large() -> TooLarge:
    return TooLarge(
        f"the body has more than {MAX_BODY_BYTES // 1024 // 1024} MiB",
        hint="send large documents by address or id",
    )
