"""One process at a time writes a ledger as a run; two would both pay for the same work."""

import fcntl
import os
from pathlib import Path

from aihandler.errors import StorageError


class RunLock:
    """Held from construction to `release`. The system frees it when the process dies."""

    def __init__(self, ledger: Path) -> None:
        path = ledger.with_name(f"{ledger.name}.lock")
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StorageError(
                f"{str(ledger)!r} is being written by process {holder or 'unknown'}",
                hint="wait until that run ends, or give this one a ledger path of its own",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Lets others write. The file stays: removing it would let two processes hold two locks."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
