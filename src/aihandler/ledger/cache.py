"""Answers that are kept for equal requests: a file of its own beside the ledger.

All processes of a gateway read and write it, each in short transactions. What lies in it may be
lost at any time: then a model is asked again.
"""

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aihandler.domain.kept import KeptAnswer, Owner
from aihandler.domain.ports import Clock
from aihandler.domain.task import CacheSettings
from aihandler.errors import StorageError
from aihandler.ledger.content import cipher
from aihandler.ledger.store import (
    open_beside,
    open_for_reading,
    open_for_writing,
    storage_errors,
    transaction,
)

__all__ = ["AnswerCache", "cache_path", "forget_cached", "make_cache"]

# Larger answers are not kept, as with texts in the ledger.
MOST_BYTES_EACH = 4 * 1024 * 1024
# Of one task, however many entries it may have.
MOST_BYTES = 256 * 1024 * 1024
# A process that cannot write soon keeps nothing; one that looks waits for nobody, because requests
# wait behind it.
_WAIT = "PRAGMA busy_timeout = 250"
_WAIT_FOR_NOBODY = "PRAGMA busy_timeout = 0"
_TIDIED_AT_ONCE = 50
_FIND = "SELECT body FROM answer WHERE id = ?"
_DROP = "DELETE FROM answer WHERE id = ?"
_KEEP = """
INSERT INTO answer (id, task, tenant, call_id, at, until, body) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_KEPT = "SELECT answers, bytes FROM kept WHERE task = ?"
_DROP_OLDEST = """
DELETE FROM answer WHERE id = (SELECT id FROM answer WHERE task = ? ORDER BY at LIMIT 1)
"""
_DROP_EXPIRED = """
DELETE FROM answer WHERE id IN (SELECT id FROM answer WHERE until <= ? ORDER BY until LIMIT ?)
"""
# Whose texts are forgotten loses the answers that his calls were asked for, and those that they
# were told: these are the same words.
_CALLS = """
SELECT call_id FROM entry
WHERE (:document IS NULL OR document_id = :document) AND (:call IS NULL OR call_id = :call)
  AND (:tenant IS NULL OR tenant = :tenant)
UNION
SELECT source FROM hit
WHERE :document IS NULL AND (:call IS NULL OR call_id = :call)
  AND (:tenant IS NULL OR tenant = :tenant)
