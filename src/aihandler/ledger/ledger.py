"""Opens a ledger: for a run, which writes and holds the lock, or to look into it from beside."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from aihandler.domain.ports import Clock
from aihandler.domain.probes import Probed
from aihandler.domain.task import Json
from aihandler.errors import StorageError
from aihandler.ledger import comparisons, forgetting, probes, reviews
from aihandler.ledger.batch import Batches, Rows
from aihandler.ledger.budgets import FORGET_LEASES, RETURN_LEASES
from aihandler.ledger.cache import forget_cached, forget_cached_before
from aihandler.ledger.comparisons import ComparisonRecord
from aihandler.ledger.content import (
    Content,
    change_content,
    content_path,
    read_content,
    write_content,
)
from aihandler.ledger.forgetting import Forgotten
from aihandler.ledger.journal import SqliteJournal
from aihandler.ledger.lock import RunLock
from aihandler.ledger.lookups import Lookups
from aihandler.ledger.queries import Queries
from aihandler.ledger.recovery import Recovery, recover
from aihandler.ledger.store import (
    Watch,
    is_older,
    open_beside,
    open_for_reading,
    open_for_writing,
    storage_errors,
    tell_often,
)
from aihandler.ledger.writer import Writer

_HOLDER = "run"
_LAST_ENTRY = "SELECT coalesce(max(id), 0) FROM entry"
_LAST_EXCHANGE = "SELECT coalesce(max(entry_id), 0) FROM exchange"


class Archive:
    """A ledger as seen from beside: ask at any time, decide reviews, forget. Writes no calls."""

    def __init__(self, path: Path, *, clock: Clock, encryption_key: bytes | None) -> None:
        self.path = path
        self._clock = clock
        self._key = encryption_key
        with contextlib.ExitStack() as opened:
            self._ledger = open_for_reading(path, "ledger")
            opened.callback(self._ledger.close)
            self._content = read_content(content_path(path), encryption_key)
            opened.callback(self._content.connection.close)
            self._opened = opened.pop_all()
        self.queries = Queries(path, self._ledger, self._content)

    def changed(self) -> None:
        """Called after something was decided or removed; here nothing hangs on it."""

    def accept_review(self, review_id: str, value: Json = None) -> None:
        """Accepts the proposal of a review, or `value` in its place. Raises InputError."""
        with self._changing() as (ledger, content):
            reviews.accept(ledger, content, review_id, value=value, wall=self._clock.wall())

    def correct_review(self, review_id: str, value: Json) -> None:
        """Makes `value` the answer and keeps it as a labelled example. Raises InputError."""
        with self._changing() as (ledger, content):
            reviews.correct(ledger, content, review_id, value=value, wall=self._clock.wall())

    def forget(
        self,
        *,
        document_id: str | None = None,
        tenant: str | None = None,
        call_id: str | None = None,
    ) -> Forgotten:
        """Removes the texts of a document, a tenant or a call from the disk."""
        with self._changing() as (ledger, content):
            forgotten = forgetting.forget(
                ledger, content, document_id=document_id, tenant=tenant, call_id=call_id
            )
            # Last, so that a call which ended meanwhile does not bring its answer back.
            removed = forget_cached(
                ledger, self.path, document_id=document_id, tenant=tenant, call_id=call_id
            )
            return forgotten.and_cached(*removed)

    def forget_older_than(self, days: float) -> Forgotten:
        """Removes all texts that are older, except reviews that still wait for a person."""
        wall = self._clock.wall() - days * 86_400
        with self._changing() as (ledger, content):
            forgotten = forgetting.forget_older_than(ledger, content, wall=wall)
            return forgotten.and_cached(*forget_cached_before(self.path, wall=wall))

    def keep_probe(self, probed: Probed) -> None:
        """Keeps what a probe found; later runs go by it."""
        with (
            storage_errors(self.path),
            contextlib.closing(open_beside(self.path, "ledger")) as ledger,
        ):
            probes.keep(ledger, probed)

    def keep_comparison(self, record: ComparisonRecord) -> None:
        """Keeps what a comparison has shown; `auto` routing and `explain` read it."""
        with (
            storage_errors(self.path),
            contextlib.closing(open_beside(self.path, "ledger")) as ledger,
        ):
            comparisons.keep(ledger, record)

    def watch(self, watch: Watch) -> None:
        """Calls `watch` with 0, 0 now and then while a question is being answered."""
        tell_often(self._ledger, watch)

    def close(self) -> None:
        """Closes the files. Closing twice does nothing."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[sqlite3.Connection, Content]]:
        with (
            storage_errors(self.path),
            contextlib.closing(open_beside(self.path, "ledger")) as ledger,
        ):
            content = change_content(content_path(self.path), self._key)
            with contextlib.closing(content.connection):
                yield ledger, content
            self.changed()


