"""The write side of the ledger: durable before it is acknowledged, at the price of few syncs."""

import asyncio
import itertools
import os
import socket
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from aihandler.domain.answer import Reply
from aihandler.domain.clearance import Clearance
from aihandler.domain.kept import CacheHit
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Accepted, Clock, Intent, ReviewItem, Settlement
from aihandler.domain.usage import Cost
from aihandler.ledger.batch import BOOK_CAPACITY, Begun, Ended, Hourly, Rows
from aihandler.ledger.hits import kept
from aihandler.ledger.lookups import Lookups
from aihandler.ledger.prices import Prices, hourly_nano
from aihandler.ledger.writer import Writer

StepState = Literal["done", "review", "error", "skipped"]

_START_RUN = """
INSERT INTO run (id, workflow, configuration, host, pid, started_at, state, first_entry)
VALUES (?, ?, ?, ?, ?, ?, 'running', ?)
ON CONFLICT (id) DO UPDATE SET state = 'running', ended_at = NULL, pid = excluded.pid,
    host = excluded.host, configuration = excluded.configuration
"""
_END_RUN = "UPDATE run SET state = ?, ended_at = ? WHERE id = ?"
_ADD_DOCUMENTS = """
INSERT INTO document (run_id, seq, id, data_class, source) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (run_id, seq) DO UPDATE SET
    id = excluded.id, data_class = excluded.data_class, source = excluded.source
"""
_FINISH_DOCUMENT = "UPDATE document SET state = ?, steps = ? WHERE run_id = ? AND seq = ?"
_RECORD_DOCUMENT = """
INSERT INTO document (run_id, seq, id, data_class, source, state, steps)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id, seq) DO UPDATE SET id = excluded.id, data_class = excluded.data_class,
    source = excluded.source, state = excluded.state, steps = excluded.steps
"""
KEEP_PRICE = "INSERT OR IGNORE INTO price_snapshot (id, body) VALUES (?, ?)"
KEEP_CLEARANCE = """
INSERT OR IGNORE INTO clearance (fingerprint, data_class, deployments) VALUES (?, ?, ?)
"""
_DONE_KEYS = "SELECT key, version FROM work"
_DONE_KEYS_OF_WORKFLOW = """
SELECT key, version FROM work WHERE run_id IN (SELECT id FROM run WHERE workflow = ?)
"""

_json = msgspec.json.Encoder()


class DocumentRow(msgspec.Struct, frozen=True):
    """A document of a run. `seq` is its place in the input."""

    seq: int
    id: str
    data_class: DataClass
    source: str = ""


class StepRow(msgspec.Struct, frozen=True):
    """What became of one step of a document; its answer is found under `work_key`."""

    step: str
    state: StepState
    work_key: bytes = b""
    reason: str = ""


