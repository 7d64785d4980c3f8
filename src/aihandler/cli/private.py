"""Files that hold texts of documents: for their owner alone, as the ledger is."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that nobody else can read; one that is there loses what it held."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        # It may have been there with another mode.
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
