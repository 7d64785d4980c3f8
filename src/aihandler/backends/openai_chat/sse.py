"""Server-sent events are the same in all formats that use them."""

from aihandler.backends.sse import MAX_LINE_BYTES, LineTooLong, SseParser

__all__ = ["MAX_LINE_BYTES", "LineTooLong", "SseParser"]
