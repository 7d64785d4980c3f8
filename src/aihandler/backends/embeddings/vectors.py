"""Vectors as they are written in JSON: numbers, or base64 of little-endian floats."""

import base64
import sys
from array import array
from collections.abc import Sequence

from aihandler.backends.embeddings.form import Malformed
from aihandler.domain.task import Json

Vector = tuple[float, ...]
_FLOAT, _DOUBLE = 4, 8


def vector_of(written: Json, dimensions: int | None) -> Vector:
    """One vector. Raises Malformed and ValueError.

    Base64 holds floats of 32 bits. Some releases of vLLM write 64 bits: seen where the number of
    dimensions was asked for, and the bytes are twice as many.
    """
    if isinstance(written, list):
        # `float` of a bool or a text would pass: no vector holds these.
        if not all(type(number) in (int, float) for number in written):
            raise Malformed
        return tuple(map(float, written))
    if not isinstance(written, str):
        raise Malformed
    data = base64.b64decode(written, validate=True)
    width = _DOUBLE if dimensions and len(data) == dimensions * _DOUBLE else _FLOAT
    if len(data) % width:
        raise Malformed
    numbers = array("d" if width == _DOUBLE else "f")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return tuple(numbers)


def as_base64(vector: Sequence[float]) -> str:
    """The vector as little-endian floats of 32 bits."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
