"""What of a stream is shown, and when."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from aihandler.domain.answer import PartialValue, StreamEvent, TextDelta, WireChunk
from aihandler.validation import PartialJson


async def with_partial_values(
    events: AsyncGenerator[StreamEvent],
) -> AsyncGenerator[StreamEvent]:
    """The events, and after each piece of text what the value looks like so far."""
    growing = PartialJson()
    async with aclosing(events):
        async for event in events:
            yield event
            if isinstance(event, TextDelta):
                value = growing.feed(event.text)
                if value is not None:
                    yield PartialValue(value)


class Showing:
    """When each event of a stream is shown.

    With `opening` a provider's own bytes wait for the first content: some servers open a stream and
    only then say that they are overloaded, and until then nothing may have been shown. With
    `synced` the end waits until the answer is on the disk.
    """

    def __init__(self, *, opening: bool, synced: bool) -> None:
        self.at_once = not (opening or synced)
        self._opens = opening
        self._held: list[StreamEvent] = []
        self._tail = Tail() if synced else None

    def now(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What is shown when this has come; where `at_once`, it is just that."""
        if self._opens and isinstance(event, WireChunk) and not event.events:
            self._held.append(event)
            return ()
        shown, self._held = [*self._held, event], []
        self._opens, self.at_once = False, self._tail is None
        if self._tail is None:
            return shown
        return [late for one in shown for late in self._tail.before(one)]

    def late(self, *, whole: bool) -> Sequence[StreamEvent]:
        """What has waited to the end; of a stream without content only that of a whole one."""
        held = self._held if whole else []
        return held if self._tail is None else [*held, *self._tail.rest]


class Tail:
    """Keeps the end of a server's own bytes back until the answer is on the disk.

    An end that we write ourselves comes after that anyway.
    """

    def __init__(self) -> None:
        self.rest: list[StreamEvent] = []

    def before(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What may be shown when this has come: the bytes before its own."""
        if isinstance(event, WireChunk):
            shown, self.rest = self.rest, [event]
            return shown
        if not self.rest:
            return (event,)
        # What was read from bytes that are kept back.
        self.rest.append(event)
        return ()
