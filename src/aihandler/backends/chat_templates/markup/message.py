"""What is read out of a model's text, and how a reader says that it cannot."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from aihandler.backends.chat_templates.conversation import Tool, ToolCall


class ParsedMessage(msgspec.Struct, frozen=True):
    """An answer in its parts. `complete` is false when the reasoning was cut before any answer."""

    content: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    complete: bool = True


class Unreadable(msgspec.Struct, frozen=True):
    """Markup that can be read in more than one way, or in none; `reason` never quotes it."""

    reason: str
    text: str


class Unsure(Exception):
    """Raised inside the readers; leaves this package as `Unreadable`."""


class Source:
    """The text of an answer and the tools that were on offer."""

    def __init__(self, text: str, tools: Sequence[Tool]) -> None:
        self.text = text
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}

    def skip(self, at: int) -> int:
        """The next place that is no white space."""
        while at < len(self.text) and self.text[at].isspace():
            at += 1
        return at

    def has(self, at: int, mark: str) -> bool:
        """Whether `mark` stands here."""
        return self.text.startswith(mark, at)

    def after(self, at: int, mark: str) -> int:
        """The place behind `mark`, which must come next but for white space."""
        at = self.skip(at)
        if not self.has(at, mark):
            unsure("a tool call is cut or malformed")
        return at + len(mark)

    def until(self, at: int, mark: str) -> tuple[str, int]:
        """The text up to `mark`, and the place behind it."""
        end = self.text.find(mark, at)
        if end < 0:
            unsure("a tool call is cut or malformed")
        return self.text[at:end], end + len(mark)

    def schema(self, name: str, parameter: str) -> Mapping[str, Any]:
        """The JSON Schema of one parameter; empty when it is not known."""
        tool = self.tools.get(name)
        properties = tool.parameters.get("properties", {}) if tool else {}
        found = properties.get(parameter, {}) if isinstance(properties, Mapping) else {}
        return found if isinstance(found, Mapping) else {}


def unsure(reason: str) -> NoReturn:
    """Refuses to read on."""
    raise Unsure(reason)
