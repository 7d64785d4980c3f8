"""From our request to a request of OpenAI Responses."""

from collections.abc import Iterator, Sequence

import msgspec

from aihandler.backends.codec import HttpCall
from aihandler.backends.openai_responses.adapt import fit
from aihandler.backends.openai_responses.content import write_content
from aihandler.backends.openai_responses.fields import (
    INSTRUCTIONS,
    ITEM,
    ITEMS,
    KIND,
    MADE_THOUGHT,
    ROLE,
    is_plain,
    noted,
)
from aihandler.backends.openai_responses.items import write_item, write_turn
from aihandler.backends.openai_responses.settings import write_settings
from aihandler.backends.openai_responses.tools import write_tools
from aihandler.backends.profiles import Profile
from aihandler.backends.wire_objects import Losses, restore
from aihandler.domain.conversation import Message, Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.parts import Part, Text, ToolResult
from aihandler.domain.task import Json

PLAIN_INPUT = "~input"
_encode = msgspec.json.Encoder().encode
_ACCEPT = {False: ("accept", "application/json"), True: ("accept", "text/event-stream")}
_Placed = tuple[str, dict[str, Json]]


def encode(
    request: Request, deployment: Deployment, profile: Profile, *, streamed: bool
) -> HttpCall:
    """A request that was read from this format is written as it was; others are fitted to it."""
    own = request.origin == KIND
    losses = Losses(own=own)
    body: dict[str, Json] = {"model": deployment.model.name}
    write_settings(body, request, profile, losses)
    messages = request.messages if own else fit(request, profile, losses)
    heading, turns = _heading(messages, own=own)
    if heading:
        body["instructions"] = heading
    placed = [pair for place, turn in turns for pair in _items(turn, f"/messages/{place}", own=own)]
    items = _followed(placed, losses)
    if own and request.extra.get(PLAIN_INPUT) and _is_one_text(items):
        body["input"] = items[0]["content"]
    elif items or not own or PLAIN_INPUT not in request.extra:
        body["input"] = items
    write_tools(body, request, losses)
    if streamed:
        body["stream"] = True
    if own:
        extra = request.extra
        if not streamed and "stream_options" in extra:
            extra = {key: value for key, value in extra.items() if key != "stream_options"}
        restore(body, extra)
    else:
        losses.add_fields("", request.extra)
    return HttpCall(
        "/responses", _encode(body), "/v1", (_ACCEPT[streamed],), lost=tuple(losses.found)
    )


def _heading(
    messages: Sequence[Message], *, own: bool
) -> tuple[str, Sequence[tuple[int, Message]]]:
    """The instructions, and the turns with their places."""
    turns = list(enumerate(messages))
    first = messages[0] if messages else None
    if first is None or first.role != "system" or len(first.parts) != 1:
        return "", turns
    if own and INSTRUCTIONS not in first.extra:
        return "", turns
    part = first.parts[0]
    # A request needs an input; instructions alone are one.
    if not isinstance(part, Text) or not (is_plain(part) or own) or (len(turns) == 1 and not own):
        return "", turns
    return part.text, turns[1:]


def _items(turn: Message, pointer: str, *, own: bool) -> Iterator[_Placed]:
    if turn.role == "assistant":
        for place, item in write_turn(turn.parts, own=own):
            yield f"{pointer}/parts/{place}", item
        return
    if own and ITEMS in turn.extra:
        for place, part in enumerate(turn.parts):
            alone = write_item(part, own=own) or _message(turn, [part], own=own)
            yield f"{pointer}/parts/{place}", alone
        return
    said: list[Part] = []
    for place, part in enumerate(turn.parts):
        written = write_item(part, own=own) if isinstance(part, ToolResult) else None
        if written is None:
            said.append(part)
            continue
        if said:
            yield pointer, _message(turn, said, own=own)
            said = []
        yield f"{pointer}/parts/{place}", written
    if said or (own and not turn.parts):
        yield pointer, _message(turn, said, own=own)


def _message(turn: Message, said: Sequence[Part], *, own: bool) -> dict[str, Json]:
    role = turn.extra.get(ROLE, turn.role) if own else turn.role
    wire: dict[str, Json] = {"role": role, "content": write_content(said, turn.extra, own=own)}
    if not own:
        return wire
    return restore({**noted(turn.extra, ITEM), **wire}, turn.extra)


def _followed(placed: Sequence[_Placed], losses: Losses) -> list[dict[str, Json]]:
    """Without thoughts that no item of the model follows, and those that nobody has stored: the
    API refuses both."""
    kept: list[dict[str, Json]] = []
    followed = False
    for pointer, item in reversed(placed):
        if item.get("type") == "reasoning":
            why = _unfit(item, followed=followed)
            if why:
                losses.add(pointer, why)
                continue
        else:
            followed = _is_of_model(item)
        kept.append(item)
    kept.reverse()
    return kept


def _unfit(item: dict[str, Json], *, followed: bool) -> str:
    if not followed:
        return "a thought that nothing of the model follows"
    # A client that we answered in this format for a model of another gives back what it got.
    if str(item.get("id")).startswith(MADE_THOUGHT) and not item.get("encrypted_content"):
        return "a thought that this provider has not sealed"
    return ""


def _is_of_model(item: dict[str, Json]) -> bool:
    if "role" in item:
        return bool(item["role"] == "assistant")
    kind = item.get("type")
    client = item.get("execution") != "server"
    return not (isinstance(kind, str) and kind.endswith(("_output", "_response")) and client)


def _is_one_text(items: Sequence[dict[str, Json]]) -> bool:
    return (
        len(items) == 1
        and items[0].get("role") == "user"
        and isinstance(items[0].get("content"), str)
    )
