"""A stream on its way to a client that speaks the deployment's format: its bytes as they came."""

import re

from aihandler.backends.sse import MAX_LINE_BYTES

# The chunk that holds nothing but the token counts that we asked for.
_USAGE = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class Relay:
    """Passes events on as soon as they are whole; with `hides_usage` without the one of counts.

    A part of an event stays here: when the rest never comes, an error of ours can follow, which a
    client could not read behind half a line.
    """

    def __init__(self, *, hides_usage: bool) -> None:
        self._hides = hides_usage
        self._left = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What may go on now."""
        # What is hidden comes once in a stream; all else is mostly one whole event.
        hidden = self._hides and b'"usage"' in data and _USAGE.search(data)
        if not hidden and not self._left and data.endswith(b"\n\n"):
            return data
        # An end may begin in what came before; all else there was searched.
        searched = max(0, len(self._left) - 3)
        self._left += data
        passed: list[bytes] = []
        begin = 0
        for end in _END.finditer(self._left, searched):
            event = bytes(self._left[begin : end.end()])
            begin = end.end()
            if not (self._hides and _USAGE.search(event) and b'"usage"' in event):
                passed.append(event)
        del self._left[:begin]
        if len(self._left) > MAX_LINE_BYTES:
            # Longer than any event of counts.
            passed.append(self.end())
        return b"".join(passed)

    def end(self) -> bytes:
        """What came without an end."""
        left = bytes(self._left)
        self._left.clear()
        return left
