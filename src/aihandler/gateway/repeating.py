"""`Idempotency-Key`: a request that is sent again is asked once and answered each time alike."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from aihandler.domain.keys import digest
from aihandler.errors import InputError, Refused, StorageError
from aihandler.gateway.admission import Asker
from aihandler.gateway.http import HttpRequest, Message, Send
from aihandler.ledger.repeats import LEASE_S, Repeats, SentReply

_log = logging.getLogger(__name__)

KEY_HEADER = "idempotency-key"
# What else decides what a request asks.
_DECIDES = ("x-aihandler-class",)
_MAX_KEY = 255
# A client that comes back while its first request is under way waits so long for its answer.
WAIT_S = 10.0
_LOOK_S = 0.1
_TIDY_EVERY_S = 3600.0
# Larger answers are not kept, as with texts in the ledger.
_MAX_BYTES = 4 * 1024 * 1024
# Answers, and refusals of answers, which cost as much; all else may be tried again.
_KEPT = frozenset({200, 422})
_REPLAYED = (b"idempotent-replayed", b"true")


class KeyUsed(InputError):
    """The key has been sent with another request."""

    code = "idempotency_key_used"
    http_status = 422


class UnderWay(Refused):
    """The first request of this key has no answer yet, or one that was not kept."""

    code = "idempotency_conflict"
    http_status = 409

    def __init__(self, message: str, *, hint: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


def repeats_of(repeating: "Repeating | None", request: HttpRequest) -> "Repeating | None":
    """What answers repeats, where the client wants that."""
    return repeating if KEY_HEADER in request.headers else None


class Repeating:
    """Answers repeats. `keep` of False keeps no answers, only that there was one."""

    def __init__(self, repeats: Repeats, *, keep: bool) -> None:
        self._repeats = repeats
        self._keep = keep

    async def once(
        self,
        request: HttpRequest,
        asker: Asker,
        send: Send,
        answer: Callable[[Send], Awaitable[None]],
    ) -> None:
        """Sends what was sent before, or what `answer` sends now. Raises KeyUsed, UnderWay."""
        name, asked = _name(request, asker), _asked(request)
        earlier = await self._claimed(name, asked)
        if earlier is not None:
            await _replay(earlier, send)
            return
        recording = _Recording(send)
        try:
            async with self._held(name):
                await answer(recording)
        finally:
            # Also a client that left must find its key free, or its answer.
            await asyncio.shield(asyncio.to_thread(self._end, name, recording))

    async def tidy(self) -> None:
        """Forgets each hour what is older than a day."""
        while True:
            await asyncio.sleep(_TIDY_EVERY_S)
            try:
                await asyncio.to_thread(self._repeats.forget_old)
            except StorageError as error:
                _log.warning("old answers could not be forgotten: %s", error)

    def close(self) -> None:
        """Closes what it keeps them in."""
        self._repeats.close()

    async def _claimed(self, name: bytes, asked: bytes) -> SentReply | None:
        """The earlier answer; None when the request is ours to answer."""
        looks = int(WAIT_S / _LOOK_S)
        for _ in range(looks):
            claim = await asyncio.to_thread(self._repeats.claim, name, asked)
            match claim.state:
                case "ours":
                    return None
                case "other":
                    raise KeyUsed(
                        f"this {KEY_HEADER} was sent with another request",
                        hint="make a new key for each request",
                    )
                case "answered" if claim.reply is not None:
                    return claim.reply
                case "answered":
                    raise UnderWay(
                        "this request was answered before, and answers are not kept",
                        hint="see ledger.content in the configuration, or make a new key",
                    )
            await asyncio.sleep(_LOOK_S)
        raise UnderWay(
            f"the first request with this {KEY_HEADER} is under way",
            hint="ask again with the same key",
            retry_after_s=1.0,
        )

    @contextlib.asynccontextmanager
    async def _held(self, name: bytes) -> AsyncIterator[None]:
        holding = asyncio.ensure_future(self._hold(name))
        try:
            yield
        finally:
            holding.cancel()

    async def _hold(self, name: bytes) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            await asyncio.to_thread(self._repeats.hold, name)

    def _end(self, name: bytes, recording: "_Recording") -> None:
        try:
            self._keep_or_leave(name, recording)
        except StorageError as error:
            # The answer is out. Whoever asks again waits for the lease, and then asks anew.
            _log.warning("an answer could not be kept for repeats: %s", error)

    def _keep_or_leave(self, name: bytes, recording: "_Recording") -> None:
        if not recording.whole or recording.status not in _KEPT:
            self._repeats.leave(name)
            return
        reply = recording.reply() if self._keep else None
        self._repeats.keep(name, recording.status, reply)


class _Recording:
    """Passes on what is sent, and keeps it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.whole = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._size = 0

    async def __call__(self, message: Message) -> None:
        """Sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = [(bytes(name), bytes(value)) for name, value in message["headers"]]
        else:
            self._note(message)
        await self._send(message)

    def reply(self) -> SentReply | None:
        """What was sent; None when it was too large."""
        if self._size > _MAX_BYTES:
            return None
        return SentReply(self.status, self._headers, b"".join(self._pieces))

    def _note(self, message: Message) -> None:
        body: bytes = message.get("body", b"")
        self._size += len(body)
        if self._size <= _MAX_BYTES:
            self._pieces.append(body)
        # A stream that broke ended with an error: whoever asks again shall have the rest.
        self.whole = not message.get("more_body", False) and not message.get("cut", False)


async def _replay(reply: SentReply, send: Send) -> None:
    headers = [*reply.headers, _REPLAYED]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _name(request: HttpRequest, asker: Asker) -> bytes:
    key = request.headers[KEY_HEADER]
    if not 0 < len(key) <= _MAX_KEY:
        raise InputError(
            f"an {KEY_HEADER} has 1 to {_MAX_KEY} characters, not {len(key)}",
            hint="a UUID does well",
        )
    tenant = asker.key.tenant if asker.key is not None else ""
    return digest("repeat", tenant, asker.name, request.path, key)


def _asked(request: HttpRequest) -> bytes:
    said = [request.headers.get(name, "") for name in _DECIDES]
    return digest("asked", said, request.body)
