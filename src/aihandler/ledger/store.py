"""Opens SQLite files: private to their owner, write-ahead, fully synced, of a schema we know."""

import contextlib
import importlib.resources
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from aihandler.errors import StorageError
from aihandler.ledger import sums

SchemaName = Literal["ledger", "content", "repeats", "cache"]
# Called with how many of how many entries a migration has done; 0, 0: it goes on.
Watch = Callable[[int, int], None]

# The migration that makes the tables of sums; a statement cannot fill them.
_SUMS = ("ledger", 11)
# Another process (a review, a reader that checkpoints) may hold the file for a moment.
_BUSY_S = 10.0
# Of SQLite's virtual machine: some ten milliseconds.
_STEPS_BETWEEN_TICKS = 1_000_000


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite and the file system raise into a StorageError that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise storage_error(path, error) from error
    except OSError as error:
        raise storage_error(path, error) from error


def storage_error(path: Path, error: Exception) -> StorageError:
    """Says what happened to which file and what to do about it; quotes no data."""
    reason = str(error)
    if "full" in reason or "No space left" in reason:
        hint = "make room on that disk and run again; nothing that was acknowledged is lost"
    elif "malformed" in reason or "not a database" in reason:
        hint = "restore it from a backup, or move it away to start a new one"
    elif "locked" in reason:
        hint = "another process holds the file for long; try again when it is done"
    else:
        hint = "check that the folder exists, is writable and lies on a local disk"
    return StorageError(f"{str(path)!r} cannot be used: {reason}", hint=hint)


def open_for_writing(
    path: Path, schema: SchemaName, *, wall: float, watch: Watch | None = None
) -> sqlite3.Connection:
    """Opens or creates the file, brings its schema up to date, and syncs every commit to disk.

    That takes minutes where entries of years are to be summed: `watch` is told how far it is.
    """
    with storage_errors(path):
        _make_private(path)
        unclean = _has_leftovers(path)
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
        try:
            _set_up(connection, schema)
            if unclean:
                _quick_check(connection, path)
            if schema == "content":
                # Bodies are appended and large: fewer, larger pages cost fewer writes. Only a new
                # file takes it.
                connection.execute("PRAGMA page_size = 16384")
            if watch is not None:
                tell_often(connection, watch)
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            _migrate(connection, path, schema, wall=wall, watch=watch)
        except BaseException:
            connection.close()
            raise
        return connection


def open_beside(path: Path, schema: SchemaName) -> sqlite3.Connection:
    """Opens an existing file for a short change while another process may be writing a run."""
    with storage_errors(path):
        connection = _existing(path, schema, mode="rw")
        _set_up(connection, schema)
        return connection


def open_for_reading(path: Path, schema: SchemaName) -> sqlite3.Connection:
    """Opens an existing file so that nothing can be changed through it."""
    with storage_errors(path):
        connection = _existing(path, schema, mode="ro")
        connection.execute("PRAGMA query_only = ON")
        return connection


def is_older(path: Path, schema: SchemaName) -> bool:
    """Whether an existing file has an earlier schema than this program writes."""
    with (
        storage_errors(path),
        contextlib.closing(_connect(f"{path.absolute().as_uri()}?mode=ro")) as c,
    ):
        return 0 < _version(c) < _migrations(schema)[-1][0]


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is written, or nothing is."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def tell_often(connection: sqlite3.Connection, watch: Watch) -> None:
    """Calls `watch` with 0, 0 a few times a second while a statement runs."""
    # What it returns would stop the statement.
    connection.set_progress_handler(lambda: watch(0, 0), _STEPS_BETWEEN_TICKS)


def backups(path: Path) -> list[Path]:
    """The copies that were made before migrations."""
    return sorted(path.parent.glob(f"{path.name}.before-*"))


def _make_private(path: Path) -> None:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True)
    # SQLite gives its -wal and -shm files the mode of the main file.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _has_leftovers(path: Path) -> bool:
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=_BUSY_S,
        # Transactions are begun and ended in so many words.
        isolation_level=None,
        # SQLite is built serialised; the journal's reader is used from whichever thread asks.
        check_same_thread=False,
    )


def _set_up(connection: sqlite3.Connection, schema: SchemaName) -> None:
    # Both are settings of this connection, not of the file.
    connection.execute("PRAGMA synchronous = FULL")
    if schema != "ledger":
        # What is deleted or moved is overwritten with zeros. The ledger has no texts to hide.
        connection.execute("PRAGMA secure_delete = ON")


def _existing(path: Path, schema: SchemaName, *, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    if not path.exists():
        raise StorageError(f"there is no ledger at {str(path)!r}", hint="run a workflow first")
    connection = _connect(f"{path.absolute().as_uri()}?mode={mode}")
    try:
        _require_known(connection, path, schema)
    except BaseException:
        connection.close()
        raise
    return connection


def _quick_check(connection: sqlite3.Connection, path: Path) -> None:
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise StorageError(
            f"{str(path)!r} is damaged: {finding}",
            hint="restore it from a backup, or move it away to start a new one",
        )


def _migrate(
    connection: sqlite3.Connection,
    path: Path,
    schema: SchemaName,
    *,
    wall: float,
    watch: Watch | None,
) -> None:
    migrations = _migrations(schema)
    version = _version(connection)
    _refuse_newer(path, version, migrations[-1][0])
    due = [(number, script) for number, script in migrations if number > version]
    if due and version > 0:
        _keep_copy(connection, path, version)
    for number, script in due:
        with transaction(connection):
            for statement in _statements(script):
                connection.execute(statement)
            if (schema, number) == _SUMS:
                sums.recount(connection, watch or _nobody)
            connection.execute("INSERT INTO schema_version VALUES (?, ?)", (number, wall))


def _nobody(done: int, total: int) -> None:
    pass


def _require_known(connection: sqlite3.Connection, path: Path, schema: SchemaName) -> None:
    known = _migrations(schema)[-1][0]
    version = _version(connection)
    _refuse_newer(path, version, known)
    if version < known:
        raise StorageError(
            f"{str(path)!r} has schema {version}, this program reads {known}",
            hint="wait until the run that writes it ends, then run something with this program",
        )


def _refuse_newer(path: Path, version: int, known: int) -> None:
    if version > known:
        raise StorageError(
            f"{str(path)!r} has schema {version}, newer than {known}, which this program knows",
            hint="use the newer version of aihandler that wrote it",
        )


def _version(connection: sqlite3.Connection) -> int:
    table = "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'"
    if not connection.execute(table).fetchone()[0]:
        return 0
    newest = connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    return int(newest or 0)


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    copy = path.with_name(f"{path.name}.before-{version + 1}")
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_CREAT | os.O_RDWR, 0o600))
    connection.execute("VACUUM INTO ?", (str(copy),))


def _migrations(schema: SchemaName) -> list[tuple[int, str]]:
    folder = importlib.resources.files("aihandler.ledger") / "migrations" / schema
    scripts = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(int(f.name.split("_", 1)[0]), f.read_text("utf-8")) for f in scripts]


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit the transaction that a migration must be part of.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
