"""The errors of a chat completion server are told as those of all formats are."""

from aihandler.backends.wire_errors import (
    cut_short,
    error_from_reply,
    error_from_stream,
    not_a_reply,
    retry_after_s,
    too_large,
)

__all__ = [
    "cut_short",
    "error_from_reply",
    "error_from_stream",
    "not_a_reply",
    "retry_after_s",
    "too_large",
]
