"""What is asked of a model: messages made of ordered parts, and how to answer."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.task import Output, TextOutput

Role = Literal["system", "user", "assistant"]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Plain text."""

    text: str


class Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    """What a model said to itself before the answer; never part of the answer."""

    text: str


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """A model's own words for why it will not answer."""

    text: str


Part = Text | Thinking | Refusal


class Message(msgspec.Struct, frozen=True):
    """One turn. Parts keep their order."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def message(role: Role, text: str) -> Message:
    """A message of one text part."""
    return Message(role, (Text(text),))


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a model picks its words. `max_output_tokens` is a bound and no part of any key."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    max_output_tokens: int | None = None


class Request(msgspec.Struct, frozen=True):
    """What one attempt asks of one deployment.

    `messages` is for models that converse; `fields` are the same inputs by name, for the models
    of this process, which read documents and not prompts.
    """

    task: str
    messages: tuple[Message, ...]
    fields: Mapping[str, str] = {}
    output: Output = TextOutput()
    sampling: Sampling = Sampling()
