"""Content hashes: the names under which work and answers are known."""

import hashlib

import msgspec

_canonical = msgspec.json.Encoder(order="deterministic")


def digest(kind: str, *parts: object) -> bytes:
    """16 bytes of BLAKE2b over the canonical JSON of `parts`; `kind` keeps name spaces apart."""
    text = _canonical.encode(parts)
    return hashlib.blake2b(text, digest_size=16, person=kind.encode()[:16]).digest()


def wide_digest(kind: str, *parts: object) -> bytes:
    """32 bytes, for names that strangers may try to make collide."""
    text = _canonical.encode(parts)
    return hashlib.blake2b(text, digest_size=32, person=kind.encode()[:16]).digest()


def digest_text(kind: str, *parts: object) -> str:
    """The same as 32 hexadecimal characters."""
    return digest(kind, *parts).hex()
