"""What a chat template turns into a prompt: turns, tools, the template itself, the prompt."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Speaker = Literal["system", "user", "assistant", "tool"]


class ToolCall(msgspec.Struct, frozen=True):
    """One call; `arguments` is JSON text, as wire formats carry it."""

    name: str
    arguments: str = "{}"
    id: str = ""


class Tool(msgspec.Struct, frozen=True):
    """A tool on offer; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = {}


class Turn(msgspec.Struct, frozen=True):
    """One turn. `calls` belong to the assistant; `call_id` and `name` to a tool's result."""

    role: Speaker
    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""


class Template(msgspec.Struct, frozen=True):
    """A model's own Jinja chat template and the special tokens that belong to it.

    `special_tokens` are further texts that the model's tokenizer reads as one token. `adds_bos`:
    whether the tokenizer puts `bos_token` before a text by itself; None where nothing says so.
    """

    name: str
    source: str
    bos_token: str = ""
    eos_token: str = ""
    special_tokens: tuple[str, ...] = ()
    adds_bos: bool | None = None


class Prompt(msgspec.Struct, frozen=True):
    """A rendered conversation.

    `start` is what already stands in the assistant's turn (an opened reasoning block, a prefill):
    a reader of the answer needs it, and `family`, the way in which the model writes calls. `stop`
    ends the turn. `notes` say what had to be moved.
    """

    text: str
    start: str = ""
    stop: tuple[str, ...] = ()
    family: str = "auto"
    notes: tuple[str, ...] = ()
