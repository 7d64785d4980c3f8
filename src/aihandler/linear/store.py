"""A model as one file: a header in JSON, the arrays as they lie in memory, and a digest.

Nothing in a file is ever run. A file that was cut off or changed is refused.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from aihandler.errors import InputError
from aihandler.linear.calibrate import Curve, Squash
from aihandler.linear.features import Space
from aihandler.linear.model import Head, Learned, LinearModel

__all__ = ["load", "save"]

_MAGIC = b"AIHLIN1\n"
_DIGEST_SIZE = 32
_ALIGNMENT = 64


class _Array(msgspec.Struct, frozen=True):
    kind: str
    shape: tuple[int, ...]


class _Header(msgspec.Struct, frozen=True):
    space: Space
    heads: tuple[Head, ...]
    squash: Squash
    curve: Curve
    learned: Learned
    arrays: dict[str, _Array]


def save(model: LinearModel, path: Path) -> str:
    """Writes `path` whole or not at all, readable by its owner only; returns the digest."""
    arrays = {name: getattr(model, name) for name in ("rare", "scale", "matrix", "bias")}
    shapes = {name: _Array(array.dtype.str, array.shape) for name, array in arrays.items()}
    header = msgspec.json.encode(
        _Header(model.space, model.heads, model.squash, model.curve, model.learned, shapes)
    )
    # Blanks after the JSON, so that the arrays begin at a multiple of what they are made of.
    header += b" " * (-(len(_MAGIC) + 8 + len(header)) % _ALIGNMENT)
    body = [_MAGIC, len(header).to_bytes(8, "little"), header]
    body += [np.ascontiguousarray(array).tobytes() for array in arrays.values()]
    digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    for part in body:
        digest.update(part)
    _write([*body, digest.digest()], path)
    return digest.hexdigest()


def load(path: Path) -> LinearModel:
    """Reads what `save` wrote.

    Raises:
        InputError: the file is no model, or not a whole one.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    body, digest = memoryview(data)[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if hashlib.blake2b(body, digest_size=_DIGEST_SIZE).digest() != digest:
        raise _damaged(path)
    if body[: len(_MAGIC)] != _MAGIC:
        raise _damaged(path)
    begin = len(_MAGIC) + 8
    end = begin + int.from_bytes(body[len(_MAGIC) : begin], "little")
    try:
        header = msgspec.json.decode(body[begin:end], type=_Header)
        arrays = _arrays(header.arrays, body[end:])
        return LinearModel(
            space=header.space,
            heads=header.heads,
            squash=header.squash,
            curve=header.curve,
            learned=header.learned,
            **arrays,  # type: ignore[arg-type]  # their kinds stand in the file, under the digest
        )
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise _damaged(path) from error


def _arrays(shapes: dict[str, _Array], data: memoryview) -> dict[str, NDArray[np.generic]]:
    arrays = {}
    begin = 0
    for name, array in shapes.items():
        kind = np.dtype(array.kind)
        size = int(np.prod(array.shape))
        arrays[name] = np.frombuffer(data, kind, size, begin).reshape(array.shape)
        begin += size * kind.itemsize
    return arrays


def _write(parts: list[bytes], path: Path) -> None:
    # mkstemp makes files of mode 0600: weights say something about the examples.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{str(path)!r} is no model of this release, or was cut off or changed",
        hint="delete the file: it is trained again at the next use",
    )
