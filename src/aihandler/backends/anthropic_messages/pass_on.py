"""A client's own Messages request, on its way to a server that speaks the same."""

import msgspec

from aihandler.backends.anthropic_messages.encode import heads
from aihandler.backends.codec import HttpCall, KeyHeader, PassedOn
from aihandler.backends.splice import splice, stream_member, top_of
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment

_encode = msgspec.json.Encoder().encode
_KEY = KeyHeader("x-api-key", "")


def pass_on(request: Request, deployment: Deployment, *, streamed: bool) -> PassedOn:
    """Spliced is `model` alone; a stream of this format always ends with its token counts."""
    top = top_of(request.raw)
    members = stream_member(top, streamed=streamed)
    members["model"] = _encode(deployment.model.name)
    body = splice(request.raw, members, top=top)
    headers = heads(request, streamed=streamed)
    return PassedOn(HttpCall("/messages", body, "/v1", headers, _KEY))
