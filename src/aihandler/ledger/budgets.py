"""Budgets in the store: leases are granted by one conditional update, and spent by settlements.

What processes have leased and not spent stands in `leased_nano`; a settlement moves it to
`spent_nano` in the transaction that writes the entry. So the sum only grows by leases, and each of
those is one UPDATE that changes nothing where the limit would be passed.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from aihandler.domain.budget import BudgetState, Held, per_of, period_at
from aihandler.ledger.allotment import Grant, Wish, granted
from aihandler.ledger.store import open_beside, storage_errors, transaction

_MAKE = """
INSERT INTO budget (scope, period, limit_nano) VALUES (?, ?, ?)
ON CONFLICT (scope, period) DO UPDATE SET limit_nano = excluded.limit_nano
WHERE limit_nano <> excluded.limit_nano
"""
_STANDS = "SELECT spent_nano, leased_nano FROM budget WHERE scope = ? AND period = ?"
_LEASE = """
UPDATE budget SET leased_nano = leased_nano + :nano
WHERE scope = :scope AND period = :period AND spent_nano + leased_nano + :nano <= limit_nano
"""
_NOTE_LEASE = """
INSERT INTO lease (holder, scope, period, granted_nano) VALUES (?, ?, ?, ?)
ON CONFLICT (holder, scope, period)
DO UPDATE SET granted_nano = granted_nano + excluded.granted_nano
"""
_LESSEN = """
UPDATE lease SET granted_nano = granted_nano - ? WHERE holder = ? AND scope = ? AND period = ?
"""
_UNLEASE = "UPDATE budget SET leased_nano = leased_nano - ? WHERE scope = ? AND period = ?"
# Of a settlement: out of the lease as far as that goes, and spent in any case.
SPEND = """
UPDATE budget SET
    spent_nano = spent_nano + :nano,
    leased_nano = leased_nano - min(:nano, coalesce((
        SELECT granted_nano - used_nano FROM lease
        WHERE holder = :holder AND lease.scope = :scope AND lease.period = :period), 0))
WHERE scope = :scope AND period = :period
"""
USE_LEASE = """
UPDATE lease SET used_nano = min(granted_nano, used_nano + :nano)
WHERE holder = :holder AND scope = :scope AND period = :period
"""
# Of a settlement that comes after its attempt was booked as doubt.
_CORRECT = """
UPDATE budget SET spent_nano = max(0, spent_nano + ?) WHERE scope = ? AND period = ?
"""
# Of a holder that is no more.
RETURN_LEASES = """
UPDATE budget SET leased_nano = leased_nano - (
    SELECT granted_nano - used_nano FROM lease
    WHERE holder = ? AND lease.scope = budget.scope AND lease.period = budget.period)
WHERE EXISTS (SELECT 1 FROM lease
    WHERE holder = ? AND lease.scope = budget.scope AND lease.period = budget.period)
"""
FORGET_LEASES = "DELETE FROM lease WHERE holder = ?"
_ALL_STATES = "SELECT scope, period, limit_nano, spent_nano, leased_nano FROM budget"
_OPEN = "SELECT held FROM entry WHERE state IN ('intent', 'sent') AND held <> ''"
_BOOKED = "SELECT state, held FROM entry WHERE id = ?"

_held = msgspec.json.Decoder(Held)
_encode = msgspec.json.Encoder().encode

# What each holder has spent of each budget: holder, scope, period.
Spent = Mapping[tuple[str, str, str], int]


class LeaseStore:
    """The ledger's file as a process has it that leases. Each call is one short transaction."""

    def __init__(self, path: Path, holder: str) -> None:
        self.holder = holder
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def ask(self, wishes: Sequence[Wish]) -> list[Grant]:
        """Grants what the limits hold. Raises StorageError; then nothing was granted."""
        with storage_errors(self._path):
            connection = self._opened()
            with transaction(connection):
                return [_asked(connection, wish, self.holder) for wish in wishes]

    def close(self) -> None:
        """Closes the file; what is leased stays so until the holder is buried."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_beside(self._path, "ledger")
            # A lease need not outlive the machine: its holder does not either. So none waits for
            # the disk; the commit of an entry, which must, takes along what was leased before it.
            self._connection.execute("PRAGMA synchronous = NORMAL")
        return self._connection


def held_text(held: Held | None) -> str:
    """What the entry keeps."""
    return "" if held is None else _encode(held).decode()


def spend(ledger: sqlite3.Connection, spent: Spent) -> None:
    """Books what was spent; within the transaction that writes the entries."""
    rows = [
        {"holder": holder, "scope": scope, "period": period, "nano": nano}
        for (holder, scope, period), nano in spent.items()
        if nano
    ]
    if rows:
        ledger.executemany(SPEND, rows)
        ledger.executemany(USE_LEASE, rows)


def correction(ledger: sqlite3.Connection, entry_id: int) -> Held | None:
    """What is booked as spent for an attempt in doubt whose end has come after all."""
    row = ledger.execute(_BOOKED, (entry_id,)).fetchone()
    if row is None or row[0] != "in_doubt" or not row[1]:
        return None
    return _held.decode(row[1])


def correct(ledger: sqlite3.Connection, corrections: Iterable[tuple[Held, int]]) -> None:
    """Puts what was booked as doubt right: the second of each pair is what it cost."""
    for held, nano in corrections:
        for scope, period in held.budgets:
            ledger.execute(_CORRECT, (nano - held.nano, scope, period))


def recover_budgets(ledger: sqlite3.Connection) -> None:
    """Spends what open entries held, and takes back every lease: no holder is alive.

    Within the transaction that books the doubt, and before it. No statement of it leaves a sum
    above its limit: what open entries held is part of what was leased.
    """
    ledger.execute("UPDATE budget SET leased_nano = 0 WHERE leased_nano > 0")
    ledger.execute("DELETE FROM lease")
    for (text,) in ledger.execute(_OPEN).fetchall():
        held = _held.decode(text)
        for scope, period in held.budgets:
            ledger.execute(_CORRECT, (held.nano, scope, period))


def states(ledger: sqlite3.Connection, wall: float) -> list[BudgetState]:
    """All budgets of the present periods."""
    return list(_states(ledger, wall))


def _states(ledger: sqlite3.Connection, wall: float) -> Iterator[BudgetState]:
    for scope, name, limit, spent, leased in ledger.execute(_ALL_STATES):
        per = per_of(name)
        period = period_at(per, wall)
        if period.name == name:
            yield BudgetState(scope, per, name, limit, spent, leased, ends_at=period.ends_at)


def _asked(connection: sqlite3.Connection, wish: Wish, holder: str) -> Grant:
    name = (wish.scope, wish.period)
    connection.execute(_MAKE, (*name, wish.limit_nano))
    if wish.back:
        connection.execute(_UNLEASE, (wish.back, *name))
        connection.execute(_LESSEN, (wish.back, holder, *name))
    spent, leased = connection.execute(_STANDS, name).fetchone()
    grant = granted(wish, spent_nano=spent, leased_nano=leased)
    if wish.back or not grant.nano:
        return Grant(0, spent, leased)
    named = {"nano": grant.nano, "scope": wish.scope, "period": wish.period}
    if not connection.execute(_LEASE, named).rowcount:
        return Grant(0, spent, leased)
    connection.execute(_NOTE_LEASE, (holder, *name, grant.nano))
    return grant
