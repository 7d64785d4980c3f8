"""A reply as it arrives: status and headers first, then pieces of the body."""

import asyncio
import contextlib
from typing import Protocol

from aihandler.backends.http.inflate import InflateError, Inflater
from aihandler.backends.http.limits import HttpLimits
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable


class Flow(Protocol):
    """What a response may do to the connection that fills it."""

    def hold(self) -> None:
        """Reads nothing more until `resume`."""
        ...

    def resume(self) -> None:
        """Reads on."""
        ...

    def abort(self) -> None:
        """Closes at once."""
        ...


class Response:
    """Iterates over the body in pieces. Close it unless it was read to the end.

    Raises BackendUnavailable where the body stops early, BackendRejected where it grows too large.
    """

    __slots__ = (
        "_buffered", "_chunks", "_done", "_error", "_flow", "_headers", "_inflater", "_limits",
        "_size", "_waiter", "deployment", "fields", "has_head", "held", "lost_unanswered", "status",
    )  # fmt: skip

    def __init__(self, flow: Flow, *, deployment: str, limits: HttpLimits) -> None:
        self.deployment = deployment
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.has_head = False
        # The connection was over before it was asked: the one case that is safe to repeat.
        self.lost_unanswered = False
        self._flow = flow
        self._limits = limits
        self._headers: dict[str, str] | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._size = 0
        # The reader is behind, and the connection reads nothing more.
        self.held = False
        self._done = False
        self._error: BackendError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._inflater: Inflater | None = None

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name; a header that came twice is joined with a comma."""
        if self._headers is None:
            found: dict[str, str] = {}
            for raw_name, raw_value in self.fields:
                name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                found[name] = f"{found[name]}, {value}" if name in found else value
            self._headers = found
        return self._headers

    @property
    def done(self) -> bool:
        """True once the last byte has come, or none will."""
        return self._done

    async def wait_head(self) -> None:
        """Returns once status and headers are there."""
        while not self.has_head:
            if self._error is not None:
                raise self._error
            await self._more()

    async def read(self) -> bytes:
        """The rest of the body."""
        if self._done and self._error is None and len(self._chunks) == 1 and not self.held:
            # Most are there as soon as their head is.
            self._buffered = 0
            return self._chunks.pop()
        parts = []
        while piece := await self.next_chunk():
            parts.append(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def look(self, most: int) -> bytes:
        """The beginning of the body, at least `most` bytes if there are any; it stays unread."""
        parts: list[bytes] = []
        # Whoever reads the reply gets its error too, behind what came before it.
        with contextlib.suppress(BackendError):
            while sum(map(len, parts)) < most and (piece := await self.next_chunk()):
                parts.append(piece)
        seen = b"".join(parts)
        if seen:
            self._chunks.insert(0, seen)
            self._buffered += len(seen)
        return seen

    async def next_chunk(self) -> bytes:
        """All that has come since the last call, or b"" at the end."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._done:
                return b""
            await self._more()
        chunks, self._chunks, self._buffered = self._chunks, [], 0
        if self.held:
            self.held = False
            self._flow.resume()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def __aiter__(self) -> "Response":
        return self

    async def __anext__(self) -> bytes:
        piece = await self.next_chunk()
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """Gives up what has not come yet; the connection is not used again then."""
        if not self._done:
            what = f"the reply of deployment {self.deployment!r} was given up"
            self.fail(BackendUnavailable(what, deployment=self.deployment))
            self._flow.abort()

    # What follows is called by the connection.

    def head_came(self, status: int, encoding: bytes) -> None:
        """Status and headers are complete; `encoding` is the content-encoding, if any."""
        self.status = status
        if encoding and encoding != b"identity":
            try:
                name = encoding.decode("latin-1").lower()
                self._inflater = Inflater(name, limit=self._limits.body + 1)
            except InflateError as error:
                self._reject(f"sent a body that cannot be read: {error}")
                return
        self.has_head = True
        self._wake()

    def body_came(self, data: bytes) -> None:
        """One more piece of the body."""
        if self._error is not None:
            return
        if self._inflater is not None:
            try:
                data = self._inflater.feed(data)
            except InflateError as error:
                self._reject(f"sent a body that cannot be read: {error}")
                return
        self._size += len(data)
        if self._size > self._limits.body:
            self._reject(f"sent a body of more than {self._limits.body} bytes")
            return
        if not data:
            return
        self._chunks.append(data)
        self._buffered += len(data)
        if self._buffered > self._limits.buffer and not self.held:
            self.held = True
            self._flow.hold()
        self._wake()

    def body_ended(self) -> None:
        """The body is whole."""
        if self._inflater is not None and self._error is None:
            try:
                self._inflater.end()
            except InflateError as error:
                self.fail(BackendUnavailable(self._said(str(error)), deployment=self.deployment))
        self._done = True
        self._wake()

    def fail(self, error: BackendError) -> None:
        """Nothing more will come, for this reason. What has come before can still be read."""
        if self._done:
            return
        self._done = True
        self._error = error
        self._wake()

    def _reject(self, what: str) -> None:
        hint = "the server does not speak as an OpenAI-like server should; check the url"
        self.fail(
            BackendRejected(
                self._said(what), deployment=self.deployment, status=self.status, hint=hint
            )
        )
        self._flow.abort()

    def _said(self, what: str) -> str:
        return f"deployment {self.deployment!r} {what}"

    def _more(self) -> asyncio.Future[None]:
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        return waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
