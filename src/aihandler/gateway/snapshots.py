"""A configuration as a gateway serves by it: read once, checked, and the same for every worker.

A worker that starts anew must not find other prompts or prices in the files than its siblings have.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.keys import digest_text
from aihandler.errors import StorageError

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Configuration).decode


def digest_of(configuration: Configuration) -> str:
    """Names the content: files that say the same have the same digest, wherever they lie."""
    # Lines are for messages only.
    said = msgspec.structs.replace(configuration, lines={}, file="")
    return digest_text("serving", _encode(said).hex())[:16]


def snapshot_path(spools: Path, digest: str) -> Path:
    """Where the snapshot of a digest lies, beside the spools."""
    return spools / f"{digest}.configuration"


def write_snapshot(spools: Path, configuration: Configuration) -> str:
    """Writes it, readable for its owner alone; the digest. Raises StorageError."""
    digest = digest_of(configuration)
    path = snapshot_path(spools, digest)
    passing = path.with_suffix(f".{os.getpid()}")
    try:
        spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encode(configuration))
        passing.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            passing.unlink()
        raise StorageError(
            f"{str(path)!r} cannot be written: {error.strerror}", hint="make room, or mend rights"
        ) from error
    return digest


def read_snapshot(path: Path) -> Configuration:
    """Raises StorageError."""
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise StorageError(
            f"the configuration {str(path)!r} cannot be read: {error}", hint="apply it again"
        ) from error
