"""Kimi K3: sections that open and close by name, as XML does, with special tokens for brackets."""

import re
from collections.abc import Mapping

from aihandler.backends.chat_templates.conversation import ToolCall
from aihandler.backends.chat_templates.markup.message import ParsedMessage, Source, unsure
from aihandler.backends.chat_templates.markup.values import object_text, typed

_MARK = re.compile(r"<\|(open|close)\|>([a-z]+)([^<]*)<\|sep\|>")
_ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
_INSIDE = {"call": "tools", "argument": "call"}


class _Sections:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.open: list[tuple[str, Mapping[str, str], int]] = []
        self.words: dict[str, list[str]] = {"think": [], "response": []}
        self.calls: list[ToolCall] = []
        self.arguments: dict[str, str] = {}

    def enter(self, name: str, attributes: Mapping[str, str], at: int) -> None:
        parent = self.open[-1][0] if self.open else ""
        # A message may be opened by the prompt already, so it may or may not stand around the rest.
        if parent not in {_INSIDE.get(name, ""), "message"}:
            unsure("a section stands where none may")
        if name == "call":
            self.arguments = {}
        self.open.append((name, attributes, at))

    def leave(self, name: str, at: int) -> None:
        if name == "message" and not self.open:
            return
        if not self.open or self.open[-1][0] != name:
            unsure("a section is closed that is not open")
        _, attributes, begin = self.open.pop()
        text = self.source.text[begin:at]
        if name in self.words:
            self.words[name].append(text)
        elif name == "call":
            self.calls.append(ToolCall(attributes.get("tool", ""), object_text(self.arguments)))
        elif name == "argument":
            self._put(attributes, text)

    def _put(self, attributes: Mapping[str, str], text: str) -> None:
        key = attributes.get("key", "")
        if not key or key in self.arguments:
            unsure("a tool call names one parameter twice, or not at all")
        self.arguments[key] = typed(text, {"type": attributes.get("type", "string")})


def read_sections(source: Source) -> ParsedMessage:
    """Think sections are reasoning, response sections the answer; one of the two may be cut."""
    sections = _Sections(source)
    end = 0
    for mark in _MARK.finditer(source.text):
        between = source.text[end : mark.start()]
        if between.strip() and (not sections.open or sections.open[-1][0] in _HOLDERS):
            unsure("text stands outside of the sections")
        if mark.group(1) == "open":
            sections.enter(mark.group(2), dict(_ATTRIBUTE.findall(mark.group(3))), mark.end())
        else:
            sections.leave(mark.group(2), mark.start())
        end = mark.end()
    complete = True
    if sections.open and sections.open[-1][0] in sections.words:
        complete = sections.open[-1][0] == "response"
        sections.leave(sections.open[-1][0], len(source.text))
    elif source.text[end:].strip() or sections.open:
        unsure("a section is cut")
    content, reasoning = sections.words["response"], sections.words["think"]
    return ParsedMessage(
        "".join(content), "".join(reasoning).strip(), tuple(sections.calls), complete
    )


_HOLDERS = frozenset({"message", "tools", "call"})
