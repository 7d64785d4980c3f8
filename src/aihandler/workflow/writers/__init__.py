"""Results to files. A file is a projection of the ledger: whole, or as it was before."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from aihandler.domain.answer import DocumentResult
from aihandler.errors import ConfigError, StorageError
from aihandler.workflow.writers.csv import write_csv
from aihandler.workflow.writers.jsonl import write_jsonl
from aihandler.workflow.writers.sqlite import write_sqlite

__all__ = ["WRITABLE", "check_writable", "write_results"]

# Called for each pass over the results, in the order of the input.
Results = Callable[[], Iterable[DocumentResult]]

_WRITERS: dict[str, Callable[[Path, Results], None]] = {
    ".jsonl": write_jsonl,
    ".csv": write_csv,
    ".sqlite": write_sqlite,
    ".db": write_sqlite,
}
WRITABLE = tuple(_WRITERS)


def check_writable(path: Path) -> None:
    """Raises ConfigError when `path` does not end in a form that can be written."""
    if path.suffix.lower() not in _WRITERS:
        raise ConfigError(
            f"results cannot be written to {path}",
            hint=f"name a file that ends in {', '.join(WRITABLE)}",
        )


def write_results(path: Path, results: Results) -> None:
    """Writes beside `path` and renames, so that no reader ever sees half a file."""
    check_writable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    partial = Path(name)
    try:
        _WRITERS[path.suffix.lower()](partial, results)
        _sync(partial)
        partial.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}",
            hint="the ledger has every result; make room and run the same command again",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
