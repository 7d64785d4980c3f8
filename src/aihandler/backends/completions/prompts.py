"""What one request becomes for one deployment: the prompt, and how its answer is to be read."""

from collections.abc import Sequence

import msgspec

from aihandler.backends.chat_templates import Tool, Turn
from aihandler.backends.chat_templates.neutral import Neutraliser
from aihandler.backends.completions.fields import own_prompt
from aihandler.backends.completions.templates import Ready, Templates, known_family
from aihandler.backends.completions.turns import conversed
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.errors import AIHandlerError, BackendRejected

# Requests whose replies are awaited; one that is gone from here is rendered once more.
_AWAITED = 64
# Families whose answers stand between marks from the first word: a grammar of JSON alone would
# keep the model from writing them.
_FRAMED = frozenset({"gpt_oss", "kimi_k3"})


class Reading(msgspec.Struct, frozen=True):
    """How an answer is read: what the prompt began of it, what ends it, how calls are written.

    `neutraliser` gives the user's own control tokens back. `family` is empty for a prompt of a
    client's own, whose answer is nothing but text.
    """

    family: str = ""
    start: str = ""
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    neutraliser: Neutraliser | None = None
    notes: tuple[str, ...] = ()


class Rendered(msgspec.Struct, frozen=True):
    """A prompt. `bos` is the token that it begins with, if it does; `marks` are the control tokens
    that the answer may hold. `held`: a grammar may hold the answer from its first character on.
    """

    text: str
    reading: Reading
    bos: str = ""
    adds_bos: bool | None = None
    marks: tuple[str, ...] = ()
    held: bool = True


class Prompts:
    """Renders requests, and remembers of each how its answer is to be read."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._awaited: dict[tuple[int, str], tuple[Request, Reading]] = {}

    def render(self, request: Request, deployment: Deployment, losses: Losses) -> Rendered:
        """Raises BackendRejected: what this model's template refuses, another may take."""
        rendered = self._rendered(request, deployment, losses)
        if len(self._awaited) >= _AWAITED:
            # The oldest: its send has failed, or its answer takes longest.
            del self._awaited[next(iter(self._awaited))]
        self._awaited[id(request), deployment.name] = (request, rendered.reading)
        return rendered

    def reading(self, request: Request, deployment: Deployment) -> Reading:
        """How the answer to this request is read."""
        known = self._awaited.pop((id(request), deployment.name), None)
        # Another request may have come to stand at the same place of memory.
        if known is not None and known[0] is request:
            return known[1]
        return self._rendered(request, deployment, Losses(own=False)).reading

    def _rendered(self, request: Request, deployment: Deployment, losses: Losses) -> Rendered:
        text = own_prompt(request)
        if text is not None:
            return Rendered(text, Reading())
        try:
            return _render(request, self._templates.of(deployment), losses)
        except AIHandlerError as error:
            who = f"deployment {deployment.name!r}"
            named = error.message.startswith(who)
            raise BackendRejected(
                error.message if named else f"{who}: {error.message}",
                deployment=deployment.name,
                hint=error.hint,
            ) from error


def _render(request: Request, ready: Ready, losses: Losses) -> Rendered:
    chat = ready.chat
    asked = conversed(request, ready.switches, losses)
    turns: Sequence[Turn] = asked.turns or (Turn("user", ""),)
    prompt = chat.render(turns, tools=asked.tools, prefill=asked.prefill, variables=asked.switches)
    for note in prompt.notes:
        losses.add("/messages", note)
    # The reply holds what comes behind a prefill, as it does in every format that has one.
    start = prompt.start.removesuffix(chat.neutraliser.neutral(asked.prefill))
    reading = Reading(
        prompt.family, start, prompt.stop, asked.tools, chat.neutraliser, prompt.notes
    )
    template = chat.template
    begins = bool(template.bos_token) and prompt.text.startswith(template.bos_token)
    return Rendered(
        prompt.text,
        reading,
        bos=template.bos_token if begins else "",
        adds_bos=template.adds_bos,
        marks=ready.marks,
        held=prompt.family not in _FRAMED and not _thinks_already(prompt.family, start),
    )


def _thinks_already(family: str, start: str) -> bool:
    """Whether the prompt leaves the model amid its reasoning."""
    if not start:
        return False
    known = known_family(family)
    opened = [start.rfind(mark) for mark in known.reasoning if mark in start]
    closed = [start.rfind(mark) for mark in known.reasoning.values() if mark in start]
    return max(opened, default=-1) > max(closed, default=-1)