class SqliteJournal:
    """Implements `domain.ports.Journal`, and what a workflow needs to resume and to project."""

    def __init__(
        self,
        writer: Writer,
        *,
        reader: sqlite3.Connection,
        lookups: Lookups,
        clock: Clock,
        first_id: int,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._lookups = lookups
        self._clock = clock
        self._first_id = first_id
        self._ids = itertools.count(first_id)
        self._clearances: set[str] = set()

    async def intend(self, intent: Intent) -> int:
        """Writes an intent, returns its entry id. Nothing is sent before this has returned."""
        entry_id = self._first_id = next(self._ids)
        try:
            await self._writer.write(Begun(entry_id, intent))
        except asyncio.CancelledError:
            # Whoever asked will not send, so nothing of this entry is in doubt.
            unsent = Settlement("failed", Cost(), 0.0, error_code="cancelled")
            self._writer.post(Ended(entry_id, unsent))
            raise
        self._lookups.begun(entry_id, intent.key)
        return entry_id

    def sent(self, entry_id: int) -> None:
        """Notes that bytes of this attempt have gone out; written with the next commit."""
        self._writer.mark_sent(entry_id)

    async def settle(self, entry_id: int, settlement: Settlement) -> None:
        """Writes how the attempt ended."""
        await self._writer.write(Ended(entry_id, settlement))
        self._lookups.ended(entry_id, settlement)

    def settle_with_next(self, entry_id: int, settlement: Settlement) -> None:
        """As `settle`, without waiting: durable as soon as what is awaited next is."""
        self._writer.post(Ended(entry_id, settlement))
        self._lookups.ended(entry_id, settlement)

    async def synced(self, *, until: float) -> None:  # noqa: ARG002 - a Journal's shape
        """Returns once all that was written before is on the disk: each commit here is synced."""
        await self._writer.write(Rows(KEEP_PRICE, []))

    async def accept(self, accepted: Accepted) -> None:
        """Writes that a piece of work is done."""
        await self._writer.write(accepted)
        self._lookups.accepted(accepted)

    async def review(self, item: ReviewItem) -> None:
        """Queues a piece of work for a person."""
        await self._writer.write(item)

    async def hit(self, hit: CacheHit) -> None:
        """Writes that a call was answered from the cache."""
        await self._writer.write(kept(hit))

    def finished(self, key: bytes) -> Reply | None:
        """The whole reply of an earlier settled attempt of the same key, to use again unpaid."""
        return self._lookups.finished(key)

    def done(self, work_key: bytes) -> Accepted | None:
        """The accepted answer of this work, if there is one and it was not forgotten."""
        return self._lookups.done(work_key)

    def done_keys(self, workflow: str | None = None) -> dict[bytes, bytes]:
        """Work key to version of all that is done, or of what runs of one workflow have done."""
        if workflow is None:
            return dict(self._reader.execute(_DONE_KEYS))
        return dict(self._reader.execute(_DONE_KEYS_OF_WORKFLOW, (workflow,)))

    async def start_run(self, run_id: str, workflow: str, *, configuration: str = "") -> None:
        """Notes that a run begins, or goes on; `configuration` is the digest of what it uses."""
        row = (
            run_id,
            workflow,
            configuration,
            socket.gethostname(),
            os.getpid(),
            self._clock.wall(),
            self._first_id,
        )
        await self._writer.write(Rows(_START_RUN, [row]))

    async def end_run(self, run_id: str, state: Literal["done", "stopped", "failed"]) -> None:
        """Notes how a run ended."""
        await self._writer.write(Rows(_END_RUN, [(state, self._clock.wall(), run_id)]))

    async def add_documents(self, run_id: str, documents: Iterable[DocumentRow]) -> None:
        """Notes a batch of a run's documents, so that results can be projected in input order."""
        rows = [(run_id, d.seq, d.id, d.data_class.value, d.source) for d in documents]
        await self._writer.write(Rows(_ADD_DOCUMENTS, rows))

    async def finish_document(self, run_id: str, seq: int, steps: Sequence[StepRow]) -> None:
        """Notes what became of each step, also of those whose answer an earlier run has paid."""
        row = (_document_state(steps), _steps_json(steps), run_id, seq)
        await self._writer.write(Rows(_FINISH_DOCUMENT, [row]))

    async def record_document(
        self, run_id: str, document: DocumentRow, steps: Sequence[StepRow]
    ) -> None:
        """Both in one: for a run that notes a document only when it is through.

        Is not waited for: what follows from answers that are durable can be written again. It is
        on disk when `end_run` returns.
        """
        row = (
            run_id,
            document.seq,
            document.id,
            document.data_class.value,
            document.source,
            _document_state(steps),
            _steps_json(steps),
        )
        await self._writer.hand_over(Rows(_RECORD_DOCUMENT, [row]))

    async def keep_prices(self, prices: Prices) -> None:
        """Keeps the prices that costs will refer to, and learns which machines are paid hourly."""
        snapshots = prices.snapshots()
        rows = [(name, _json.encode(s).decode()) for name, s in snapshots.items()]
        for name, snapshot in snapshots.items():
            if nano := hourly_nano(snapshot):
                self._writer.post(Hourly(name, nano))
        await self._writer.write(Rows(KEEP_PRICE, rows))

    def note_clearance(self, clearance: Clearance) -> None:
        """Keeps what a clearance allowed, once; written with the next commit."""
        fingerprint = clearance.fingerprint
        if fingerprint not in self._clearances:
            self._clearances.add(fingerprint)
            names = _json.encode(sorted(clearance.allowed)).decode()
            row = (fingerprint, clearance.data_class.value, names)
            self._writer.post(Rows(KEEP_CLEARANCE, [row]))

    async def book_capacity(self, nano_by_deployment: Mapping[str, int], hour: int) -> None:
        """Books an hour (counted from 1970) of machines, used or not; one that is booked stays.

        Hours in which a call was settled are booked without this.
        """
        rows = [(name, hour, nano) for name, nano in nano_by_deployment.items()]
        await self._writer.write(Rows(BOOK_CAPACITY, rows))


def _document_state(steps: Sequence[StepRow]) -> str:
    states = {step.state for step in steps}
    return next((state for state in ("error", "review") if state in states), "done")


def _steps_json(steps: Sequence[StepRow]) -> str:
    return _json.encode([(s.step, s.state, s.work_key.hex(), s.reason) for s in steps]).decode()
