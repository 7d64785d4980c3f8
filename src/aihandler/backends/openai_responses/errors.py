"""What servers of OpenAI Responses say is wrong, in replies and in the middle of streams."""

from typing import Any

from aihandler.backends.codec import Asked
from aihandler.backends.wire_errors import error_from_stream, not_a_reply
from aihandler.errors import BackendError

_WHAT = "reply of the Responses format"
# Codes and types of errors that are told in a body whose own status was 200.
_STATUSES = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "server_is_overloaded": 503,
    "slow_down": 503,
    "vector_store_timeout": 504,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
    "image_content_policy_violation": 400,
    "content_filter": 400,
}
# Codes that begin so blame what was sent: `invalid_image_format`, `image_too_large`, ...
_BLAMES = ("invalid_", "image_", "unsupported_", "failed_to_download_image", "empty_image_file")


def told_in_reply(error: Any, asked: Asked, *, begun: bool) -> BackendError:
    """An error inside a reply whose status was 200.

    `begun` says that the model had begun to answer: what it made may be billed, so a failure of the
    server then carries no status.
    """
    if not isinstance(error, dict):
        return error_from_stream(error, asked)
    status = _status(error)
    if status is None or (begun and (status >= 500 or status == 429)):
        # A status in the words of the server would say that nothing was made.
        plain = {k: v for k, v in error.items() if k not in {"status", "status_code"}}
        return error_from_stream(plain if begun else error, asked)
    return error_from_stream({**error, "status_code": status}, asked)


def no_response(status: int, body: bytes, asked: Asked) -> BackendError:
    """A body that is no response: a page of a proxy, or something cut or garbled."""
    return not_a_reply(status, body, asked, what=_WHAT, server="OpenAI")


def _status(error: dict[str, Any]) -> int | None:
    for key in ("code", "type"):
        told = error.get(key)
        if not isinstance(told, str):
            continue
        if told in _STATUSES:
            return _STATUSES[told]
        if told.startswith(_BLAMES):
            return 400
    return None
