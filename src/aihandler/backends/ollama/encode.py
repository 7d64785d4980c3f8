"""From our request to one of `/api/chat`, or of `/api/generate` where a client asked there."""

from collections.abc import Mapping

import msgspec

from aihandler.backends.codec import HttpCall
from aihandler.backends.ollama.fields import GENERATE, KIND, WITHOUT_CONTENT
from aihandler.backends.ollama.messages import messages_to_wire
from aihandler.backends.ollama.settings import write_settings
from aihandler.backends.ollama.tools import write_tools
from aihandler.backends.profiles import Profile
from aihandler.backends.wire_objects import Losses, restore
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Json

_encode = msgspec.json.Encoder().encode
_PREFIX = "/api"
_ACCEPT = {False: ("accept", "application/json"), True: ("accept", "application/x-ndjson")}
# Fields of `/api/generate` that `/api/chat` does not have.
_ONLY_GENERATE = ("template", "raw", "context", "suffix")


def encode(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> HttpCall:
    """A request that was read from this format is written as it was; others are fitted to it."""
    losses = Losses(own=request.origin == KIND)
    # A stream is what this format takes a request for that does not say.
    body: dict[str, Json] = {"model": deployment.model.name, "stream": streamed}
    messages = messages_to_wire(request, profile, losses)
    prompt = _prompt(request, messages) if losses.own and GENERATE in request.extra else None
    body |= {"messages": messages} if prompt is None else prompt
    write_settings(body, request, deployment, profile=profile, losses=losses)
    write_tools(body, request, losses)
    if not losses.own:
        losses.add_fields("", request.extra)
    else:
        restore(body, _extra(request, losses, generates=prompt is not None))
    path = "/chat" if prompt is None else "/generate"
    return HttpCall(path, _encode(body), _PREFIX, (_ACCEPT[streamed],), lost=tuple(losses.found))


def _prompt(request: Request, messages: list[Json]) -> dict[str, Json] | None:
    """None where more has been said than a prompt and a system text."""
    roles = [message["role"] for message in messages]
    if roles not in (["user"], ["system", "user"]):
        return None
    last = messages[-1]
    prompt: dict[str, Json] = {}
    if "content" in last or WITHOUT_CONTENT not in request.messages[-1].extra:
        prompt["prompt"] = last.get("content", "")
    if "images" in last:
        prompt["images"] = last["images"]
    return {"system": messages[0]["content"], **prompt} if len(messages) == 2 else prompt


def _extra(request: Request, losses: Losses, *, generates: bool) -> Mapping[str, Json]:
    if generates or GENERATE not in request.extra:
        return request.extra
    for name in _ONLY_GENERATE:
        if name in request.extra:
            losses.add(f"/extra/{name}", "a field that conversations do not have")
    return {key: value for key, value in request.extra.items() if key not in _ONLY_GENERATE}
