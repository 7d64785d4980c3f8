"""A client's own request on its way to a server that speaks the same: the model is in its path."""

import msgspec

from aihandler.backends.codec import PassedOn
from aihandler.backends.gemini.encode import MODEL, call_of
from aihandler.backends.splice import splice
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment

_encode = msgspec.json.Encoder().encode


def pass_on(request: Request, deployment: Deployment, *, streamed: bool) -> PassedOn:
    """Nothing is spliced but `model`, where the client wrote it into the body as well."""
    body = request.raw
    if MODEL in request.extra:
        name = deployment.model.name
        full = name if "/" in name else f"models/{name}"
        body = splice(body, {"model": _encode(full)})
    return PassedOn(call_of(body, deployment, streamed=streamed))
