"""Really forgets: texts are overwritten on disk, and work that held them counts as not done."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from aihandler.errors import InputError
from aihandler.ledger.content import Content
from aihandler.ledger.store import backups, transaction

_ENTRIES = """
SELECT id FROM entry
WHERE (:document IS NULL OR document_id = :document) AND (:call IS NULL OR call_id = :call)
  AND (:tenant IS NULL OR tenant = :tenant)
"""
_WORK = """
SELECT key FROM work WHERE :tenant IS NULL AND :call IS NULL AND document_id = :document
UNION
SELECT key FROM work WHERE call_id <> '' AND call_id IN (
    SELECT call_id FROM entry
    WHERE (:document IS NULL OR document_id = :document) AND (:call IS NULL OR call_id = :call)
      AND (:tenant IS NULL OR tenant = :tenant))
"""
_STEPS_OF_DOCUMENT = "SELECT steps FROM document WHERE id = ?"
# A review belongs to whom it says, and to whom the attempts that led to it belong.
_REVIEWS = """
SELECT id FROM review WHERE :call IS NULL
  AND (:document IS NULL OR document_id = :document) AND (:tenant IS NULL OR tenant = :tenant)
UNION
SELECT id FROM review WHERE document_id <> '' AND (run_id, document_id, step) IN (
    SELECT run_id, document_id, step FROM entry
    WHERE (:document IS NULL OR document_id = :document) AND (:call IS NULL OR call_id = :call)
      AND (:tenant IS NULL OR tenant = :tenant))
