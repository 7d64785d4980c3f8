"""What Anthropic's servers say is wrong, in replies and in the middle of streams."""

from typing import Any

from aihandler.backends.codec import Asked
from aihandler.backends.wire_errors import error_from_stream, not_a_reply
from aihandler.errors import BackendError

_WHAT = "message of Anthropic's format"
STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def told_in_reply(error: Any, asked: Asked, *, begun: bool) -> BackendError:
    """An error inside a reply whose status was 200.

    `begun` says that the model had begun to answer: what it made may be billed, so a failure of the
    server then carries no status.
    """
    kind = error.get("type") if isinstance(error, dict) else None
    status = STATUSES.get(kind) if isinstance(kind, str) else None
    if status is None or (begun and (status >= 500 or status == 429)):
        return error_from_stream(error, asked)
    return error_from_stream({**error, "status_code": status}, asked)


def no_message(status: int, body: bytes, asked: Asked) -> BackendError:
    """A body that is no message: a page of a proxy, or something cut or garbled."""
    return not_a_reply(status, body, asked, what=_WHAT, server="Anthropic")
