"""`Idempotency-Key`: a request that is sent again is asked once and answered each time alike."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.errors import InputError, Refused, StorageError
from aihandler.gateway.admission import Asker
from aihandler.gateway.classes import CLASS_HEADER, said_classes
from aihandler.gateway.http import HttpRequest, Message, Send
from aihandler.ledger.repeats import Claim, Repeats, SentReply

_log = logging.getLogger(__name__)

KEY_HEADER = "idempotency-key"
# What else decides what a request asks.
_DECIDES = (CLASS_HEADER, "anthropic-beta", "anthropic-version")
_MAX_KEY = 255
# A client that comes back while its first request is under way waits so long for its answer.
WAIT_S = 10.0
_LOOK_S = 0.1
_AGAIN_EVERY_S = 5.0
_TIDY_EVERY = 720
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


class InDoubt(Refused):
    """Who answered the first request of this key died over it, and it may have been paid."""

    code = "idempotency_in_doubt"
    http_status = 409
    final = True

    def __init__(self, call_id: str) -> None:
        super().__init__(
            f"the first request with this {KEY_HEADER} was call {call_id!r}: its worker died after "
            "it was sent and before its answer was kept, so it may have been paid",
            hint=f"`aihandler show {call_id}` says what is known; a new key asks anew, and may pay "
            "a second time",
        )
        self.call_id = call_id


def repeats_of(repeating: "Repeating | None", request: HttpRequest) -> "Repeating | None":
    """What answers repeats, where the client wants that."""
    return repeating if KEY_HEADER in request.headers else None


def outlasts_client(repeating: "Repeating | None", headers: Mapping[str, str]) -> bool:
    """Whether a request goes on when its client has left: its repeat shall find the answer."""
    return KEY_HEADER in headers and repeating is not None and repeating.keeps


class Repeating:
    """Answers repeats. `keep` of False keeps no answers, only that there was one."""

    def __init__(self, repeats: Repeats, *, keep: bool) -> None:
        self._repeats = repeats
        self.keeps = keep
        # How requests ended whose end could not be written: a status, or None for no answer.
        self._unsaid: dict[bytes, int | None] = {}

    async def once(
        self,
        request: HttpRequest,
        asker: Asker,
        send: Send,
        answer: Callable[[Send], Awaitable[DataClass | None]],
        *,
        permit: Callable[[DataClass | None], object] | None = None,
    ) -> None:
        """Sends what was sent before, or what `answer` sends now, of the class that it says.
        `permit` raises where the asker may not ask this any more: then nothing of before is told
        either.

        Raises KeyUsed, UnderWay, InDoubt.
        """
        name = _name(request, asker)
        earlier = await self._claimed(name, request)
        if earlier is not None:
            if permit is not None:
                permit(earlier.data_class)
            await _replay(earlier, send)
            return
        recording = _Recording(send)
        try:
            recording.data_class = await answer(recording)
        finally:
            # Also a client that left must find its key free, or its answer.
            await asyncio.shield(asyncio.to_thread(self._end, name, recording))

    async def tidy(self) -> None:
        """Says again what could not be written, and forgets each hour what is older than a day."""
        looks = 0
        while True:
            await asyncio.sleep(_AGAIN_EVERY_S)
            looks += 1
            try:
                await asyncio.to_thread(self._say_again)
                if looks % _TIDY_EVERY == 0:
                    await asyncio.to_thread(self._repeats.forget_old)
            except StorageError as error:
                _log.warning("what is kept for repeats cannot be written: %s", error)

    def close(self) -> None:
        """Closes what it keeps them in."""
        self._repeats.close()

    async def _claimed(self, name: bytes, request: HttpRequest) -> SentReply | None:
        """The earlier answer; None when the request is ours to answer."""
        asked = _asked(request)
        looks = int(WAIT_S / _LOOK_S)
        for _ in range(looks):
            claim = await asyncio.to_thread(
                self._repeats.claim, name, asked, call_id=request.call_id
            )
            if claim.state == "ours":
                return None
            if claim.state != "theirs":
                return _reply_of(claim)
            await asyncio.sleep(_LOOK_S)
        raise UnderWay(
            f"the first request with this {KEY_HEADER} is under way",
            hint="ask again with the same key",
            retry_after_s=1.0,
        )

    def _end(self, name: bytes, recording: "_Recording") -> None:
        try:
            self._keep_or_leave(name, recording)
        except StorageError as error:
            # The answer is out, and is not kept for a store that is away: only how it ended.
            _log.warning("an answer could not be kept for repeats: %s", error)
            self._unsaid[name] = recording.kept_status

    def _keep_or_leave(self, name: bytes, recording: "_Recording") -> None:
        status = recording.kept_status
        if status is None:
            self._repeats.leave(name)
            return
        reply = recording.reply() if self.keeps else None
        self._repeats.keep(name, status, reply)

    def _say_again(self) -> None:
        # Else these requests would be under way for as long as this worker lives.
        for name, status in tuple(self._unsaid.items()):
            if status is None:
                self._repeats.leave(name)
            else:
                self._repeats.keep(name, status, None)
            del self._unsaid[name]


class _Recording:
    """Passes on what is sent, and keeps it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.data_class: DataClass | None = None
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

    @property
    def kept_status(self) -> int | None:
        """The status of an answer that every repeat gets; None where the next one asks anew."""
        return self.status if self.whole and self.status in _KEPT else None

    def reply(self) -> SentReply | None:
        """What was sent; None when it was too large."""
        if self._size > _MAX_BYTES:
            return None
        body = b"".join(self._pieces)
        return SentReply(self.status, self._headers, body, self.data_class)

    def _note(self, message: Message) -> None:
        body: bytes = message.get("body", b"")
        self._size += len(body)
        if self._size <= _MAX_BYTES:
            self._pieces.append(body)
        # A stream that broke ended with an error: whoever asks again shall have the rest.
        self.whole = not message.get("more_body", False) and not message.get("cut", False)


def _reply_of(claim: Claim) -> SentReply:
    match claim.state:
        case "other":
            raise KeyUsed(
                f"this {KEY_HEADER} was sent with another request",
                hint="make a new key for each request",
            )
        case "doubt":
            raise InDoubt(claim.call_id)
    if claim.reply is None:
        raise UnderWay(
            "this request was answered before, and answers are not kept",
            hint="see ledger.content in the configuration, or make a new key",
        )
    return claim.reply


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
    said += [
        f"{name}: {word}" for name, word in said_classes(request.headers) if name != CLASS_HEADER
    ]
    return digest("asked", said, request.body)
