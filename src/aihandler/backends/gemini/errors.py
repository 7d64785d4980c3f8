"""What Google's servers say is wrong, in replies and in the middle of streams."""

from typing import Any

import msgspec

from aihandler.backends.codec import Asked
from aihandler.backends.wire_errors import error_from_reply, error_from_stream, not_a_reply
from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError, BackendError

_WHAT = "reply of generateContent"
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_RETRY = "type.googleapis.com/google.rpc.RetryInfo"


def told_in_reply(error: Any, asked: Asked, *, begun: bool) -> BackendError:
    """An error inside a reply whose status was 200.

    `begun` says that the model had begun to answer: what it made may be billed, so a failure of the
    server then carries no status.
    """
    status = _status(error)
    if status is None:
        return error_from_stream(error, asked)
    if begun and (status >= 500 or status == 429):
        # A status in the words of the server would say that nothing was made.
        words = error.get("message") if isinstance(error, dict) else ""
        return error_from_stream({"message": words}, asked)
    body = msgspec.json.encode({"error": error})
    return error_from_reply(status, {}, body, asked)


def no_reply(status: int, body: bytes, asked: Asked) -> BackendError:
    """A body that is no reply: a page of a proxy, or something cut or garbled."""
    return not_a_reply(status, body, asked, what=_WHAT, server="Gemini")


def error_body(error: AIHandlerError) -> dict[str, Json]:
    """The error as an object; also the last word of a stream that failed."""
    status = error.http_status
    usual = "INTERNAL" if status >= 500 else "INVALID_ARGUMENT"
    words = f"{error.message}; {error.hint}" if error.hint else error.message
    told: dict[str, Json] = {"code": status, "message": words}
    told["status"] = _STATUSES.get(status, usual)
    wait_s = getattr(error, "retry_after_s", None)
    if wait_s is not None:
        told["details"] = [{"@type": _RETRY, "retryDelay": f"{wait_s:g}s"}]
    return {"error": told}


def _status(error: Any) -> int | None:
    if not isinstance(error, dict):
        return None
    code, status = error.get("code"), error.get("status")
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
        return code
    return _CODES.get(status) if isinstance(status, str) else None
