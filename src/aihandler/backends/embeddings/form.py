"""What the forms share: a codec made of two functions, and the way a reply is read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.codec import Asked, HttpCall, Lost, PassedOn, Reader, foreign_fields
from aihandler.backends.profiles import Profile
from aihandler.backends.readers import ErrorReader, WholeBody
from aihandler.backends.wire_errors import error_from_stream, not_a_reply
from aihandler.domain.answer import Reply, ReplyDone, StreamEvent
from aihandler.domain.conversation import Message, Opaque, Request, Text
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import EmbeddingOutput
from aihandler.errors import BackendRejected

_decode = msgspec.json.Decoder().decode


class Malformed(Exception):
    """A reply that does not look as its form does."""


class Form(msgspec.Struct, frozen=True):
    """One way of asking for vectors.

    `write` makes the call of texts, or sends a client's own (`pass_on`, where there is one); `read`
    makes the reply of a decoded body and raises Malformed, KeyError, TypeError or ValueError.
    """

    kind: str
    write: Callable[["Wanted"], HttpCall]
    read: Callable[[Any, Mapping[str, str], Asked], Reply]
    pass_on: Callable[[Request, Deployment], HttpCall] | None = None


class Wanted(msgspec.Struct, frozen=True):
    """Texts to embed, for one deployment. `dimensions` of None leaves it to the model.

    A text that a client sent as tokens is an Opaque, which only its own form gets to see.
    """

    texts: tuple[str | Opaque, ...]
    dimensions: int | None
    request: Request
    deployment: Deployment
    profile: Profile


class EmbeddingCodec:
    """A Codec for one form. Vectors are not streamed."""

    def __init__(self, form: Form) -> None:
        self.kind = form.kind
        self._form = form

    def encode(
        self, request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
    ) -> HttpCall:
        """The texts as this deployment's server wants to have them."""
        assert not streamed
        output = request.output
        dimensions = output.dimensions if isinstance(output, EmbeddingOutput) else None
        texts = tuple(self._text(message, deployment) for message in request.messages)
        call = self._form.write(Wanted(texts, dimensions, request, deployment, profile))
        if request.origin == self.kind:
            return call
        lost = (Lost(f"/extra/{key}", "has no place here") for key in foreign_fields(request.extra))
        return msgspec.structs.replace(call, lost=tuple(lost))

    def pass_on(
        self,
        request: Request,
        deployment: Deployment,
        profile: Profile,  # noqa: ARG002 - a Passage's shape
        *,
        streamed: bool,  # noqa: ARG002
    ) -> PassedOn:
        """A client's bytes, with this deployment's model."""
        assert self._form.pass_on is not None
        return PassedOn(self._form.pass_on(request, deployment))

    def reader(self, status: int, headers: Mapping[str, str], *, asked: Asked) -> Reader:
        """Reads the reply."""
        if status >= 400:
            return ErrorReader(status, headers, asked)
        return _VectorReader(status, headers, asked, self._form)

    def _text(self, message: Message, deployment: Deployment) -> "str | Opaque":
        part = message.parts[0] if len(message.parts) == 1 else None
        if isinstance(part, Opaque) and part.format == self.kind:
            return part
        if all(isinstance(part, Text) for part in message.parts):
            return message.text
        # A vector of what is left of a text would be a vector of something else.
        raise BackendRejected(
            f"{deployment.name!r} makes vectors of text alone",
            deployment=deployment.name,
            hint="send texts, no tokens and no pictures",
        )


class _VectorReader:
    def __init__(self, status: int, headers: Mapping[str, str], asked: Asked, form: Form) -> None:
        self._status = status
        self._headers = headers
        self._asked = asked
        self._form = form
        self._body = WholeBody(asked)

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """Collects."""
        self._body.add(data)
        return ()

    def end(self) -> Sequence[StreamEvent]:
        """The reply, or what is wrong with it."""
        body = self._body.all
        try:
            wire = _decode(body)
            if isinstance(wire, dict) and wire.get("error"):
                raise error_from_stream(wire["error"], self._asked)
            reply = self._form.read(wire, self._headers, self._asked)
        except (msgspec.DecodeError, RecursionError, Malformed, LookupError, TypeError, ValueError):
            raise not_a_reply(
                self._status, body, self._asked, what="list of vectors", server=self._form.kind
            ) from None
        return (ReplyDone(reply),)
