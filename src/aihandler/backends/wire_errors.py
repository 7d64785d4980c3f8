"""From what a server says is wrong to an error of ours; its words are quoted only where safe."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from aihandler.backends.codec import Asked
from aihandler.errors import (
    BackendError,
    BackendRejected,
    BackendUnavailable,
    ContentRefused,
    ContextExceeded,
)

_MAX_QUOTE = 200
# What is looked at of a server's words, to decide whether they may be quoted.
_MAX_READ = 2048
_MAX_WAIT_S = 86_400.0
# Answers of 5xx that blame the request: asking again gives the same answer.
_BLAMES_REQUEST = re.compile(
    r"validation error|should be a valid|input should be|field required|unexpected field"
    r"|extra inputs|extra fields|not permitted|unsupported (value|parameter)|invalid_request"
    r"|unknown (field|parameter)|context[ _](length|window|size|limit)|exceed_context_size",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context"
    r"|context (length|window|size|limit)|too many tokens|prompt is too long"
    r"|input token count.{0,40}exceeds|input is too long|too many (total|input) .{0,12}tokens",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content[_ ]filter|content_policy|content management policy|responsibleai|safety_violation"
    r"|flagged by|moderation",
    re.IGNORECASE,
)
_KEY = re.compile(r"api[_ ]key[_ ](not[_ ]valid|invalid|expired)", re.IGNORECASE)
_THROTTLED = re.compile(r"(throttling|toomanyrequests|modelnotready)exception", re.IGNORECASE)
# "Failed dependency": the model behind a service failed, which is no fault of the request.
_MODEL_FAILED = 424
# These are told with a status that says nothing of money.
_NO_CREDIT = re.compile(r"credit balance is too low", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|billing_hard_limit|credit balance", re.IGNORECASE)


class _Said(msgspec.Struct, frozen=True):
    """What a server said: a code or a type, words, and a status where a body carries one."""

    code: str = ""
    words: str = ""
    status: int | None = None
    wait_s: float | None = None

    @property
    def all(self) -> str:
        return f"{self.code} {self.words}"


def error_from_reply(
    status: int, headers: Mapping[str, str], body: bytes, asked: Asked
) -> BackendError:
    """The error that a reply with a status of 400 or more stands for."""
    said = _read(body)
    # AWS names its errors in a header.
    name = headers.get("x-amzn-errortype", "").partition(":")[0]
    if name and not said.code:
        said = msgspec.structs.replace(said, code=name)
    error = _error(status, said, asked, retry_after_s=retry_after_s(headers))
    # Clients know what to do by the server's own words: some of them shorten a conversation then.
    if asked.returnable(body) and _is_object(body):
        error.told = body
    return error


def error_from_stream(error: Any, asked: Asked) -> BackendError:
    """The error that is told in the body of a reply whose status was 200."""
    said = _read_value({"error": error})
    if said.status is not None and 400 <= said.status < 600:
        return _error(said.status, said, asked, retry_after_s=None)
    if _FILTER.search(said.all):
        return _error(400, said, asked, retry_after_s=None)
    if _BLAMES_REQUEST.search(said.all):
        return _error(400, said, asked, retry_after_s=None)
    # No status: part of the answer may have been made, and billed.
    return BackendUnavailable(
        f"{_who(asked)} reported an error in its answer{_quote(said, asked)}",
        deployment=asked.deployment.name,
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` or `Retry-After`; a date counts from the reply's own `Date`."""
    try:
        if "retry-after-ms" in headers:
            return _wait(float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d+(\.\d*)?", value):
            return _wait(float(value))
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])
        return _wait(wait.total_seconds())
    except (ValueError, KeyError, TypeError):
        return None


def _wait(seconds: float) -> float:
    return max(0.0, min(seconds, _MAX_WAIT_S))


