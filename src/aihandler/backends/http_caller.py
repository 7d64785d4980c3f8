"""Speaks to deployments over HTTP: a codec for the words, the transport for the bytes."""

from collections.abc import AsyncGenerator, Callable, Mapping

import msgspec

from aihandler.backends.codec import Asked, Codec, Passage, PassedOn, Reader
from aihandler.backends.http.response import Response
from aihandler.backends.probing.overlay import overlay
from aihandler.backends.profiles import Profile, profile_for
from aihandler.backends.relay import Relay
from aihandler.backends.replicas import Replicas
from aihandler.backends.schema_modes import AnswerFromTool, Prepared, prepared, schema_means
from aihandler.backends.signed import MARK
from aihandler.backends.transport import Transport
from aihandler.domain.answer import Reply, ReplyDone, StreamEvent, WireChunk
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.probes import Probed
from aihandler.domain.schemas import SchemaMeans
from aihandler.domain.task import EmbeddingOutput
from aihandler.errors import BackendUnavailable

_MARK = MARK.encode()
# Words of a server that repeat this many characters of a request may be quoting it.
_TELLING = 12
# A longer request is not searched; the server's words are then left out of the message.
_SEARCHED = 200_000


class HttpCaller:
    """A `Caller` for one wire format. Asks once; the engine owns retries.

    `probed` is what probes have seen of deployments, by name: it comes before their profiles.
    `embedder` speaks where vectors are asked for.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        codec: Codec,
        profiles: Mapping[str, Profile],
        probed: Mapping[str, Probed] | None = None,
        embedder: Codec | None = None,
    ) -> None:
        self._transport = transport
        self._codec = codec
        self._embedder = embedder
        self._profiles = profiles
        self._probed = probed or {}
        self._known: dict[str, tuple[Deployment, Profile]] = {}
        self._replicas = Replicas()

    async def call(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> Reply:
        """Asks for the whole answer at once."""
        codec = self._codec_of(request)
        asked = self._asked(request, deployment, codec, streamed=False)
        replica = self._replicas.begin(deployment)
        try:
            passed = _encoded(asked, codec)
            response = await self._transport.send(
                passed.call, deployment, clearance, deadline=deadline, sent=sent, replica=replica
            )
            try:
                body = await response.read()
            finally:
                response.close()
        finally:
            self._replicas.end(deployment, replica)
        reader = _reader(response, asked, codec)
        reader.feed(body)
        reply = _reply(reader.end())
        return msgspec.structs.replace(reply, raw=body) if asked.request.raw else reply

    async def stream(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> AsyncGenerator[StreamEvent]:
        """Asks for the answer piece by piece; the last event holds the whole of it."""
        codec = self._codec_of(request)
        asked = self._asked(request, deployment, codec, streamed=True)
        replica = self._replicas.begin(deployment)
        try:
            passed = _encoded(asked, codec)
            response = await self._transport.send(
                passed.call, deployment, clearance, deadline=deadline, sent=sent, replica=replica
            )
            relay = Relay(hides_usage=passed.hides_usage) if asked.request.raw else None
            try:
                reader = _reader(response, asked, codec)
                while True:
                    try:
                        piece = await response.next_chunk()
                    except BackendUnavailable:
                        # Where a format has an end of its own and it has come, only the end of the
                        # connection is missing; an error now would follow what a client has taken
                        # for whole.
                        if getattr(reader, "told_end", False):
                            break
                        raise
                    if not piece:
                        break
                    events = reader.feed(piece)
                    if relay is not None:
                        frames = relay.feed(piece)
                        if frames or events:
                            yield WireChunk(frames, tuple(events))
                        continue
                    for event in events:
                        yield event
                if relay is not None and (rest := relay.end()):
                    yield WireChunk(rest)
                for event in reader.end():
                    yield event
            finally:
                response.close()
        finally:
            self._replicas.end(deployment, replica)

    def model_identity(self, request: Request, deployment: Deployment) -> str:  # noqa: ARG002 - a Caller's shape
        """The digest of the weights; without one, a name that only this deployment vouches for."""
        model = deployment.model
        if model.digest:
            return f"{model.name}@{model.digest}"
        # What two hosts call by one name need not be the same weights.
        return f"{deployment.name}/{model.name}@{model.revision}"

    def schema_means(
        self, request: Request, deployment: Deployment, *, streamed: bool
    ) -> tuple[SchemaMeans, ...]:
        """What this deployment's profile says of schemas, for such a request."""
        means = schema_means(request, self._profile(deployment), streamed=streamed)
        own = request.raw and request.origin == self._codec.kind
        # A client that speaks the server's own format has said itself how it is held to a schema.
        return () if own and means and means[0].mode == "native" else means

    async def close(self) -> None:
        """Closes the transport."""
        await self._transport.close()

    def _codec_of(self, request: Request) -> Codec:
        if not isinstance(request.output, EmbeddingOutput):
            return self._codec
        # The configuration names no deployment for vectors whose format has none.
        assert self._embedder is not None
        return self._embedder

    def _asked(
        self, request: Request, deployment: Deployment, codec: Codec, *, streamed: bool
    ) -> Asked:
        profile = self._profile(deployment)
        ready = prepared(request, profile, streamed=streamed, kind=self._codec.kind)
        if request.raw and not (ready.request is request and _passes_on(request, codec)):
            ready = Prepared(msgspec.structs.replace(ready.request, raw=b""), ready.by_tool)

        def quotable(words: str) -> bool:
            return not self._transport.reveals_key(words, deployment) and not _repeats(
                words, ready.request
            )

        def returnable(body: bytes) -> bool:
            text = body.decode("utf-8", "replace")
            return bool(ready.request.raw) and not self._transport.reveals_key(text, deployment)

        return Asked(
            ready.request, deployment, profile, streamed, quotable, ready.by_tool, returnable
        )

    def _profile(self, deployment: Deployment) -> Profile:
        known = self._known.get(deployment.name)
        if known is None or known[0] is not deployment:
            known = (deployment, self._as_probed(deployment))
            self._known[deployment.name] = known
        return known[1]

    def _as_probed(self, deployment: Deployment) -> Profile:
        profile = profile_for(deployment, self._profiles)
        probed = self._probed.get(deployment.name)
        if probed is None or not probed.holds_for(deployment, profile=profile.name):
            return profile
        return overlay(profile, probed.verdicts)


