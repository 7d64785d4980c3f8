"""Whether a server makes a model call a tool, which one, and which ids of calls it takes."""

from typing import Literal

import msgspec

from aihandler.backends.probing.sends import STRANGE, TEA, Exchange, asking
from aihandler.backends.probing.session import Probing, verdict
from aihandler.domain.conversation import Message, Request, Text, ToolCall, ToolResult, message
from aihandler.domain.probes import ProbeVerdict
from aihandler.domain.task import Json
from aihandler.domain.tools import Tool, ToolChoice

IDLE_TOOL = Tool("probe_idle", "Does nothing.", {"type": "object", "properties": {}})
_TOOLS = tuple(
    Tool(name, "Is of no use to anybody.", STRANGE) for name in ("probe_a", "probe_b", "probe_c")
)
# From the loosest rule to the narrowest, each with an id that only it and those before it admit.
_IDS = (
    ("any", "probe:1/" + "y" * 72),
    ("max64", "probe:1/" + "y" * 56),
    ("word64", "probe_1-" + "y" * 56),
    ("max40", "probe:1/" + "y" * 32),
    ("alnum9", "probe0001"),
)
MOST_IDS = len(_IDS) + 1
Content = Literal["null", "empty"]


async def ask_forced(probing: Probing) -> list[ProbeVerdict]:
    """One of three tools must be called, by a model that was asked for something else."""
    exchange = await probing.send(_with_tools("probe_b"))
    calls = _calls(exchange)
    ids = ", ".join(repr(call.id) for call in calls) or "no call"
    return [
        verdict("forced_tool", _state(exchange, {"probe_b"}), exchange.told),
        verdict("call_id", calls[0].id if calls else None, f"ids as they came: {ids}"),
    ]


async def ask_allowed(probing: Probing) -> list[ProbeVerdict]:
    """Two of three tools may be called, and one must."""
    exchange = await probing.send(_with_tools("probe_b", "probe_c"))
    state = _state(exchange, {"probe_b", "probe_c"})
    if state is None:
        return [probing.kept("allowed_tools", exchange.told)]
    return [verdict("allowed_tools", state == "held", f"{state}; {exchange.told}")]


async def ask_call_ids(probing: Probing) -> list[ProbeVerdict]:
    """A conversation in which a tool was called: how its turn is written, under which ids."""
    own = probing.profile.no_content
    other: Content = "empty" if own == "null" else "null"
    for content in (own, other):
        # The narrowest id is one that every server takes, if it takes any.
        exchange = await probing.send(_conversation(_IDS[-1][1]), no_content=content)
        if exchange.reply is not None:
            written = verdict("no_content", content, f"a turn of calls alone: {content}")
            return [written, *(await _loosest(probing, content))]
        if not exchange.refused:
            return [probing.kept("call_ids", exchange.told)]
    return [probing.kept("call_ids", f"results of tools are refused: {exchange.told}")]


async def _loosest(probing: Probing, content: Content) -> list[ProbeVerdict]:
    for form, call_id in _IDS[:-1]:
        exchange = await probing.send(_conversation(call_id), no_content=content)
        if exchange.reply is not None:
            return [verdict("call_ids", form, f"took {call_id!r}")]
        if not exchange.refused:
            return [probing.kept("call_ids", exchange.told)]
    return [verdict("call_ids", _IDS[-1][0], f"took nothing looser than {_IDS[-1][1]!r}")]


def _with_tools(*allowed: str) -> Request:
    return msgspec.structs.replace(
        asking(TEA), tools=_TOOLS, tool_choice=ToolChoice("required", allowed)
    )


def _conversation(call_id: str) -> Request:
    called = ToolCall(call_id, "probe_a", msgspec.json.encode({"zz": "qq1"}).decode())
    turns = (
        message("user", "Look it up."),
        Message("assistant", (called,)),
        Message("user", (ToolResult(call_id, (Text("tea"),), "probe_a"),)),
    )
    return msgspec.structs.replace(asking(TEA, tokens=8), messages=turns, tools=_TOOLS)


def _calls(exchange: Exchange) -> list[ToolCall]:
    parts = exchange.reply.parts if exchange.reply else ()
    return [part for part in parts if isinstance(part, ToolCall)]


def _state(exchange: Exchange, allowed: set[str]) -> Json:
    if exchange.refused:
        return "refused"
    if exchange.reply is None:
        return None
    names = {call.name for call in _calls(exchange)}
    return "held" if names and names <= allowed else "ignored"
