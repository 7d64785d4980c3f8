"""Bounds that hold for every connection, whatever a server sends."""

import msgspec


class HttpLimits(msgspec.Struct, frozen=True):
    """Sizes in bytes. `body` bounds a reply after decompression; `buffer` is the high-water mark.

    A connection that was idle for `keep_alive_s` is not used again.
    """

    head: int = 64 * 1024
    body: int = 64 * 1024 * 1024
    buffer: int = 256 * 1024
    keep_alive_s: float = 30.0
    idle_connections: int = 256
