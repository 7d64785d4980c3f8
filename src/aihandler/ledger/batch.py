"""What one commit writes: everything that was queued while the commit before it was on its way."""

import itertools
import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from aihandler.domain.budget import Held, booked_nano
from aihandler.domain.ports import Accepted, Intent, ReviewItem, Settlement
from aihandler.ledger import budgets, rows, summands, sums
from aihandler.ledger.changes import KEEP_CHANGES, ChangeRecord, Reported, warn
from aihandler.ledger.content import (
    PUT_ANSWERS,
    PUT_EXCHANGES,
    PUT_REVIEWS,
    Content,
    Exchange,
)
from aihandler.ledger.rows import Row
from aihandler.ledger.store import transaction
from aihandler.ledger.summands import Summand

_LAST_ANSWER = "SELECT coalesce(max(id), 0) FROM answer"
BOOK_CAPACITY = "INSERT OR IGNORE INTO capacity (deployment, hour, nano) VALUES (?, ?, ?)"


class Begun(msgspec.Struct, frozen=True, gc=False):
    """An intent, with the id that it was given."""

    entry_id: int
    intent: Intent


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A settlement of an entry."""

    entry_id: int
    settlement: Settlement


class Hourly(msgspec.Struct, frozen=True):
    """From here on, costs of this price snapshot are shares of an hour that costs `nano`."""

    snapshot: str
    nano: int


class Rows(msgspec.Struct, frozen=True):
    """Rows for a table that is no part of a call: runs, documents, prices."""

    statement: str
    rows: Sequence[Row]


Operation = Begun | Ended | Accepted | ReviewItem | Rows | Hourly


class Batches:
    """Writes batches. Knows the intents that are not settled, and the hours that are booked."""

    def __init__(self, ledger: sqlite3.Connection, content: Content, *, keep_content: bool) -> None:
        # A crash may have left an answer that no row of the ledger points at.
        self._answer_ids = itertools.count(_last_answer(content.connection) + 1)
        self._ledger = ledger
        self._content = content
        self._keep_content = keep_content
        self._unsettled: dict[int, Intent] = {}
        self._hourly: dict[str, int] = {}
        self._booked: set[tuple[str, int]] = set()
        self._reported = Reported(ledger)
        self._unsummed = sums.Unsummed(ledger)

    def write(self, operations: Iterable[Operation], sent: Iterable[int], *, wall: float) -> None:
        """Content first, then the ledger rows that point at it; each in one synced transaction."""
        batch = self._gathered(operations, sent, wall)
        if batch.holds_content:
            with transaction(self._content.connection):
                self._put_content(batch)
        self._unsummed.undone()
        with transaction(self._ledger):
            self._put_rows(batch)
        self._unsummed.done()
        self._booked.update((name, hour) for name, hour, _ in batch.capacity)
        for entry_id in batch.settled:
            self._unsettled.pop(entry_id, None)
        warn(batch.changes)

    def _gathered(
        self, operations: Iterable[Operation], sent: Iterable[int], wall: float
    ) -> "_Batch":
        batch = _Batch()
        for operation in operations:
            match operation:
                case Begun(entry_id, intent):
                    self._unsettled[entry_id] = intent
                    batch.intents.append(rows.intent_row(entry_id, intent))
                case Ended(entry_id, settlement):
                    self._settle(batch, entry_id, settlement, wall)
                case Accepted():
                    self._accept(batch, operation, wall)
                case ReviewItem():
                    batch.reviews.append(rows.review_row(operation))
                    body = rows.review_body(operation)
                    batch.review_bodies.append(self._content.sealed(operation.id, wall, body))
                case Rows(statement, more):
                    batch.add_rows(statement, more)
                case Hourly(snapshot, nano):
                    self._hourly[snapshot] = nano
        # A mark beside its settlement says nothing more.
        batch.sent = [(i,) for i in sent if i in self._unsettled and i not in batch.settled]
        return batch

    def _settle(self, batch: "_Batch", entry_id: int, settlement: Settlement, wall: float) -> None:
        intent = self._unsettled.get(entry_id)
        expected = intent.expected_nano if intent else None
        if held := self._spend(batch, entry_id, settlement, intent):
            expected = held.nano
        row = rows.settlement_row(entry_id, settlement, expected_nano=expected)
        batch.settlements.append(row)
        batch.settled.add(entry_id)
        if intent is None:
            # An earlier process began it: it was booked as doubt, and counted as that.
            batch.ended_again.add(entry_id)
            return
        batch.ended[entry_id] = summands.of_settled(entry_id, intent, row)
        batch.changes += self._reported.look(intent, settlement)
        if self._keep_content:
            exchange = Exchange(intent.request, settlement.reply)
            batch.exchanges.append(self._content.sealed_exchange(entry_id, wall, exchange))
        self._book_hours(batch, intent, settlement)

    def _spend(
        self, batch: "_Batch", entry_id: int, settlement: Settlement, intent: Intent | None
    ) -> Held | None:
        """Books what an attempt has spent of its budgets; returns what they held for it."""
        if intent is None:
            # An earlier process wrote the intent, and it was booked as doubt since.
            held = budgets.correction(self._ledger, entry_id)
            if held is not None:
                batch.corrections.append((held, booked_nano(held, settlement)))
            return held
        if intent.held is not None:
            nano = booked_nano(intent.held, settlement)
            for name in intent.held.budgets:
                spender = (intent.held.holder, *name)
                batch.spent[spender] = batch.spent.get(spender, 0) + nano
        return intent.held

    def _accept(self, batch: "_Batch", accepted: Accepted, wall: float) -> None:
        answer_id = next(self._answer_ids)
        batch.accepted.append(rows.accepted_row(answer_id, accepted, wall=wall))
        batch.answers.append(
            self._content.sealed_answer(answer_id, wall, accepted.work_key, accepted.answer)
        )

    def _book_hours(self, batch: "_Batch", intent: Intent, settlement: Settlement) -> None:
        nano = self._hourly.get(settlement.cost.snapshot)
        if nano is None:
            return
        for hour in rows.hours_held(intent.started_at, settlement.latency_s):
            if (intent.deployment, hour) not in self._booked:
                batch.capacity.append((intent.deployment, hour, nano))

    def _put_content(self, batch: "_Batch") -> None:
        connection = self._content.connection
        connection.executemany(PUT_EXCHANGES, batch.exchanges)
        connection.executemany(PUT_ANSWERS, batch.answers)
        connection.executemany(PUT_REVIEWS, batch.review_bodies)

    def _put_rows(self, batch: "_Batch") -> None:
        ledger = self._ledger
        for statement, others in batch.others:
            ledger.executemany(statement, others)
        self._put_entries(batch)
        for statement, values in (
            (rows.ACCEPT, batch.accepted),
            (rows.QUEUE_REVIEW, batch.reviews),
            (BOOK_CAPACITY, batch.capacity),
            (KEEP_CHANGES, [msgspec.structs.astuple(change) for change in batch.changes]),
        ):
            if values:
                ledger.executemany(statement, values)
        # What turned out to cost less comes back before what was made of it is spent.
        budgets.correct(ledger, batch.corrections)
        budgets.spend(ledger, batch.spent)

    def _put_entries(self, batch: "_Batch") -> None:
        ledger = self._ledger
        ledger.executemany(rows.INSERT_INTENTS, batch.intents)
        ledger.executemany(rows.MARK_SENT, batch.sent)
        if batch.ended_again:
            self._take_away(batch.ended_again)
        ledger.executemany(rows.SETTLE, batch.settlements)
        if batch.ended_again:
            again = summands.of_entries(ledger, batch.ended_again)
            batch.ended.update((summand.id, summand) for summand in again)
        self._unsummed.note(batch.ended)

    def _take_away(self, entries: Iterable[int]) -> None:
        """Entries that have ended, and are about to end otherwise, leave the sums."""
        self._unsummed.book()
        was = summands.of_entries(self._ledger, entries)
        sums.book(self._ledger, [s for s in was if s.ended], times=-1)


def _last_answer(content: sqlite3.Connection) -> int:
    return max(0, int(content.execute(_LAST_ANSWER).fetchone()[0]))


class _Batch:
    def __init__(self) -> None:
        self.intents: list[Row] = []
        self.sent: list[Row] = []
        self.settlements: list[Row] = []
        self.settled: set[int] = set()
        self.ended: dict[int, Summand] = {}
        self.ended_again: set[int] = set()
        self.spent: dict[tuple[str, str, str], int] = {}
        self.corrections: list[tuple[Held, int]] = []
        self.accepted: list[Row] = []
        self.reviews: list[Row] = []
        self.capacity: list[tuple[str, int, int]] = []
        self.changes: list[ChangeRecord] = []
        self.others: list[tuple[str, list[Row]]] = []
        self.exchanges: list[Row] = []
        self.answers: list[Row] = []
        self.review_bodies: list[Row] = []

    def add_rows(self, statement: str, more: Iterable[Row]) -> None:
        """Neighbours of one kind become one call; the order of different kinds is kept."""
        if not self.others or self.others[-1][0] is not statement:
            self.others.append((statement, []))
        self.others[-1][1].extend(more)

    @property
    def holds_content(self) -> bool:
        return bool(self.exchanges or self.answers or self.review_bodies)
