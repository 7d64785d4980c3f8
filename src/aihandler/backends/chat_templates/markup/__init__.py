"""Reads what open models write as plain text: reasoning, words and tool calls."""

from collections.abc import Sequence

from aihandler.backends.chat_templates.conversation import Tool
from aihandler.backends.chat_templates.markup.families import AUTO, families, family_of
from aihandler.backends.chat_templates.markup.message import ParsedMessage, Unreadable
from aihandler.backends.chat_templates.markup.reader import Delta, MarkupReader

__all__ = [
    "AUTO",
    "Delta",
    "MarkupReader",
    "ParsedMessage",
    "Unreadable",
    "families",
    "family_of",
    "parse",
]


def parse(
    text: str, family: str = AUTO, *, tools: Sequence[Tool] = (), start: str = ""
) -> ParsedMessage | Unreadable:
    """One whole answer in its parts; `start` is what the prompt began of it."""
    reader = MarkupReader(family=family, tools=tools, start=start)
    reader.feed(text)
    return reader.end()