"""
_REVIEWS_OF_WORK = "SELECT id FROM review WHERE work_key = ?"
_WORK_OF_REVIEW = "SELECT work_key FROM review WHERE id = ?"
_DROP_EXCHANGE = "DELETE FROM exchange WHERE entry_id = ?"
# One pass over all answers, also those that a later answer to the same work took the place of.
_DROP_ANSWERS = "DELETE FROM answer WHERE work_key IN (SELECT key FROM temp.wanted)"
_DROP_REVIEW = "DELETE FROM review WHERE id = ?"
_DROP_EXAMPLE = "DELETE FROM example WHERE review_id = ?"
_UNDO_WORK = "DELETE FROM work WHERE key = ?"
_UNDO_EXAMPLE = "DELETE FROM example WHERE review_id = ?"
_NOT_REUSABLE = "UPDATE entry SET reusable = 0 WHERE id = ? AND reusable = 1"
_OLD_ENTRIES = "SELECT entry_id FROM exchange WHERE at < ?"
_OLD_ANSWERS = "SELECT work_key FROM answer WHERE at < ?"
_OLD_REVIEWS = "SELECT id FROM review WHERE at < ?"
_OPEN_REVIEW = "SELECT 1 FROM review WHERE id = ? AND state = 'open'"

_steps = msgspec.json.Decoder(list[tuple[str, str, str, str]])
_ROWS_PER_TRANSACTION = 1000


class Forgotten(msgspec.Struct, frozen=True):
    """How many texts were removed. `complete` is False while a reader still holds old pages.
    `cached` are answers that were kept for equal requests.
    """

    exchanges: int = 0
    answers: int = 0
    reviews: int = 0
    complete: bool = True
    cached: int = 0

    def and_cached(self, removed: int, complete: bool) -> "Forgotten":
        """With what was removed from the cache."""
        whole = self.complete and complete
        return msgspec.structs.replace(self, cached=self.cached + removed, complete=whole)


def forget(
    ledger: sqlite3.Connection,
    content: Content,
    *,
    document_id: str | None = None,
    tenant: str | None = None,
    call_id: str | None = None,
) -> Forgotten:
    """Removes all texts of a document, a tenant or a call; several conditions must all hold.

    The rows of the ledger stay: they hold no text, and what was spent was spent. A review's
    correction is forgotten with its review.
    """
    if document_id is None and tenant is None and call_id is None:
        raise InputError("nothing says what to forget", hint="name a document, a tenant or a call")
    asked = {"document": document_id, "tenant": tenant, "call": call_id}
    reviews = {row[0] for row in ledger.execute(_REVIEWS, asked)}
    work = {row[0] for row in ledger.execute(_WORK, asked)}
    if document_id is not None and tenant is None and call_id is None:
        work.update(_shared_work(ledger, document_id))
    # An answer that a person gave belongs to no call.
    work.update(row[0] for name in reviews for row in ledger.execute(_WORK_OF_REVIEW, (name,)))
    reviews.update(row[0] for key in work for row in ledger.execute(_REVIEWS_OF_WORK, (key,)))
    entries = [row[0] for row in ledger.execute(_ENTRIES, asked)]
    return _drop(ledger, content, _Names(entries, sorted(work), sorted(reviews)))


def forget_older_than(ledger: sqlite3.Connection, content: Content, *, wall: float) -> Forgotten:
    """Removes all texts from before `wall` (seconds since 1970), but for reviews that are open."""
    entries = [row[0] for row in content.connection.execute(_OLD_ENTRIES, (wall,))]
    work = [row[0] for row in content.connection.execute(_OLD_ANSWERS, (wall,))]
    old = [row[0] for row in content.connection.execute(_OLD_REVIEWS, (wall,))]
    reviews = [name for name in old if not ledger.execute(_OPEN_REVIEW, (name,)).fetchone()]
    return _drop(ledger, content, _Names(entries, work, reviews))


def _shared_work(ledger: sqlite3.Connection, document_id: str) -> Iterator[bytes]:
    for (steps,) in ledger.execute(_STEPS_OF_DOCUMENT, (document_id,)):
        for _, _, work_key, _ in _steps.decode(steps):
            if work_key:
                yield bytes.fromhex(work_key)


class _Names(msgspec.Struct, frozen=True):
    entries: Sequence[int]
    work: Sequence[bytes]
    reviews: Sequence[str]


def _drop(ledger: sqlite3.Connection, content: Content, names: _Names) -> Forgotten:
    # The ledger first: work whose answer is gone must not count as done, not even after a crash.
    _remove(ledger, _UNDO_WORK, names.work)
    _remove(ledger, _UNDO_EXAMPLE, names.reviews)
    _remove(ledger, _NOT_REUSABLE, names.entries)
    exchanges = _remove(content.connection, _DROP_EXCHANGE, names.entries)
    answers = _remove_answers(content.connection, names.work)
    dropped = _remove(content.connection, _DROP_REVIEW, names.reviews)
    _remove(content.connection, _DROP_EXAMPLE, names.reviews)
    # A copy from before a migration holds the same texts.
    for copy in backups(content.path):
        copy.unlink()
    return Forgotten(exchanges, answers, dropped, complete=_truncate_wal(content))


def _remove(
    connection: sqlite3.Connection, statement: str, names: Iterable[int | bytes | str]
) -> int:
    wanted = list(names)
    before = connection.total_changes
    for start in range(0, len(wanted), _ROWS_PER_TRANSACTION):
        # In slices, so that a run that is writing never waits long.
        with transaction(connection):
            rows = [(name,) for name in wanted[start : start + _ROWS_PER_TRANSACTION]]
            connection.executemany(statement, rows)
    return connection.total_changes - before


def _remove_answers(connection: sqlite3.Connection, work: Sequence[bytes]) -> int:
    if not work:
        return 0
    # Keys are hashes of texts; in memory they leave no trace on the disk.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (key BLOB PRIMARY KEY)")
    connection.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", [(key,) for key in work])
    with transaction(connection):
        dropped = connection.execute(_DROP_ANSWERS).rowcount
    connection.execute("DROP TABLE temp.wanted")
    return dropped


def _truncate_wal(content: Content) -> bool:
    # Deleted pages are overwritten, but the write-ahead file has them until it is emptied.
    busy, _, _ = content.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
