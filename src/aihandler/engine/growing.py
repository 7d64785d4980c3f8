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


async def from_first_content(
    events: AsyncGenerator[StreamEvent],
) -> AsyncGenerator[StreamEvent]:
    """Holds a provider's own bytes back until the first content: some servers open a stream and
    only then say that they are overloaded, and until then nothing may have been shown."""
    held: list[StreamEvent] = []
    holding = True
    async with aclosing(events):
        async for event in events:
            if holding and isinstance(event, WireChunk) and not event.events:
                held.append(event)
                continue
            if holding:
                holding = False
                for waiting in held:
                    yield waiting
                held.clear()
            yield event


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
