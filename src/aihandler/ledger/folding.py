"""Folds the spools of gateway workers into the ledger: each record once, also after a crash."""

import sqlite3
from collections.abc import Callable

import msgspec

from aihandler.domain.ports import Settlement
from aihandler.domain.usage import Cost
from aihandler.ledger.batch import Batches, Begun, Ended, Operation, Rows
from aihandler.ledger.budgets import FORGET_LEASES, RETURN_LEASES
from aihandler.ledger.hits import kept
from aihandler.ledger.journal import KEEP_CLEARANCE
from aihandler.ledger.spool import SpoolReader
from aihandler.ledger.spool_records import (
    Began,
    Cleared,
    Done,
    Queued,
    Record,
    Sent,
    Settled,
    Told,
    unpack,
)

# Which records of a spool are in the ledger is written in the same transaction as they are.
_MARK = """
INSERT INTO spool (name, taken) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET taken = excluded.taken
"""
_TAKEN = "SELECT taken FROM spool WHERE name = ?"
_FORGET = "DELETE FROM spool WHERE name = ?"
_json = msgspec.json.Encoder()


class Folding:
    """One worker's spool on its way into the ledger.

    `open_entries` are attempts whose end has not come; when the worker is dead they are booked as
    doubt by `bury`, or as never sent.
    """

    def __init__(
        self,
        spool: SpoolReader,
        *,
        ledger: sqlite3.Connection,
        batches: Batches,
        wall: Callable[[], float],
    ) -> None:
        self.spool = spool
        self.open_entries: dict[int, bool] = {}
        self._name = spool.path.name
        self._batches = batches
        self._wall = wall
        row = ledger.execute(_TAKEN, (self._name,)).fetchone()
        # Committed, and the mark in the spool not moved: the supervisor died in between.
        self._committed = int(row[0]) if row else 0

    def fold(self, *, most: int = 4096) -> int:
        """Commits what waits, at most so many records. Returns how many; raises sqlite3.Error."""
        operations: list[Operation] = []
        sent: list[int] = []
        position, count = self.spool.taken, 0
        for position, payload in self.spool.waiting(most=most):
            count += 1
            record = unpack(payload)
            self._follow(record)
            if position > self._committed:
                _add(record, operations, sent)
        if count:
            if position > self._committed:
                operations.append(Rows(_MARK, [(self._name, position)]))
                self._batches.write(operations, sent, wall=self._wall())
                self._committed = position
            self.spool.take(position)
        return count

    def bury(self) -> int:
        """After the worker's death and the last `fold`: books what it left open. Returns how many
        attempts are in doubt."""
        ends: list[Operation] = []
        for entry_id, was_sent in self.open_entries.items():
            outcome = "in_doubt" if was_sent else "failed"
            ends.append(Ended(entry_id, Settlement(outcome, Cost(), 0.0, error_code="worker_died")))  # type: ignore[arg-type]  # both are outcomes
        doubtful = sum(self.open_entries.values())
        name = (self._name,)
        # First the leases go back: what was spent of them is booked beside, in one transaction.
        back = [Rows(RETURN_LEASES, [name * 2]), Rows(FORGET_LEASES, [name]), Rows(_FORGET, [name])]
        self._batches.write([*ends, *back], (), wall=self._wall())
        self.open_entries.clear()
        return doubtful

    def _follow(self, record: Record) -> None:
        match record:
            case Began(entry_id):
                self.open_entries[entry_id] = False
            case Sent(entry_id):
                self.open_entries[entry_id] = True
            case Settled(entry_id):
                self.open_entries.pop(entry_id, None)


def _add(record: Record, operations: list[Operation], sent: list[int]) -> None:
    match record:
        case Began(entry_id, intent):
            operations.append(Begun(entry_id, intent))
        case Sent(entry_id):
            sent.append(entry_id)
        case Settled(entry_id, settlement):
            operations.append(Ended(entry_id, settlement))
        case Done(accepted):
            operations.append(accepted)
        case Queued(item):
            operations.append(item)
        case Cleared(fingerprint, data_class, deployments):
            row = (fingerprint, data_class, _json.encode(deployments).decode())
            operations.append(Rows(KEEP_CLEARANCE, [row]))
        case Told(hit):
            operations.append(kept(hit))