def not_a_reply(
    status: int, body: bytes, asked: Asked, *, what: str = "chat completion", server: str = "OpenAI"
) -> BackendError:
    """A body that is no `what`: a page of a proxy, or something cut or garbled."""
    start = body[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return BackendUnavailable(
            f"{_who(asked)} answered with a web page, not with JSON",
            deployment=asked.deployment.name,
            status=status,
            hint="check that `url` is that of the API (it often ends in /v1), not of a web site",
        )
    # No status: the model may have answered, and been paid, before the answer was spoilt.
    return BackendUnavailable(
        f"{_who(asked)} answered with something that is no {what} ({len(body)} bytes)",
        deployment=asked.deployment.name,
        hint=f"check that `url` is that of an {server}-like server",
    )


def cut_short(asked: Asked) -> BackendError:
    """A stream that ended before the model did."""
    return BackendUnavailable(
        f"{_who(asked)} ended its stream before the answer was complete",
        deployment=asked.deployment.name,
    )


def too_large(asked: Asked) -> BackendError:
    """A reply that goes on beyond all bounds."""
    return BackendUnavailable(
        f"{_who(asked)} sent a reply without end",
        deployment=asked.deployment.name,
        hint="bound the answer with `max_output_tokens`",
    )


def _error(status: int, said: _Said, asked: Asked, *, retry_after_s: float | None) -> BackendError:
    kind, what, hint = _verdict(status, said, asked)
    error = kind(
        f"{_who(asked)} {what} (HTTP {status}){_quote(said, asked)}",
        deployment=asked.deployment.name,
        status=status,
        retry_after_s=said.wait_s if retry_after_s is None else retry_after_s,
        hint=hint,
    )
    error.ours = _is_of_our_key(status, said) or _is_of_our_account(status, said)
    return error


def _is_of_our_key(status: int, said: _Said) -> bool:
    return status in {401, 403} or (status == 400 and bool(_KEY.search(said.all)))


def _is_of_our_account(status: int, said: _Said) -> bool:
    if status == 429:
        return bool(_QUOTA.search(said.all))
    return status == 402 or (status == 400 and bool(_NO_CREDIT.search(said.all)))


def _verdict(status: int, said: _Said, asked: Asked) -> tuple[type[BackendError], str, str]:
    if _is_of_our_key(status, said):
        key = asked.deployment.key
        if asked.deployment.credentials is not None:
            return BackendRejected, "refused the credentials", "see what they may do there"
        hint = f"check {key}" if key else "the server wants a key: give the deployment `key:`"
        return BackendRejected, "refused the key", hint
    if _is_of_our_account(status, said):
        return BackendRejected, "has no credit left", "check the plan and the bill of this account"
    if _CONTEXT.search(said.all):
        hint = "shorten the input, or use a deployment with a larger context"
        return ContextExceeded, "has too small a context for this request", hint
    if status < 500 and _FILTER.search(said.all):
        return ContentRefused, "refused the content", ""
    if status == 429 or _THROTTLED.match(said.code):
        return BackendUnavailable, "takes no more requests for the moment", ""
    if status in {408, 425}:
        return BackendUnavailable, "did not take the request in time", ""
    if status == _MODEL_FAILED or (status >= 500 and not _BLAMES_REQUEST.search(said.all)):
        return BackendUnavailable, "failed", ""
    if status == 404:
        name = asked.deployment.model.name
        return BackendRejected, "does not know this", f"check `url`, and that it serves {name!r}"
    return BackendRejected, "refused the request", ""


def _read(body: bytes) -> _Said:
    try:
        return _read_value(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body[:_MAX_READ].decode("utf-8", "replace").strip()
        return _Said("", "" if text.startswith("<") else text)


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _read_value(value: Any) -> _Said:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return _Said("", str(value))
    inner = value.get("error", value)
    if not isinstance(inner, dict):
        return _Said("", str(inner))
    code = next((str(inner[k]) for k in ("code", "type", "__type", "status") if inner.get(k)), "")
    words = inner.get("message") or inner.get("detail") or inner.get("msg") or ""
    if not isinstance(words, str):
        words = msgspec.json.encode(words).decode()
    codes = " ".join(str(inner[k]) for k in ("code", "type") if inner.get(k))
    return _Said(codes or code, words, _status(inner), _wait_told(inner))


def _wait_told(inner: Mapping[str, Any]) -> float | None:
    """How long to wait, where Google says it: among the details of an error."""
    details = inner.get("details")
    for detail in details if isinstance(details, list) else ():
        told = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(told, str) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?s", told):
            return _wait(float(told[:-1]))
    return None


def _status(inner: Mapping[str, Any]) -> int | None:
    for name in ("code", "status_code", "status"):
        value = inner.get(name)
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _quote(said: _Said, asked: Asked) -> str:
    words = " ".join((said.words or said.code).split())
    if len(words) > _MAX_QUOTE:
        words = words[:_MAX_QUOTE] + "..."
    if not words or not words.isprintable() or not asked.quotable(said.all[:_MAX_READ]):
        return ""
    return f": {words!r}"


def _who(asked: Asked) -> str:
    return f"deployment {asked.deployment.name!r}"