class Ledger(Archive):
    """A ledger that this process writes. `recovery` says what an earlier one left in doubt."""

    def __init__(
        self, path: Path, *, clock: Clock, encryption_key: bytes | None, keep_content: bool
    ) -> None:
        with contextlib.ExitStack() as opened:
            ledger, content, self.recovery = recovered(opened, path, encryption_key, clock.wall())
            batches = Batches(ledger, content, keep_content=keep_content)
            first_id = next_id(ledger, content.connection)
            writer = Writer(batches, path, wall=clock.wall)
            opened.callback(_end_writing, writer)
            by_key = open_for_reading(path, "ledger")
            opened.callback(by_key.close)
            super().__init__(path, clock=clock, encryption_key=encryption_key)
            # The writing connections close last: only they can tidy the write-ahead file away.
            opened.push(self._opened)
            self._opened = opened.pop_all()
        self._lookups = Lookups(
            by_key, content=self._content, clock=clock, keep_replies=keep_content
        )
        self.journal = SqliteJournal(
            writer,
            reader=self._ledger,
            lookups=self._lookups,
            clock=clock,
            first_id=first_id,
        )

    @property
    def holder(self) -> str:
        """Who leases of budgets: one process at a time writes, so one name will do."""
        return _HOLDER

    def changed(self) -> None:
        """Lets lookups see what was decided or removed."""
        self._lookups.forget()


def _end_writing(writer: Writer) -> None:
    # After the settlements that are queued; nothing is reserved any more then.
    with contextlib.suppress(StorageError):
        writer.post(Rows(RETURN_LEASES, [(_HOLDER, _HOLDER)]))
        writer.post(Rows(FORGET_LEASES, [(_HOLDER,)]))
    writer.close()


def open_ledger(
    path: str | Path,
    *,
    clock: Clock,
    encryption_key: bytes | None = None,
    keep_content: bool = True,
) -> Ledger:
    """Opens a ledger for a run, or makes it. Without `keep_content` only what must be is kept:
    accepted answers, without which work would be paid again, and what a person has to review.

    Raises StorageError: another process writes it, it is damaged, newer than this program, or
    the key does not fit.
    """
    return Ledger(Path(path), clock=clock, encryption_key=encryption_key, keep_content=keep_content)


def read_ledger(
    path: str | Path,
    *,
    clock: Clock,
    encryption_key: bytes | None = None,
    watch: Watch | None = None,
) -> Archive:
    """Opens an existing ledger from beside, also while a run writes it. Raises StorageError.

    One of an earlier version is brought up to date first, unless a run is writing it. `watch` is
    called while that, or a question, takes long.
    """
    bring_up_to_date(Path(path), clock=clock, watch=watch)
    archive = Archive(Path(path), clock=clock, encryption_key=encryption_key)
    if watch is not None:
        archive.watch(watch)
    return archive


def bring_up_to_date(path: Path, *, clock: Clock, watch: Watch | None = None) -> None:
    """Changes a ledger of an earlier version; `watch` is told how far it is. Raises StorageError:
    a run is writing it.
    """
    if not path.exists() or not is_older(path, "ledger"):
        return
    with storage_errors(path), contextlib.ExitStack() as held:
        held.callback(RunLock(path).release)
        open_for_writing(path, "ledger", wall=clock.wall(), watch=watch).close()


def recovered(
    opened: contextlib.ExitStack, path: Path, key: bytes | None, wall: float
) -> tuple[sqlite3.Connection, Content, Recovery]:
    """Both files, open for writing and held, with what an earlier process left booked as doubt."""
    with storage_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened.callback(RunLock(path).release)
        ledger = open_for_writing(path, "ledger", wall=wall)
        opened.callback(ledger.close)
        lost = not content_path(path).exists()
        content = write_content(content_path(path), key, wall=wall)
        opened.callback(content.connection.close)
        if lost:
            # Answers that somebody moved away cannot be projected: that work is to be done again.
            ledger.execute("DELETE FROM work")
        return ledger, content, recover(ledger, wall=wall)


def next_id(ledger: sqlite3.Connection, content: sqlite3.Connection) -> int:
    """The first id that no entry has had."""
    # A crash may have left content of an entry that the ledger does not have yet.
    last_entry = ledger.execute(_LAST_ENTRY).fetchone()[0]
    last_exchange = content.execute(_LAST_EXCHANGE).fetchone()[0]
    return int(max(last_entry, last_exchange)) + 1
