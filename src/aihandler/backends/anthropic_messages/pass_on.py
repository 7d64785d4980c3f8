"""A client's own Messages request, on its way to a server that speaks the same."""

import msgspec

from aihandler.backends.anthropic_messages.encode import heads
from aihandler.backends.codec import HttpCall, KeyHeader, PassedOn
from aihandler.backends.splice import splice, stream_member
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment

_encode = msgspec.json.Encoder().encode
_KEY = KeyHeader("x-api-key", "")


def pass_on(request: Request, deployment: Deployment, *, streamed: bool) -> PassedOn:
    """Spliced is `model` alone; a stream of this format always ends with its token counts."""
    members = stream_member(request.raw, streamed=streamed)
    members["model"] = _encode(deployment.model.name)
    body = splice(request.raw, members)
    headers = heads(request, streamed=streamed)
    return PassedOn(HttpCall("/messages", body, "/v1", headers, _KEY))
