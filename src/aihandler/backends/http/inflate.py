"""Undoes gzip and deflate, with a bound on what comes out."""

import zlib


class InflateError(Exception):
    """The compressed body is broken, too large, or in an encoding that was not asked for."""


class Inflater:
    """Decompresses one body piece by piece; never makes more than `limit` bytes of it."""

    def __init__(self, encoding: str, *, limit: int) -> None:
        if encoding not in {"gzip", "x-gzip", "deflate"}:
            raise InflateError(f"content-encoding {encoding[:40]!r} is not supported")
        self._raw_allowed = encoding == "deflate"
        self._engine = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._left = limit
        self._fed = False

    def feed(self, data: bytes) -> bytes:
        """Raises InflateError."""
        parts = []
        while data:
            parts.append(self._step(data))
            if self._left <= 0:
                raise InflateError("the body is larger than allowed once decompressed")
            data = self._rest()
        return b"".join(parts)

    def end(self) -> None:
        """Raises InflateError when the body stops in the middle."""
        if self._fed and not self._engine.eof:
            raise InflateError("the compressed body is cut short")

    def _step(self, data: bytes) -> bytes:
        try:
            out = self._engine.decompress(data, self._left)
        except zlib.error as error:
            if not self._raw_allowed or self._fed:
                raise InflateError("the compressed body is broken") from error
            # Some servers send `deflate` without the zlib header that the standard asks for.
            self._engine = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
            self._raw_allowed = False
            return self._step(data)
        self._fed = True
        self._left -= len(out)
        return out

    def _rest(self) -> bytes:
        if not self._engine.eof:
            return self._engine.unconsumed_tail
        rest = self._engine.unused_data.lstrip(b"\0")
        if rest:
            self._engine = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        return rest
