"""What a body of JSON costs to decode, counted before anything is decoded.

A worker does nothing else while it decodes: a million keys would hold up everybody for a second.
"""

from aihandler.gateway.http import TooLarge

# Objects, lists and keys. The longest conversations with the most tools have some 30,000; as many
# as this hold a worker for about 0.2 s (docs/rooms/gateway.md).
MAX_PARTS = 100_000
# Bare numbers and texts are cheaper: a batch of texts for vectors may come as numbers of tokens.
MAX_VALUES = 500_000
# Smaller bodies cannot have so many.
_LOOKED_AT_BYTES = 64 * 1024
_BEGINNING_BYTES = 4 * 1024 * 1024
_PARTS = b"{[:"
_DROPPED = bytes(set(range(256)) - set(b'"{[:,'))


def require_bounded(body: bytes) -> None:
    """Raises TooLarge for a body with too many objects, lists, keys or values."""
    if len(body) <= _LOOKED_AT_BYTES:
        return
    # Most bodies with too many parts show it in their beginning, which costs less to look at.
    if _heavy(body[:_BEGINNING_BYTES]) or (len(body) > _BEGINNING_BYTES and _heavy(body)):
        raise TooLarge(
            f"the body has more than {MAX_PARTS} objects, lists and keys, or {MAX_VALUES} values",
            hint="send data as text, or in several requests",
        )


def _heavy(body: bytes) -> bool:
    if _bounded(body):
        return False
    # Texts may hold such signs too, above all texts of programs.
    signs = _signs(body)
    # Each text stands beside a sign, so with so many of them there are too many signs.
    return signs.count(b'"') > 2 * (MAX_PARTS + MAX_VALUES) or not _bounded(_between_texts(signs))


def _bounded(signs: bytes) -> bool:
    return sum(map(signs.count, _PARTS)) <= MAX_PARTS and signs.count(b",") <= MAX_VALUES


def _signs(body: bytes) -> bytes:
    """The signs, and the quotes of texts that hold some. Each pass runs at the speed of memory."""
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return plain.translate(None, _DROPPED).replace(b'""', b"")


def _between_texts(signs: bytes) -> bytes:
    return b"".join(signs.split(b'"')[::2])
