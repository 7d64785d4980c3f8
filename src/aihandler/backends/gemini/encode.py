"""From our request to a request of generateContent; the model stands in its path."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from aihandler.backends.codec import NOTE, HttpCall, KeyHeader
from aihandler.backends.gemini.adapt import fit, with_stand_ins
from aihandler.backends.gemini.fields import FORM, KIND, ROLE, restore
from aihandler.backends.gemini.parts import write_part
from aihandler.backends.gemini.settings import one_answer, write_settings
from aihandler.backends.gemini.tools import write_tools
from aihandler.backends.profiles import Profile
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Message, Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.parts import Part
from aihandler.domain.task import Json

# A body that names its model all the same, as this format allows.
MODEL = f"{NOTE}model"
# `parts` was one object instead of a list, null, or was left out.
ONE, NULL, NONE = "one", "null", "none"
_encode = msgspec.json.Encoder().encode
_ROLES = {"assistant": "model", "user": "user", "system": "user"}
_ACCEPT = {False: ("accept", "application/json"), True: ("accept", "text/event-stream")}
_KEY = KeyHeader("x-goog-api-key", "")


def encode(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> HttpCall:
    """A request that was read from this format is written as it was; others are fitted to it."""
    own = request.origin == KIND
    losses = Losses(own=own)
    body: dict[str, Json] = {}
    if own:
        _write_own_turns(body, request.messages, profile)
    else:
        system, turns = fit(request, profile, losses)
        if system:
            body["systemInstruction"] = {"parts": list(map(write_part, system))}
        body["contents"] = [_content(with_stand_ins(turn, profile)) for turn in turns]
    write_settings(body, request, profile, losses)
    write_tools(body, request, losses)
    if own:
        restore(body, request.extra)
        one_answer(body, losses)
    else:
        losses.add_fields("", request.extra)
    return call_of(_encode(body), deployment, streamed=streamed, losses=losses)


def call_of(
    body: bytes, deployment: Deployment, *, streamed: bool, losses: Losses | None = None
) -> HttpCall:
    """The body on its way to the deployment's model."""
    vertex = deployment.backend == "vertex"
    verb = "streamGenerateContent?alt=sse" if streamed else "generateContent"
    path = f"/{_resource(deployment.model.name, vertex=vertex)}:{verb}"
    lost = tuple(losses.found) if losses is not None else ()
    # Vertex wants to know as whom one asks, not for which project.
    key = KeyHeader() if vertex else _KEY
    return HttpCall(path, body, "/v1" if vertex else "/v1beta", (_ACCEPT[streamed],), key, lost)


def asked_in_path(path: str) -> tuple[str, bool]:
    """The model that a client's path names, and whether it wants a stream; "" when it names none.

    `/v1beta/models/gemini-2.5-flash:streamGenerateContent` and the paths of Vertex.
    """
    resource, _, verb = path.partition("?")[0].rpartition(":")
    if verb not in {"generateContent", "streamGenerateContent"}:
        return "", False
    model = resource.rpartition("/models/")[2].lstrip("/")
    return model, verb == "streamGenerateContent"


def _resource(model: str, *, vertex: bool) -> str:
    name = quote(model, safe="/@")
    if "/" in model:
        # `tunedModels/...`, `endpoints/...`: named in full.
        return name
    return f"publishers/google/models/{name}" if vertex else f"models/{name}"


def _write_own_turns(body: dict[str, Json], messages: Sequence[Message], profile: Profile) -> None:
    first = 0
    while first < len(messages) and messages[first].role == "system":
        first += 1
    if first:
        parts = tuple(part for message in messages[:first] for part in message.parts)
        body["systemInstruction"] = _system(messages[0], parts)
    body["contents"] = [_content(with_stand_ins(turn, profile)) for turn in messages[first:]]


def _system(message: Message, parts: tuple[Part, ...]) -> Json:
    wire = _role(message, "") | _parts(message, list(map(write_part, parts)))
    return restore(wire, message.extra)


def _content(message: Message) -> dict[str, Json]:
    parts = list(map(write_part, message.parts))
    if not message.extra:
        return {"parts": parts, "role": _ROLES[message.role]}
    wire = _role(message, _ROLES[message.role]) | _parts(message, parts)
    return restore(wire, message.extra)


def _parts(message: Message, parts: list[Json]) -> dict[str, Json]:
    form = message.extra.get(FORM)
    if form == ONE and len(parts) == 1:
        return {"parts": parts[0]}
    if parts or form not in {NULL, NONE}:
        return {"parts": parts}
    return {"parts": None} if form == NULL else {}


def _role(message: Message, usual: str) -> dict[str, Json]:
    written = message.extra.get(ROLE, [usual] if usual else [])
    return {"role": written[0]} if written else {}