"""
_DROP_OF_CALL = "DELETE FROM answer WHERE call_id = ?"
_DROP_OF_TENANT = "DELETE FROM answer WHERE tenant = ?"
_DROP_OLD = "DELETE FROM answer WHERE at < ?"


class _Body(msgspec.Struct, frozen=True, array_like=True):
    # JSON is what replies are kept as elsewhere; bytes of a wire would grow by a third in it.
    answer: bytes
    raw: bytes


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(KeptAnswer).decode


def cache_path(ledger: Path) -> Path:
    """`ledger.sqlite` has them in `ledger.cache.sqlite`."""
    return ledger.with_name(f"{ledger.stem}.cache{ledger.suffix}")


def make_cache(ledger: Path, *, wall: float) -> None:
    """Makes the file, or brings it up to date, and forgets what is of no more use."""
    path = cache_path(ledger)
    with (
        storage_errors(path),
        contextlib.closing(open_for_writing(path, "cache", wall=wall)) as connection,
    ):
        connection.execute(_DROP_EXPIRED, (wall, -1))


class AnswerCache:
    """One process's view of them. Raises StorageError."""

    def __init__(self, ledger: Path, *, clock: Clock, encryption_key: bytes | None) -> None:
        self._path = cache_path(ledger)
        self._clock = clock
        self._key = encryption_key or b""
        self._cipher = cipher(encryption_key)
        # Of several threads one at a time: a transaction belongs to the connection.
        self._one_at_a_time = threading.Lock()
        with storage_errors(self._path), contextlib.ExitStack() as opened:
            # Kept open: the last one to close a file in this mode writes all of it anew.
            self._connection = open_beside(self._path, "cache")
            opened.callback(self._connection.close)
            # The loss of the machine may lose the newest.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_WAIT)
            self._reader = open_for_reading(self._path, "cache")
            opened.callback(self._reader.close)
            self._reader.execute(_WAIT_FOR_NOBODY)
            self._opened = opened.pop_all()

    def find(self, key: bytes) -> KeptAnswer | None:
        """The answer that was kept last, however old."""
        name = self._name(key)
        with storage_errors(self._path):
            row = self._reader.execute(_FIND, (name,)).fetchone()
        return None if row is None else self._read(row[0], name)

    def keep(
        self, key: bytes, answer: KeptAnswer, *, owner: Owner, settings: CacheSettings
    ) -> None:
        """Keeps it in place of an earlier one, and lets the oldest of its task leave."""
        name = self._name(key)
        body = self._cipher.seal(_packed(answer), name)
        if len(body) > MOST_BYTES_EACH:
            return
        until = answer.at + settings.ttl_s
        row = (name, owner.task, owner.tenant, answer.call_id, answer.at, until, body)
        with self._open() as connection, transaction(connection):
            connection.execute(_DROP_EXPIRED, (self._clock.wall(), _TIDIED_AT_ONCE))
            connection.execute(_DROP, (name,))
            connection.execute(_KEEP, row)
            while _too_many(connection, owner.task, settings):
                connection.execute(_DROP_OLDEST, (owner.task,))

    def forget_expired(self) -> None:
        """Removes what is of no more use."""
        with self._open() as connection:
            connection.execute(_DROP_EXPIRED, (self._clock.wall(), -1))

    def close(self) -> None:
        """Closes the file."""
        with self._one_at_a_time:
            self._opened.close()

    def _name(self, key: bytes) -> bytes:
        # Whoever reads the file and guesses a text must not find it by its digest.
        return hashlib.blake2b(key, key=self._key, digest_size=32, person=b"cache").digest()

    def _read(self, sealed: bytes, name: bytes) -> KeptAnswer:
        try:
            body = _unpack(self._cipher.open(sealed, name))
            answer = _decode(body.answer)
        except msgspec.DecodeError as error:
            raise StorageError(
                f"an answer in {str(self._path)!r} cannot be read: {error}",
                hint="move that file away; answers are then asked for again",
            ) from error
        if not body.raw or answer.reply is None:
            return answer
        reply = msgspec.structs.replace(answer.reply, raw=body.raw)
        return msgspec.structs.replace(answer, reply=reply)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with storage_errors(self._path), self._one_at_a_time:
            yield self._connection


def forget_cached(
    ledger: sqlite3.Connection,
    path: Path,
    *,
    document_id: str | None = None,
    tenant: str | None = None,
    call_id: str | None = None,
) -> tuple[int, bool]:
    """Removes the answers of a document's, a tenant's or one call. Returns how many, and whether
    nothing of them is left on the disk.
    """
    asked = {"document": document_id, "tenant": tenant, "call": call_id}
    calls = [(row[0],) for row in ledger.execute(_CALLS, asked)]
    with _changing(path) as connection:
        if connection is None:
            return 0, True
        with transaction(connection):
            removed = max(0, connection.executemany(_DROP_OF_CALL, calls).rowcount)
            if tenant is not None and document_id is None and call_id is None:
                removed += connection.execute(_DROP_OF_TENANT, (tenant,)).rowcount
        return removed, _emptied(connection)


def forget_cached_before(path: Path, *, wall: float) -> tuple[int, bool]:
    """The same for all that were kept before `wall` (seconds since 1970)."""
    with _changing(path) as connection:
        if connection is None:
            return 0, True
        removed = connection.execute(_DROP_OLD, (wall,)).rowcount
        return removed, _emptied(connection)


@contextlib.contextmanager
def _changing(ledger: Path) -> Iterator[sqlite3.Connection | None]:
    path = cache_path(ledger)
    if not path.exists():
        yield None
        return
    with storage_errors(path), contextlib.closing(open_beside(path, "cache")) as connection:
        yield connection


def _emptied(connection: sqlite3.Connection) -> bool:
    # Deleted pages are overwritten, but the write-ahead file has them until it is emptied.
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def _packed(answer: KeptAnswer) -> bytes:
    reply = answer.reply
    raw = reply.raw if reply is not None else b""
    if raw and reply is not None:
        reply = msgspec.structs.replace(reply, raw=b"")
        answer = msgspec.structs.replace(answer, reply=reply)
    return _pack(_Body(_encode(answer), raw))


def _too_many(connection: sqlite3.Connection, task: str, settings: CacheSettings) -> bool:
    row = connection.execute(_KEPT, (task,)).fetchone()
    return row is not None and (row[0] > settings.max_entries or row[1] > MOST_BYTES)
