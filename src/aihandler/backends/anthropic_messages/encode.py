"""From our request to a request of Anthropic Messages."""

from collections.abc import Sequence

import msgspec

from aihandler.backends.anthropic_messages.adapt import fit
from aihandler.backends.anthropic_messages.blocks import write_block, write_content
from aihandler.backends.anthropic_messages.fields import KIND
from aihandler.backends.anthropic_messages.settings import write_settings
from aihandler.backends.anthropic_messages.tools import write_tools
from aihandler.backends.codec import NOTE, HttpCall, KeyHeader
from aihandler.backends.profiles import Profile
from aihandler.backends.signed import own_thoughts
from aihandler.backends.wire_objects import Losses, restore
from aihandler.domain.conversation import Message, Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.parts import Part
from aihandler.domain.task import Json

BETA = f"{NOTE}beta"
VERSION = f"{NOTE}version"
# Notes that a system message stood among the turns.
PLACED = f"{NOTE}placed"
_encode = msgspec.json.Encoder().encode
_VERSION = "2023-06-01"
_ACCEPT = {False: ("accept", "application/json"), True: ("accept", "text/event-stream")}
_KEY = KeyHeader("x-api-key", "")


def encode(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> HttpCall:
    """A request that was read from this format is written as it was; others are fitted to it."""
    own = request.origin == KIND
    losses = Losses(own=own)
    body: dict[str, Json] = {"model": deployment.model.name}
    write_settings(body, request, profile, losses)
    if own:
        _write_own_turns(body, own_thoughts(request.messages, KIND, losses))
    else:
        _write_fitted_turns(body, request, losses)
    write_tools(body, request, losses)
    if streamed:
        body["stream"] = True
    if own:
        restore(body, request.extra)
    else:
        losses.add_fields("", request.extra)
    headers = heads(request, streamed=streamed)
    return HttpCall("/messages", _encode(body), "/v1", headers, _KEY, tuple(losses.found))


def heads(request: Request, *, streamed: bool) -> tuple[tuple[str, str], ...]:
    """The headers, with what a client of this format asked for in its own."""
    own = request.extra if request.origin == KIND else {}
    version = ("anthropic-version", own.get(VERSION, _VERSION))
    beta = (("anthropic-beta", own[BETA]),) if BETA in own else ()
    return (version, _ACCEPT[streamed], *beta)


def _write_own_turns(body: dict[str, Json], messages: Sequence[Message]) -> None:
    first = 0
    while first < len(messages) and _is_heading(messages[first]):
        first += 1
    if first == 1:
        body["system"] = write_content(messages[0].parts, messages[0].extra, own=True)
    elif first:
        parts = [part for message in messages[:first] for part in message.parts]
        body["system"] = [write_block(part, own=True) for part in parts]
    body["messages"] = [_write_message(message, own=True) for message in messages[first:]]


def _is_heading(message: Message) -> bool:
    return message.role == "system" and PLACED not in message.extra


def _write_fitted_turns(body: dict[str, Json], request: Request, losses: Losses) -> None:
    system, turns = fit(request, losses)
    if system:
        body["system"] = _write_system(system)
    body["messages"] = [_write_message(turn, own=False) for turn in turns]


def _write_system(parts: Sequence[Part]) -> str | list[Json]:
    return write_content(parts, {}, own=False)


def _write_message(message: Message, *, own: bool) -> dict[str, Json]:
    wire: dict[str, Json] = {
        "role": message.role,
        "content": write_content(message.parts, message.extra, own=own),
    }
    return restore(wire, message.extra) if own and message.extra else wire
