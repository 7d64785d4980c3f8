"""What a fake server says to a request, as bytes of HTTP."""

import base64
import hashlib
import struct
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

# html: a web page with status 200. garbage: JSON that is none. not_http: no HTTP at all.
# drop: hangs up before a byte. cut: hangs up in the middle of the body. stall: stops there and
# waits. silent: takes the request and never answers. slow: one byte at a time. error_event: an
# error in the body of a 200. no_usage, no_done: leaves that out of a stream. no_finish: leaves out
# both the reason for the end and the end.
Fault = Literal[
    "html", "garbage", "not_http", "drop", "cut", "stall", "silent", "slow", "error_event",
    "no_usage", "no_done", "no_finish",
]  # fmt: skip


class Scripted(msgspec.Struct, frozen=True):
    """One reply. `body` replaces everything that would be made from the other fields."""

    text: str = "ok"
    status: int = 200
    delay_s: float = 0.0
    finish: str = "stop"
    thinking: str = ""
    fault: Fault | None = None
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    content_type: str = "application/json"
    piece_chars: int = 8
    piece_delay_s: float = 0.0


class Bill(msgspec.Struct, frozen=True):
    """What a call costs: tokens, at four characters each."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


_encode = msgspec.json.Encoder().encode
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}
_PAGE = b"<!DOCTYPE html><html><body>Welcome to nginx!</body></html>"


def echo(request: dict[str, Any]) -> str:
    """A script that repeats the last message."""
    return str(request["messages"][-1]["content"])


def bill_for(body: bytes, scripted: Scripted) -> Bill:
    """Tokens of a request and its reply."""
    prompt = len(body) // 4 + 1
    completion = (len(scripted.text) + len(scripted.thinking)) // 4 + 1
    return Bill(prompt, completion, prompt + completion)


def whole_reply(
    scripted: Scripted, *, model: str, number: int, bill: Bill, raw: bool = False
) -> bytes:
    """The reply to a request that was not streamed: head and body. `raw`: to a raw completion."""
    if scripted.body is not None:
        return http_reply(scripted, scripted.body)
    if scripted.status >= 400:
        error = {"message": f"scripted {scripted.status}", "type": "scripted", "code": None}
        return http_reply(scripted, _encode({"error": error}))
    match scripted.fault:
        case "html":
            return http_reply(scripted, _PAGE, content_type="text/html")
        case "garbage":
            return http_reply(scripted, b'{"choices": [{"mess')
        case "error_event":
            return http_reply(scripted, _encode({"error": {"message": "overloaded"}}))
    message: dict[str, Any] = {"role": "assistant", "content": scripted.text}
    if scripted.thinking:
        message["reasoning_content"] = scripted.thinking
    said = {"text": scripted.text} if raw else {"message": message}
    completion: dict[str, Any] = {
        "id": f"fake-{number}",
        "object": "text_completion" if raw else "chat.completion",
        "model": model,
        "choices": [{"index": 0, **said, "finish_reason": scripted.finish}],
    }
    if scripted.fault != "no_usage":
        completion["usage"] = bill
    return http_reply(scripted, _encode(completion))


def streamed_reply(
    scripted: Scripted, *, model: str, number: int, bill: Bill, raw: bool = False
) -> list[bytes]:
    """The reply to a streamed request: the head, then one piece a chunk."""
    if scripted.body is not None or scripted.status >= 400 or scripted.fault in {"html", "garbage"}:
        return [whole_reply(scripted, model=model, number=number, bill=bill, raw=raw)]
    pieces = [{"reasoning_content": t} for t in _split(scripted.thinking, scripted.piece_chars)]
    pieces += [{"content": t} for t in _split(scripted.text, scripted.piece_chars)]
    said = [{"text": piece.get("content", "")} if raw else {"delta": piece} for piece in pieces]
    events: list[dict[str, Any]] = [
        {"id": f"fake-{number}", "model": model, "choices": [{"index": 0, **words}]}
        for words in said
    ]
    if scripted.fault == "error_event":
        events = [*events[: len(events) // 2], {"error": {"message": "overloaded"}}]
    elif scripted.fault != "no_finish":
        nothing: dict[str, Any] = {"text": ""} if raw else {"delta": {}}
        end = {"index": 0, **nothing, "finish_reason": scripted.finish}
        events.append({"id": f"fake-{number}", "model": model, "choices": [end]})
    if scripted.fault != "no_usage":
        events.append({"id": f"fake-{number}", "model": model, "choices": [], "usage": bill})
    lines = [b"data: " + _encode(event) + b"\n\n" for event in events]
    if scripted.fault not in {"no_done", "no_finish", "error_event"}:
        lines.append(b"data: [DONE]\n\n")
    head = _head(scripted, "text/event-stream") + b"transfer-encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%s\r\n" % (len(line), line) for line in lines), b"0\r\n\r\n"]


def vectors_reply(request: Mapping[str, Any], body: bytes) -> bytes:
    """A vector for each text: as many numbers as are asked for, or eight, that follow from it."""
    texts = request["input"]
    asked = [texts] if isinstance(texts, str) or isinstance(texts[0], int) else texts
    rows = []
    for place, text in enumerate(asked):
        vector = vector_for(str(text), int(request.get("dimensions") or 8))
        told: Any = vector
        if request.get("encoding_format") == "base64":
            told = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        rows.append({"object": "embedding", "index": place, "embedding": told})
    tokens = len(body) // 4 + 1
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    told_all = {"object": "list", "data": rows, "model": request.get("model"), "usage": usage}
    return _encode(told_all)


def vector_for(text: str, dimensions: int) -> list[float]:
    """Numbers between -1 and 1 that are the same for the same text."""
    seed = hashlib.blake2b(text.encode(), digest_size=8).digest()
    numbers = hashlib.shake_128(seed).digest(dimensions)
    # Halves and quarters: a float of 32 bits holds them exactly.
    return [(number - 127.5) / 128 for number in numbers]


def http_reply(scripted: Scripted, body: bytes, *, content_type: str = "") -> bytes:
    """Head and body of one piece."""
    head = _head(scripted, content_type or scripted.content_type)
    return b"%scontent-length: %d\r\n\r\n%s" % (head, len(body), body)


def _head(scripted: Scripted, content_type: str) -> bytes:
    reason = _REASONS.get(scripted.status, "Scripted")
    extra = "".join(f"{name}: {value}\r\n" for name, value in scripted.headers.items())
    return (
        f"HTTP/1.1 {scripted.status} {reason}\r\ncontent-type: {content_type}\r\n{extra}".encode()
    )


def _split(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]
