"""Puts one send of a probe on the wire and keeps what came back."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

import msgspec

from aihandler.backends.codec import Asked, Codec, HttpCall, Reader
from aihandler.backends.probing.sends import Exchange, Send
from aihandler.backends.schema_modes import BY_TOOL, AnswerFromTool, prepared
from aihandler.backends.transport import Transport
from aihandler.domain.answer import Reply, ReplyDone, StreamEvent
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.schemas import SchemaMeans
from aihandler.domain.task import Json
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable, ContentRefused

# What is kept of a reply beside its parts.
_KEPT_BYTES = 65_536
# Whether the server would say so again is not known after one of these.
_PASSING = frozenset({401, 403, 408, 425, 429})


class SendCaller:
    """A `Caller` for one send; the engine books it as any other attempt."""

    def __init__(self, transport: Transport, codec: Codec, send: Send) -> None:
        self._transport = transport
        self._codec = codec
        self._send = send
        self.exchange = Exchange()

    async def call(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> Reply:
        """Asks once, whole or streamed as the send says. Keeps what came back in any case."""
        asked = self._asked(request, deployment)
        try:
            call = self._codec.encode(
                asked.request, deployment, asked.profile, streamed=asked.streamed
            )
            response = await self._transport.send(
                _changed(call, self._send.changes), deployment, clearance,
                deadline=deadline, sent=sent,
            )  # fmt: skip
            self.exchange = Exchange(response.status, dict(response.headers))
            try:
                body = await response.read()
            finally:
                response.close()
            kept = self._safe(body[:_KEPT_BYTES], deployment)
            self.exchange = msgspec.structs.replace(self.exchange, body=kept)
            said, reply = _read(self._reader(asked), body, by_tool=asked.by_tool)
        except BackendError as error:
            self.exchange = msgspec.structs.replace(
                self.exchange, error=error.message, refused=_refuses(error)
            )
            raise
        self.exchange = msgspec.structs.replace(self.exchange, reply=said)
        # A name that we made up is no sign that the server's model has changed.
        return msgspec.structs.replace(reply, model="") if "model" in self._send.changes else reply

    def stream(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> AsyncGenerator[StreamEvent]:
        """A probe looks at streams when they are whole: see `call`."""
        raise NotImplementedError

    def model_identity(self, request: Request, deployment: Deployment) -> str:  # noqa: ARG002 - a Caller's shape
        """As `HttpCaller` names it."""
        model = deployment.model
        if model.digest:
            return f"{model.name}@{model.digest}"
        return f"{deployment.name}/{model.name}@{model.revision}"

    def schema_means(
        self, request: Request, deployment: Deployment, *, streamed: bool  # noqa: ARG002 - a Caller's shape
    ) -> tuple[SchemaMeans, ...]:  # fmt: skip
        """None: the request says by which mode it is asked."""
        return ()

    async def close(self) -> None:
        """The transport is closed by who made it."""

    def _asked(self, request: Request, deployment: Deployment) -> Asked:
        profile, streamed = self._send.profile, self._send.streamed
        by_tool = False
        if request.sent is not None and request.sent.mode in BY_TOOL:
            ready = prepared(request, profile, streamed=streamed, kind=self._codec.kind)
            request, by_tool = ready.request, ready.by_tool

        def quotable(words: str) -> bool:
            return not self._transport.reveals_key(words, deployment)

        return Asked(request, deployment, profile, streamed, quotable, by_tool)

    def _reader(self, asked: Asked) -> Reader:
        return self._codec.reader(self.exchange.status, self.exchange.headers, asked=asked)

    def _safe(self, body: bytes, deployment: Deployment) -> bytes:
        # Verdicts are stored and printed; a server may repeat a key.
        text = body.decode("utf-8", "replace")
        return b"" if self._transport.reveals_key(text, deployment) else body


def _read(reader: Reader, body: bytes, *, by_tool: bool) -> tuple[Reply, Reply]:
    """The reply as it came, which shows whether a tool was called, and as it is booked."""
    events = [*reader.feed(body), *reader.end()]
    said = _last(events)
    return said, _last(AnswerFromTool(_Told(events)).end()) if by_tool else said


def _last(events: Sequence[StreamEvent]) -> Reply:
    last = events[-1]
    assert isinstance(last, ReplyDone)
    return last.reply


class _Told:
    """A reader of what was read already."""

    def __init__(self, events: Sequence[StreamEvent]) -> None:
        self._events = events

    def feed(self, data: bytes) -> Sequence[StreamEvent]:  # noqa: ARG002 - a Reader's shape
        return ()

    def end(self) -> Sequence[StreamEvent]:
        return self._events


def _changed(call: HttpCall, changes: Mapping[str, Json]) -> HttpCall:
    if not changes:
        return call
    body = {**msgspec.json.decode(call.body), **changes}
    return msgspec.structs.replace(call, body=msgspec.json.encode(body))


def _refuses(error: BackendError) -> bool:
    if isinstance(error, ContentRefused):
        return True
    if isinstance(error, BackendUnavailable) or not isinstance(error, BackendRejected):
        return False
    return error.status is not None and error.status not in _PASSING
