"""What can happen to an answer on its way: a function for each trouble that `FaultProxy` makes."""

import itertools
import re
from collections.abc import Callable
from typing import Literal

import msgspec

Then = Literal["stall", "reset", "hang_up", "half_close"]


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """One trouble. With no field set, an answer passes as it is.

    `answer` is sent in place of the server's, which then is not asked. `change` gets the server's
    whole answer and returns other bytes; `divide` cuts it into pieces, with `pause_s` between
    them. After `after` bytes, or at the end if there are fewer, `then` happens. `wait_s` passes
    before the first byte.
    """

    answer: bytes | None = None
    change: Callable[[bytes], bytes] | None = None
    divide: Callable[[bytes], list[bytes]] | None = None
    pause_s: float = 0.0
    wait_s: float = 0.0
    after: int | None = None
    then: Then = "stall"


def dribble(*, pause_s: float = 0.0) -> Trouble:
    """One byte at a time."""
    return Trouble(divide=_bytes, pause_s=pause_s)


def slow_head(*, pause_s: float) -> Trouble:
    """Line after line of the head with a pause before each; the body at once."""
    return Trouble(divide=_lines_of_head, pause_s=pause_s)


def split_utf8(*, pause_s: float = 0.001) -> Trouble:
    """Pieces that end inside every character of more than one byte."""
    return Trouble(divide=_inside_characters, pause_s=pause_s)


def stall(after: int = 0) -> Trouble:
    """So many bytes, and then nothing more; the connection stays."""
    return Trouble(after=after, then="stall")


def reset(after: int = 0) -> Trouble:
    """So many bytes, and then the connection is torn down."""
    return Trouble(after=after, then="reset")


def hang_up(after: int = 0) -> Trouble:
    """So many bytes, and then the connection is closed in order."""
    return Trouble(after=after, then="hang_up")


def half_close(after: int = 0) -> Trouble:
    """So many bytes, and then the end of them; the proxy goes on listening."""
    return Trouble(after=after, then="half_close")


def says(
    status: int, *, retry_after: str | None = None, body: bytes = b"", content_type: str = ""
) -> Trouble:
    """An answer of the proxy's own; the server is not asked."""
    told = body or b'{"error": {"message": "made by the fault proxy", "type": "trouble"}}'
    extra = f"retry-after: {retry_after}\r\n".encode() if retry_after is not None else b""
    return Trouble(answer=_whole(told, status=status, extra=extra, content_type=content_type))


def error_in_200() -> Trouble:
    """Status 200, and an error in its body; the server has done the work."""
    return Trouble(change=lambda _: _whole(b'{"error": {"message": "overloaded"}}'))


def garbage_json() -> Trouble:
    """Status 200, and JSON that is none."""
    return Trouble(change=lambda _: _whole(b'{"choices": [{"message": {"content": "half'))


def wrong_content_type() -> Trouble:
    """A web page of a proxy in between, with status 200."""
    page = b"<!DOCTYPE html><html><body>Please sign in.</body></html>"
    return Trouble(change=lambda _: _whole(page, content_type="text/html; charset=utf-8"))


def invalid_sse() -> Trouble:
    """Events whose lines have lost their names and whose JSON is cut."""
    broken = b'dat: {"choices": []}\n\n: \xff\xfe\nevent\n\ndata: {"choices": [{"delta": {"con\n\n'
    return Trouble(change=lambda _: _whole(broken, content_type="text/event-stream"))


def long_line(size: int = 10_000_000) -> Trouble:
    """One line of `size` bytes, as one event or as one text."""
    return Trouble(change=lambda answer: _with_long_line(answer, size))


def not_http() -> Trouble:
    """A greeting of some other protocol."""
    return Trouble(answer=b"220 mail.example ready\r\n", after=1000, then="hang_up")


def _whole(body: bytes, *, status: int = 200, extra: bytes = b"", content_type: str = "") -> bytes:
    kind = (content_type or "application/json").encode()
    head = b"HTTP/1.1 %d Trouble\r\ncontent-type: %s\r\n%scontent-length: %d\r\n\r\n"
    return head % (status, kind, extra, len(body)) + body


def _bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def _lines_of_head(data: bytes) -> list[bytes]:
    head, blank, body = data.partition(b"\r\n\r\n")
    return [*(line + b"\r\n" for line in head.split(b"\r\n")), blank[2:] + body]


def _inside_characters(data: bytes) -> list[bytes]:
    # After each first byte of a longer character.
    cuts = [0, *(match.end() for match in re.finditer(rb"[\xc2-\xf4]", data)), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(cuts) if a < b]


def _with_long_line(answer: bytes, size: int) -> bytes:
    # What the server counted stays, so that its bill and its answer say the same.
    counted = re.search(rb'"usage":\s*\{[^{}]*\}', answer)
    usage = b", " + counted[0] if counted else b""
    filler = b"x" * size
    if b"text/event-stream" in answer.partition(b"\r\n\r\n")[0]:
        event = b'data: {"choices": [{"index": 0, "delta": {"content": "' + filler + b'"}}]}\n\n'
        end = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]%s}\n\n'
        body = event + end % usage + b"data: [DONE]\n\n"
        return _whole(body, content_type="text/event-stream")
    said = b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "%s"}, '
    return _whole(said % filler + b'"finish_reason": "stop"}]%s}' % usage)