def _encoded(asked: Asked, codec: Codec) -> PassedOn:
    request, profile, streamed = asked.request, asked.profile, asked.streamed
    if request.raw:
        passage: Passage = codec  # type: ignore[assignment]  # asked for in `_passes_on`
        return passage.pass_on(request, asked.deployment, profile, streamed=streamed)
    return PassedOn(codec.encode(request, asked.deployment, profile, streamed=streamed))


def _passes_on(request: Request, codec: Codec) -> bool:
    if request.origin != codec.kind or not hasattr(codec, "pass_on"):
        return False
    # A schema that this server takes in another form has to be written anew, and so has a thought
    # that another provider signed.
    return request.sent is None and _MARK not in request.raw


def _reader(response: Response, asked: Asked, codec: Codec) -> Reader:
    reader = codec.reader(response.status, response.headers, asked=asked)
    return AnswerFromTool(reader) if asked.by_tool else reader


def _reply(events: object) -> Reply:
    assert isinstance(events, (tuple, list))
    last = events[-1]
    assert isinstance(last, ReplyDone)
    return last.reply


def _repeats(words: str, request: Request) -> bool:
    texts = [message.text for message in request.messages]
    if sum(map(len, texts)) > _SEARCHED:
        return True
    short = {text for text in texts if 0 < len(text) < _TELLING}
    if any(text in words for text in short):
        return True
    pieces = (words[i : i + _TELLING] for i in range(max(0, len(words) - _TELLING + 1)))
    return any(piece in text for piece in pieces for text in texts)
