"""From our request to one of Converse."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from aihandler.backends.bedrock_converse.adapt import fit
from aihandler.backends.bedrock_converse.blocks import write_blocks
from aihandler.backends.bedrock_converse.event_stream import CONTENT_TYPE
from aihandler.backends.bedrock_converse.fields import KIND, restore
from aihandler.backends.bedrock_converse.settings import write_settings
from aihandler.backends.bedrock_converse.tools import write_tools
from aihandler.backends.codec import HttpCall
from aihandler.backends.profiles import Profile
from aihandler.backends.signed import own_thoughts
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Message, Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Json

_encode = msgspec.json.Encoder().encode
_ACCEPT = {False: ("accept", "application/json"), True: ("accept", CONTENT_TYPE)}
_VERBS = {False: "converse", True: "converse-stream"}


def encode(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> HttpCall:
    """A request that was read from this format is written as it was; others are fitted to it."""
    own = request.origin == KIND
    losses = Losses(own=own)
    if own:
        messages = own_thoughts(request.messages, KIND, losses)
    else:
        messages = fit(request, profile, losses)
    body = _turns(messages, own=own)
    write_settings(body, request, profile, losses)
    write_tools(body, request, profile, losses, turns=messages)
    if own:
        restore(body, request.extra)
    else:
        losses.add_fields("", request.extra)
    # An ARN has slashes and colons, which are part of the model's name here.
    path = f"/model/{quote(deployment.model.name, safe='')}/{_VERBS[streamed]}"
    return HttpCall(path, _encode(body), headers=(_ACCEPT[streamed],), lost=tuple(losses.found))


def _turns(messages: Sequence[Message], *, own: bool) -> dict[str, Json]:
    body: dict[str, Json] = {}
    turns = list(messages)
    if turns and turns[0].role == "system":
        body["system"] = write_blocks(turns.pop(0).parts, own=own)
    body["messages"] = [_turn(message, own=own) for message in turns]
    return body


def _turn(message: Message, *, own: bool) -> dict[str, Json]:
    wire: dict[str, Json] = {
        "role": message.role,
        "content": write_blocks(message.parts, own=own),
    }
    return restore(wire, message.extra) if own and message.extra else wire
