"""A client's own chat completion request, on its way to a server that speaks the same."""

import msgspec

from aihandler.backends.codec import HttpCall, PassedOn
from aihandler.backends.profiles import Profile
from aihandler.backends.splice import splice, stream_member, top_of
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment

_encode = msgspec.json.Encoder().encode
_HEADERS = {
    False: (("accept", "application/json"),),
    True: (("accept", "text/event-stream"),),
}


class _Options(msgspec.Struct):
    stream_options: dict[str, msgspec.Raw] | None = None


_decode = msgspec.json.Decoder(_Options).decode


def pass_on(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> PassedOn:
    """Spliced are `model`, and in a stream the option that asks for token counts."""
    top = top_of(request.raw)
    members = stream_member(top, streamed=streamed)
    members["model"] = _encode(deployment.model.name)
    hides_usage = False
    if streamed and profile.stream_usage_option:
        options = _decode(request.raw).stream_options or {}
        if bytes(options.get("include_usage", b"")) != b"true":
            hides_usage = True
            asked = {**options, "include_usage": msgspec.Raw(b"true")}
            members["stream_options"] = _encode(asked)
    call = HttpCall(
        "/chat/completions", splice(request.raw, members, top=top), "/v1", _HEADERS[streamed]
    )
    return PassedOn(call, hides_usage)
