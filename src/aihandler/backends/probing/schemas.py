"""By which means a server really holds a model to a schema: alone, and beside other wishes."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import msgspec

from aihandler.backends.probing.overlay import ENFORCING
from aihandler.backends.probing.sends import (
    LONG,
    STRANGE_VALUE,
    TEA,
    Exchange,
    asking,
    held_to_schema,
    thinking_wish,
)
from aihandler.backends.probing.session import CHAT, Probing, verdict
from aihandler.backends.probing.tools import IDLE_TOOL
from aihandler.backends.profiles import GrammarForm
from aihandler.backends.schema_modes import BY_TOOL
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request, ToolCall
from aihandler.domain.probes import ProbeVerdict
from aihandler.domain.schemas import SchemaMode

# held: what came back could only come from one that is held. None: not to be told.
Held = Literal["held", "ignored", "refused"]
RANK: tuple[SchemaMode, ...] = ("native", "strict_tool", "grammar", "tool", "json_object")


async def ask_modes(probing: Probing) -> list[ProbeVerdict]:
    """Each mode by itself: `modes`, `strict`, `grammar_form`."""
    verdicts = [
        *(await _ask_native(probing)),
        await _ask_one(probing, "strict_tool"),
        *(await _ask_grammar(probing)),
        await _ask_one(probing, "tool"),
        await _ask_object(probing),
    ]
    by_mode = {v.column: v.value for v in verdicts}
    own = probing.profile.modes
    proven = [
        mode
        for mode in RANK
        if by_mode.get(mode) == "held" or (by_mode.get(mode) is None and mode in own)
    ]
    return [verdict("modes", [*_ordered(proven, own), "prompt"], "held, best first"), *verdicts]


async def ask_streamed(probing: Probing) -> list[ProbeVerdict]:
    """The modes that hold, in a stream."""
    return await _together(probing, "not_streamed", "streamed", _held_modes(probing))


async def ask_with_tools(probing: Probing) -> list[ProbeVerdict]:
    """The modes that hold, beside a tool that nobody needs."""
    # A model that must call the answer's tool cannot call another one: those are never asked so.
    modes = [mode for mode in _held_modes(probing) if mode not in BY_TOOL]
    return await _together(probing, "not_with_tools", "with tools", modes)


async def ask_thinking(probing: Probing) -> list[ProbeVerdict]:
    """The modes that hold, of a model that thinks first."""
    if probing.value("thinking") in {None, "none", "refused"}:
        return [probing.kept("not_thinking", "no thinking was seen")]
    return await _together(probing, "not_thinking", "thinking", _held_modes(probing))


def judged(mode: SchemaMode, exchange: Exchange) -> Held | None:
    """Whether this could only be said by a model that was held to the schema."""
    if exchange.refused:
        return "refused"
    if exchange.reply is None:
        return None
    text = _by_call(exchange.reply) if mode in BY_TOOL else without_thoughts(exchange.text)
    if mode in {"tool", "json_object"}:
        return _is_object(text, cut=exchange.reply.finish == "length")
    try:
        return "held" if msgspec.json.decode(text) == STRANGE_VALUE else "ignored"
    except msgspec.DecodeError:
        # White space without end is what some grammars leave a small model to say.
        return None if _begins_strange(text) and exchange.reply.finish == "length" else "ignored"


def _by_call(reply: Reply) -> str:
    # Several calls are several answers.
    return "".join(part.arguments for part in reply.parts if isinstance(part, ToolCall))


def without_thoughts(text: str) -> str:
    """What stands behind the thoughts, where a server leaves them in the text."""
    return text.rpartition("</think>")[2].strip()


def _ordered(proven: Sequence[SchemaMode], own: Sequence[SchemaMode]) -> list[SchemaMode]:
    """What holds a model to a schema first; among equals, in the order of the profile."""
    # Whoever wrote the row knew by which of them models of such servers answer best.
    listed = [mode for mode in own if mode in proven]
    ordered = [*listed, *(mode for mode in proven if mode not in listed)]
    return sorted(ordered, key=lambda mode: mode not in ENFORCING)


async def _ask_one(probing: Probing, mode: SchemaMode) -> ProbeVerdict:
    exchange = await probing.send(held_to_schema(mode))
    return verdict(mode, judged(mode, exchange), exchange.told)


async def _ask_object(probing: Probing) -> ProbeVerdict:
    unasked = await probing.send(asking(TEA, tokens=LONG))
    if judged("json_object", unasked) == "held":
        # Of a model that says nothing but JSON, JSON shows nothing.
        return verdict("json_object", None, f"it says JSON unasked: {unasked.text}")
    return await _ask_one(probing, "json_object")


async def _ask_native(probing: Probing) -> list[ProbeVerdict]:
    strict = probing.profile.strict
    exchange = await probing.send(held_to_schema("native"), strict=strict)
    held = judged("native", exchange)
    verdicts = []
    if held == "ignored" and not strict and probing.deployment.backend in CHAT:
        again = await probing.send(held_to_schema("native"), strict=True)
        if judged("native", again) == "held":
            exchange, held = again, "held"
            verdicts.append(verdict("strict", True, "held to it only with `strict: true`"))
    return [*verdicts, verdict("native", held, exchange.told)]


async def _ask_grammar(probing: Probing) -> list[ProbeVerdict]:
    own = probing.profile.grammar_form
    if probing.deployment.backend not in {*CHAT, "completions"}:
        return []
    # The form of the profile first: where it holds, no other one is asked.
    forms: list[GrammarForm] = [form for form in get_args(GrammarForm) if form and form != own]
    told: list[str] = []
    states: list[Held | None] = []
    for form in [own, *forms] if own else forms:
        exchange = await probing.send(held_to_schema("grammar"), grammar_form=form)
        states.append(judged("grammar", exchange))
        if states[-1] == "held":
            return [verdict("grammar_form", form, form), verdict("grammar", "held", exchange.told)]
        told.append(f"{form}: {states[-1] or 'not to be told'}")
    untold = None in states
    state = None if untold else "refused" if set(states) == {"refused"} else "ignored"
    return [verdict("grammar", state, ", ".join(told))]


async def _together(
    probing: Probing, column: str, what: str, modes: Sequence[SchemaMode]
) -> list[ProbeVerdict]:
    failing: list[SchemaMode] = []
    verdicts: list[ProbeVerdict] = []
    for mode in modes:
        exchange = await _ask_together(probing, mode, what)
        held = judged(mode, exchange)
        verdicts.append(verdict(f"{mode} {what}", held, exchange.told))
        untold = held is None and mode in getattr(probing.profile, column)
        if held in {"ignored", "refused"} or untold:
            failing.append(mode)
    # What the profile says of modes that were not asked stands.
    others = [mode for mode in getattr(probing.profile, column) if mode not in modes]
    told = f"asked of {', '.join(modes) or 'no mode'}"
    return [verdict(column, [*failing, *others], told), *verdicts]


async def _ask_together(probing: Probing, mode: SchemaMode, what: str) -> Exchange:
    thinking = thinking_wish(probing.deployment) if what == "thinking" else None
    request: Request = held_to_schema(mode, thinking=thinking)
    if what == "with tools":
        request = msgspec.structs.replace(request, tools=(IDLE_TOOL,))
    columns: dict[str, Any] = {}
    if form := probing.value("grammar_form"):
        columns["grammar_form"] = form
    if wish := probing.value("thinking_wish"):
        columns["thinking_wish"] = wish
    columns["strict"] = probing.profile.strict or bool(probing.value("strict"))
    return await probing.send(request, streamed=what == "streamed", **columns)


def _held_modes(probing: Probing) -> list[SchemaMode]:
    return [mode for mode in RANK if probing.value(mode) == "held"]


def _is_object(text: str, *, cut: bool) -> Held:
    if cut and text.startswith("{"):
        return "held"
    try:
        return "held" if isinstance(msgspec.json.decode(text), dict) else "ignored"
    except msgspec.DecodeError:
        return "ignored"


def _begins_strange(text: str) -> bool:
    whole = msgspec.json.encode(STRANGE_VALUE).decode()
    return whole.startswith("".join(text.split()))
