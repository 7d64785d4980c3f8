"""What is asked of a model: messages made of ordered parts, and how to answer."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from aihandler.domain.schemas import SentSchema
from aihandler.domain.task import Json, Output, Task, TextOutput
from aihandler.domain.tools import AnyTool, ToolChoice

__all__ = [
    "Media",
    "Message",
    "Opaque",
    "Part",
    "Refusal",
    "Request",
    "Role",
    "Sampling",
    "Text",
    "Thinking",
    "ThinkingWish",
    "ToolCall",
    "ToolResult",
    "message",
    "sampling_of",
]

Role = Literal["system", "user", "assistant"]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn. Parts keep their order; results of tools are parts of a user's turn."""

    role: Role
    parts: tuple[Part, ...]
    extra: Mapping[str, Json] = {}

    @property
    def text(self) -> str:
        """All text parts, joined."""
        parts = self.parts
        if len(parts) == 1 and isinstance(parts[0], Text):
            # Most have one, and a gateway asks for it several times a request.
            return parts[0].text
        return "".join(part.text for part in parts if isinstance(part, Text))


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
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


def sampling_of(task: Task) -> Sampling:
    """How a task says that words are picked: the likeliest, where it says nothing."""
    return Sampling(temperature=task.temperature or 0.0, max_output_tokens=task.max_output_tokens)


class ThinkingWish(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much a model may think before it answers: a bound, or a word of its provider."""

    enabled: bool = True
    max_tokens: int | None = None
    effort: str = ""


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
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoice | None = None
    thinking: ThinkingWish | None = None
    # The schema as this deployment takes it; None leaves it to the codec.
    sent: SentSchema | None = None
    # The `k` likeliest tokens at each place (0: only the one taken); None asks for none.
    logprobs: int | None = None
    # The wire format that this was read from, and what of it has no word here.
    origin: str = ""
    extra: Mapping[str, Json] = {}
    # A client's own bytes: sent on as they are to a deployment that speaks the same format.
    raw: bytes = b""
