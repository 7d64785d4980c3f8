"""Writes request heads. Nothing with a line break gets into one."""

import re

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_VALUE = re.compile(r"[\x20-\x7e\t]*\Z")
_PATH = re.compile(r"/[\x21-\x7e]*\Z")
# The transport writes these itself.
_RESERVED = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"}
)


class HeadError(ValueError):
    """A path or a header that may not be sent. Never quotes a value: it may be a key."""


def plain_head(method: str, path: str, *, host: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """Request line, host and headers; without length, key and the empty line at the end."""
    if not _PATH.match(path):
        raise HeadError("the path of the request cannot be sent")
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    for name, value in (("user-agent", "aihandler"), ("accept-encoding", "identity")):
        if name not in names:
            lines.append(f"{name}: {value}")
    if method == "POST" and "content-type" not in names:
        lines.append("content-type: application/json")
    for name, value in headers:
        if name.lower() in _RESERVED:
            raise HeadError(f"header {name!r} is written by the transport")
        lines.append(_line(name, value))
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def key_line(name: str, prefix: str, secret: str) -> bytes:
    """The header that carries a key, and the empty line that ends a head."""
    if not secret:
        raise HeadError("its key is empty")
    return f"{_line(name, prefix + secret)}\r\n\r\n".encode("ascii")


def header_lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    """Further headers of a head, such as a signature."""
    return "".join(f"{_line(name, value)}\r\n" for name, value in headers).encode("ascii")


def _line(name: str, value: str) -> str:
    if not _TOKEN.match(name):
        raise HeadError("a header's name has a character that may not be sent")
    if not _VALUE.match(value):
        raise HeadError(f"the value of header {name!r} has a character that may not be sent")
    return f"{name}: {value}"
