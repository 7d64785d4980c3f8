"""A client's own bytes, sent on in the same format: unchanged but for the members named here.

Signatures and a provider's prompt cache look at bytes, so what is not spliced stays byte for byte.
"""

import json
import re
from collections.abc import Iterator, Mapping

import msgspec

from aihandler.errors import InputError

_SCAN = json.JSONDecoder()
# A name of ours may be written with escapes, and the plain one then stands elsewhere.
_ESCAPED = re.compile(rb"\\u00[567]")
_COLON = re.compile(rb"[ \t\n\r]*:[ \t\n\r]*")
_SPACE = re.compile(r"[ \t\n\r]*")
_TWICE = "a member of the request stands there twice"


class Top(msgspec.Struct):
    """The members that may be spliced, as they are written."""

    model: msgspec.Raw = msgspec.Raw()
    stream: msgspec.Raw = msgspec.Raw()
    stream_options: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(Top).decode


def top_of(body: bytes) -> Top:
    """Reads them. Raises InputError for a body that is no object."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(
            "the body is not a JSON object (at /)", hint="send a JSON object, encoded as UTF-8"
        ) from None


def stream_member(top: "Top", *, streamed: bool) -> dict[str, bytes]:
    """What has to be spliced where we ask in another way than the client: whole, or in pieces."""
    asked = bytes(top.stream) == b"true"
    return {} if asked == streamed else {"stream": b"true" if streamed else b"false"}


def splice(body: bytes, members: Mapping[str, bytes], *, top: "Top | None" = None) -> bytes:
    """The body with these members (JSON text) in place of what it has; missing ones are added.

    `top` is what `top_of` said of the body. Raises InputError for a body that is no object, or that
    has one of the members twice.
    """
    top = top or top_of(body)
    missing: list[bytes] = []
    for name, value in members.items():
        written = bytes(getattr(top, name))
        if not written:
            missing.append(b'"%s":%s' % (name.encode(), value))
            continue
        place = _only(body, name, written)
        if place is None:
            body = _slowly(body, name, value)
        else:
            body = body[: place - len(written)] + value + body[place:]
    if not missing:
        return body
    at = body.index(b"{") + 1
    rest = body[at:].lstrip()
    comma = b"" if rest.startswith(b"}") else b","
    return body[:at] + b",".join(missing) + comma + body[at:]


def _only(body: bytes, name: str, written: bytes) -> int | None:
    """Where the member's value ends, when nothing else in the body looks like it."""
    key = b'"%s"' % name.encode()
    at = body.find(key)
    if at < 0 or body.find(key, at + len(key)) >= 0 or _ESCAPED.search(body):
        return None
    colon = _COLON.match(body, at + len(key))
    if colon is None or not body.startswith(written, colon.end()):
        return None
    return colon.end() + len(written)


def _slowly(body: bytes, name: str, value: bytes) -> bytes:
    """Reads the members one by one: for a body in which the name stands at several places."""
    text = body.decode()
    places = [(start, end) for key, start, end in _members(text) if key == name]
    if len(places) != 1:
        raise InputError(f"{_TWICE} (at /{name})", hint="send every member once")
    start, end = places[0]
    return text[:start].encode() + value + text[end:].encode()


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Key, and beginning and end of the value, of each member of the outermost object."""
    at = _after_space(text, 0) + 1
    while True:
        at = _after_space(text, at)
        if text[at] == "}":
            return
        if text[at] == ",":
            at = _after_space(text, at + 1)
        key, at = _SCAN.raw_decode(text, at)
        start = _after_space(text, _after_space(text, at) + 1)
        _, at = _SCAN.raw_decode(text, start)
        yield key, start, at


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()
