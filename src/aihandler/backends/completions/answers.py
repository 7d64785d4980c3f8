"""What a model wrote, told as it comes: thinking, words, and calls once they are whole."""

import msgspec

from aihandler.backends.chat_templates import ToolCall
from aihandler.backends.chat_templates.markup.message import ParsedMessage, Unreadable
from aihandler.backends.chat_templates.markup.reader import Delta, MarkupReader
from aihandler.backends.completions.prompts import Reading
from aihandler.backends.completions.restoring import Restoring
from aihandler.domain.answer import StreamEvent, TextDelta, ThinkingDelta


class Told(msgspec.Struct, frozen=True):
    """The whole answer. `unreadable` is the reason why its markup is left in the text."""

    text: str = ""
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    unreadable: str = ""
    complete: bool = True


class PlainAnswer:
    """The answer to a client's own prompt: text and nothing else."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def feed(self, text: str, events: list[StreamEvent]) -> None:
        """More of it."""
        self._texts.append(text)
        events.append(TextDelta(text))

    def end(self, events: list[StreamEvent]) -> Told:  # noqa: ARG002 - the shape of an answer
        """The whole."""
        return Told("".join(self._texts))


class MarkedAnswer:
    """An answer between the marks of its model's family."""

    def __init__(self, reading: Reading) -> None:
        assert reading.neutraliser is not None
        self._markup = MarkupReader(family=reading.family, tools=reading.tools, start=reading.start)
        self._neutraliser = reading.neutraliser
        self._words = _Words(Restoring(reading.neutraliser))
        self._thoughts = _Words(Restoring(reading.neutraliser))
        self._blocks = _Blocks()

    def feed(self, text: str, events: list[StreamEvent]) -> None:
        """More of it."""
        for delta in self._markup.feed(text):
            self._tell(delta, events)

    def end(self, events: list[StreamEvent]) -> Told:
        """The whole, after the last events. What reads in no certain way is told as it stands."""
        message = self._markup.end()
        for delta in self._markup.last:
            self._tell(delta, events)
        if isinstance(message, Unreadable):
            self._say(self._markup.waiting, events)
        else:
            self._think(_behind(self._thoughts.came, message.reasoning), events)
            self._say(_behind(self._words.came, message.content), events)
        if rest := self._thoughts.end():
            events.append(ThinkingDelta(rest))
        if rest := self._words.end():
            events.append(TextDelta(rest))
        if isinstance(message, Unreadable):
            return Told(self._words.told, self._thoughts.told, unreadable=message.reason)
        return self._told(message)

    def _told(self, message: ParsedMessage) -> Told:
        restore = self._neutraliser.restore
        calls = tuple(
            msgspec.structs.replace(call, arguments=restore(call.arguments))
            for call in message.tool_calls
        )
        return Told(self._words.told, self._thoughts.told, calls, complete=message.complete)

    def _tell(self, delta: Delta, events: list[StreamEvent]) -> None:
        if delta.kind == "content":
            self._say(delta.text, events)
        else:
            self._think(self._blocks.feed(delta), events)

    def _say(self, text: str, events: list[StreamEvent]) -> None:
        if told := self._words.feed(text):
            events.append(TextDelta(told))

    def _think(self, text: str, events: list[StreamEvent]) -> None:
        if told := self._thoughts.feed(text):
            events.append(ThinkingDelta(told))


class _Words:
    """Texts of one kind: as the model wrote them (`came`), and as they are told."""

    def __init__(self, restoring: Restoring) -> None:
        self._restoring = restoring
        self._came: list[str] = []
        self._told: list[str] = []

    @property
    def came(self) -> str:
        return "".join(self._came)

    @property
    def told(self) -> str:
        return "".join(self._told)

    def feed(self, text: str) -> str:
        if not text:
            return ""
        self._came.append(text)
        told = self._restoring.feed(text)
        self._told.append(told)
        return told

    def end(self) -> str:
        rest = self._restoring.end()
        self._told.append(rest)
        return rest


class _Blocks:
    """Blocks of reasoning without the space around them, parted by an empty line."""

    def __init__(self) -> None:
        self._space = ""
        self._fresh = True
        self._any = False

    def feed(self, delta: Delta) -> str:
        if delta.begins:
            self._fresh, self._space = True, ""
        text = self._space + delta.text
        if self._fresh:
            text = text.lstrip()
        words = text.rstrip()
        self._space = text[len(words) :]
        if not words:
            return ""
        parted = "\n\n" if self._fresh and self._any else ""
        self._fresh, self._any = False, True
        return parted + words


def _behind(told: str, whole: str) -> str:
    """What the whole says and was not told while it came."""
    return whole[len(told) :] if whole.startswith(told) else ""
