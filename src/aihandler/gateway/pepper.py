"""The secret beside the ledger without which stored keys are of no use to who steals them."""

import os
from collections.abc import Mapping
from pathlib import Path

from aihandler.errors import ConfigError, StorageError

VARIABLE = "AIHANDLER_KEY_PEPPER"
_BYTES = 32


def pepper_path(ledger: Path) -> Path:
    """Where it lies, unless the environment holds it."""
    return ledger.with_name(f"{ledger.name}.pepper")


def read_pepper(ledger: Path, environ: Mapping[str, str]) -> bytes:
    """Raises ConfigError when there is none."""
    if environ.get(VARIABLE):
        return environ[VARIABLE].encode()
    path = pepper_path(ledger)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the pepper of the keys cannot be read from {str(path)!r}: {error.strerror}",
            hint=f"make a first key with `aihandler keys create NAME`, or set {VARIABLE}",
        ) from error


def make_pepper(ledger: Path, environ: Mapping[str, str]) -> bytes:
    """Reads it, or makes one that only its owner can read."""
    path = pepper_path(ledger)
    if environ.get(VARIABLE) or path.exists():
        return read_pepper(ledger, environ)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_BYTES))
    except OSError as error:
        raise StorageError(
            f"the pepper of the keys cannot be written to {str(path)!r}: {error.strerror}",
            hint="check the folder of the ledger",
        ) from error
    return path.read_bytes()
