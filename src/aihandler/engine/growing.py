"""A JSON answer, shown while it is being written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from aihandler.domain.answer import PartialValue, StreamEvent, TextDelta
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
