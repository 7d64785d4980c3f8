"""Reads an answer as it arrives: words and reasoning at once, tool calls when they are whole.

What comes out does not depend on where the pieces of a stream are cut: `parse` is one piece.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from aihandler.backends.chat_templates.conversation import Tool, ToolCall
from aihandler.backends.chat_templates.markup.bare import TAG, bare_calls, may_be_bare
from aihandler.backends.chat_templates.markup.channels import read_channels
from aihandler.backends.chat_templates.markup.families import AUTO, Family, families
from aihandler.backends.chat_templates.markup.message import (
    ParsedMessage,
    Source,
    Unreadable,
    Unsure,
    unsure,
)
from aihandler.backends.chat_templates.markup.scan import TURN_ENDS, Marks
from aihandler.backends.chat_templates.markup.sections import read_sections
from aihandler.backends.chat_templates.markup.values import members

_WHOLE = {"gpt_oss": read_channels, "kimi_k3": read_sections}
_WHOLE_MARKS = {
    "<|channel|>": "gpt_oss",
    "<|start|>": "gpt_oss",
    "to=functions.": "gpt_oss",
    "<|open|>": "kimi_k3",
}
# Special tokens of models that forget to close their reasoning before a call.
_END_REASONING = frozenset(
    {"<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<｜tool▁calls▁begin｜>"}
)


class Delta(msgspec.Struct, frozen=True):
    """Some more of the answer or of the reasoning; `begins`: the first of another block of it."""

    kind: Literal["content", "reasoning"]
    text: str
    begins: bool = False


class MarkupReader:
    """Reads one answer: `feed` what arrives, then `end`.

    `start` is what the prompt had already put into the assistant's turn. Without tools on offer,
    nothing is taken for a call: an answer may be about markup.
    """

    def __init__(self, *, family: str = AUTO, tools: Sequence[Tool] = (), start: str = "") -> None:
        known = families()
        self._name = family
        self._family: Family = known.get(family, known[AUTO])
        self._tools = tools
        special = {*self._family.calls, *self._family.silent, *self._family.anywhere}
        self._anywhere = frozenset(special)
        self._text: list[str] = []
        self._waiting = ""
        # `whole` and `calls` hold everything that comes until the end.
        self._state: Literal["first", "content", "reasoning", "calls", "whole", "bare"] = (
            "whole" if family in _WHOLE else "first"
        )
        self._closing = ""
        self._content: list[str] = []
        self._worded = False
        self._reasoning: list[list[str]] = []
        self._marks: dict[tuple[str, ...], Marks] = {}
        # Space at the beginning is dropped only where reasoning was cut off before it.
        self._drop_space = False
        closing = start.strip()
        if closing in self._family.reasoning.values():
            self._drop_space, start = True, ""
        # What `end` could show before it read the whole.
        self.last: tuple[Delta, ...] = ()
        self.feed(start)

    @property
    def waiting(self) -> str:
        """What came and was not shown: calls, or what may become one."""
        return self._waiting

    def feed(self, piece: str) -> tuple[Delta, ...]:
        """What can be shown of this piece and of what was held back before."""
        self._text.append(piece)
        self._waiting += piece
        return self._read(last=False)

    def end(self) -> ParsedMessage | Unreadable:
        """The whole answer; `Unreadable` rather than a guess."""
        self.last = self._read(last=True)
        try:
            return self._message()
        except (Unsure, RecursionError) as error:
            reason = str(error) if isinstance(error, Unsure) else "nested too deep"
            return Unreadable(reason, "".join(self._text))

    def _read(self, *, last: bool) -> tuple[Delta, ...]:
        deltas: list[Delta] = []
        more = True
        while more:
            match self._state:
                case "first":
                    more = self._first(last)
                case "content":
                    more = self._in_content(deltas, last)
                case "reasoning":
                    more = self._in_reasoning(deltas, last)
                case _:
                    more = False
        return tuple(deltas)

    def _first(self, last: bool) -> bool:
        """Decides how the text begins: with a whole format, a bare call, or words."""
        text = self._waiting.lstrip()
        whole = _WHOLE_MARKS if self._name == AUTO else {}
        awaited = (*whole, TAG) if self._family.bare else tuple(whole)
        if not last and (not text or any(mark.startswith(text) for mark in awaited)):
            return False
        for mark, family in whole.items():
            if text.startswith(mark):
                self._name, self._state = family, "whole"
                return False
        bare = self._family.bare and self._tools and may_be_bare(text)
        self._state = "bare" if bare else "content"
        return True

    def _in_content(self, deltas: list[Delta], last: bool) -> bool:
        marks = self._content_marks()
        found = marks.earliest(self._waiting, last=last)
        if found is None:
            whole = len(marks.without_ends(self._waiting)) if last else 0
            self._say(deltas, whole or marks.settled(self._waiting))
            return False
        at, mark = found
        if mark not in self._anywhere and self._waiting[:at].strip():
            # Amid words this mark is one of them, and says so once words stand before it.
            self._say(deltas, at)
            return True
        if mark in self._family.calls:
            self._say(deltas, len(self._waiting[:at].rstrip()))
            self._waiting, self._state = self._waiting.lstrip(), "calls"
            return False
        if mark in self._family.reasoning:
            self._say(deltas, len(self._waiting[:at].rstrip()))
            self._waiting = self._waiting.lstrip()
            self._state, self._closing = "reasoning", self._family.reasoning[mark]
            self._reasoning.append([])
        else:
            self._say(deltas, at)
        self._waiting = self._waiting[len(mark) :]
        return True

    def _content_marks(self) -> Marks:
        wanted = [*self._family.silent, *self._family.anywhere]
        if self._tools:
            wanted += self._family.calls
        if not self._worded:
            wanted += self._family.reasoning
        return self._cached(tuple(wanted), TURN_ENDS)

    def _cached(self, wanted: tuple[str, ...], ends: Sequence[str] = ()) -> Marks:
        if wanted not in self._marks:
            self._marks[wanted] = Marks(wanted, ends)
        return self._marks[wanted]

    def _in_reasoning(self, deltas: list[Delta], last: bool) -> bool:
        ending = [mark for mark in self._family.calls if mark in _END_REASONING and self._tools]
        marks = self._cached((self._closing, *ending))
        found = marks.earliest(self._waiting, last=last)
        if found is None:
            self._think(deltas, len(self._waiting) if last else marks.settled(self._waiting))
            return False
        at, mark = found
        self._think(deltas, at)
        self._state, self._drop_space = "content", True
        if mark == self._closing:
            self._waiting = self._waiting[len(mark) :]
        return True

    def _say(self, deltas: list[Delta], until: int) -> None:
        text, self._waiting = self._waiting[:until], self._waiting[until:]
        if self._drop_space:
            text = text.lstrip()
        if text:
            self._drop_space = False
            self._content.append(text)
            self._worded = self._worded or bool(text.strip())
            deltas.append(Delta("content", text))

    def _think(self, deltas: list[Delta], until: int) -> None:
        text, self._waiting = self._waiting[:until], self._waiting[until:]
        if text:
            deltas.append(Delta("reasoning", text, begins=not self._reasoning[-1]))
            self._reasoning[-1].append(text)

    def _message(self) -> ParsedMessage:
        if self._state == "whole":
            message = _WHOLE[self._name](Source(self._waiting, self._tools))
            _check(message.tool_calls, self._tools)
            return message
        calls: list[ToolCall] = []
        content = "".join(self._content)
        if self._state == "calls":
            calls = self._calls()
        elif self._state == "bare":
            calls = bare_calls(self._waiting, self._tools)
            content = "" if calls else self._waiting
        _check(calls, self._tools)
        if not self._reasoning:
            self._no_lone_closing(content)
        return ParsedMessage(
            content,
            "\n\n".join(text for part in self._reasoning if (text := "".join(part).strip())),
            tuple(calls),
            complete=self._state != "reasoning",
        )

    def _calls(self) -> list[ToolCall]:
        source = Source(self._waiting, self._tools)
        marks = Marks(self._family.calls)
        calls: list[ToolCall] = []
        at = 0
        while found := marks.at(source.text, source.skip(at)):
            mark, begin = found
            more, at = self._family.calls[mark](source, begin)
            calls += more
        if Marks((), TURN_ENDS).without_ends(source.text[at:]).strip():
            unsure("text follows a tool call")
        return calls

    def _no_lone_closing(self, content: str) -> None:
        for opening, closing in self._family.reasoning.items():
            if content.count(closing) > content.count(opening):
                unsure("reasoning ends that never began; give the reader what the prompt began")


def _check(calls: Sequence[ToolCall], tools: Sequence[Tool]) -> None:
    offered = {tool.name for tool in tools}
    for call in calls:
        if call.name not in offered:
            unsure("a tool is called that was not offered")
        members(call.arguments)
