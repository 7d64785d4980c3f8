"""Requests that a client may send again under one key: asked once, answered each time alike.

A file of its own beside the ledger: all workers write it, each in short transactions. Whoever
has a request has it for as long as he lives, and no clock is asked about that. When he died, the
ledger says whether his call was sent.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Clock
from aihandler.ledger.content import cipher
from aihandler.ledger.store import (
    open_beside,
    open_for_reading,
    open_for_writing,
    storage_errors,
    transaction,
)

__all__ = ["Claim", "Repeats", "SentReply", "make_repeats", "repeats_path"]

KEPT_S = 86_400.0
# What is under way has no age: its owner's clock may have jumped since.
_FIND = """
SELECT asked, owner, call_id, status, reply FROM repeat WHERE id = ? AND (at > ? OR status IS NULL)
"""
_TAKE = "INSERT OR REPLACE INTO repeat (id, asked, at, owner, call_id) VALUES (?, ?, ?, ?, ?)"
_DOUBT = "UPDATE repeat SET status = 0 WHERE id = ? AND owner = ? AND status IS NULL"
_KEEP = "UPDATE repeat SET status = ?, reply = ? WHERE id = ? AND owner = ? AND status IS NULL"
_LEAVE = "DELETE FROM repeat WHERE id = ? AND owner = ? AND status IS NULL"
_FORGET = "DELETE FROM repeat WHERE at <= ? AND status IS NOT NULL"
_FORGET_ALL_OLD = "DELETE FROM repeat WHERE at <= ?"
# An attempt that answered was paid, one in doubt may have been. What costs nothing (models of this
# process, machines paid by the hour) cannot be paid twice.
_PAID = """
SELECT 1 FROM entry WHERE call_id = ? AND (expected_nano IS NULL OR expected_nano > 0)
    AND (state IN ('sent', 'in_doubt') OR outcome IN ('valid', 'invalid', 'abstained', 'refused'))
LIMIT 1
"""
_IN_DOUBT = 0
_Row = tuple[bytes, str, str, int | None, bytes | None]
_encode = msgspec.msgpack.Encoder().encode


class SentReply(msgspec.Struct, frozen=True, array_like=True):
    """An answer as it was sent; `data_class` is that of its call in the end, where it is known."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    data_class: DataClass | None = None


class Claim(msgspec.Struct, frozen=True):
    """Whose a request is. `ours`: to be asked now; `theirs`: under way elsewhere; `answered`: with
    `reply`, unless answers are not kept; `other`: the key was used for another request; `doubt`:
    who had it died, and its call may have been paid. `call_id` is the call that asked first.
    """

    state: Literal["ours", "theirs", "answered", "other", "doubt"]
    reply: SentReply | None = None
    call_id: str = ""


_decode = msgspec.msgpack.Decoder(SentReply).decode


def repeats_path(ledger: Path) -> Path:
    """`ledger.sqlite` has them in `ledger.repeats.sqlite`."""
    return ledger.with_name(f"{ledger.stem}.repeats{ledger.suffix}")


def make_repeats(ledger: Path, *, wall: float) -> None:
    """Makes the file, or brings it up to date, and forgets what is too old."""
    with contextlib.closing(
        open_for_writing(repeats_path(ledger), "repeats", wall=wall)
    ) as connection:
        # Nobody has a request while no worker runs.
        connection.execute(_FORGET_ALL_OLD, (wall - KEPT_S,))


class Repeats:
    """One owner's (one life of a worker's) view of them. Raises StorageError.

    `lives` says of an owner whether his request may still come to an end, or what he did is not
    in the ledger yet.
    """

    def __init__(
        self,
        ledger: Path,
        *,
        clock: Clock,
        owner: str,
        lives: Callable[[str], bool],
        encryption_key: bytes | None,
    ) -> None:
        self._ledger = ledger
        self._lives = lives
        self._path = repeats_path(ledger)
        self._clock = clock
        self._owner = owner
        self._cipher = cipher(encryption_key)
        # Of several threads one at a time: a transaction belongs to the connection.
        self._one_at_a_time = threading.Lock()
        with storage_errors(self._path):
            # Kept open: the last one to close a file in this mode writes all of it anew.
            self._connection = open_beside(self._path, "repeats")
            # As with spools: the death of a process loses nothing, that of the machine the newest.
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def claim(self, request: bytes, asked: bytes, *, call_id: str) -> Claim:
        """Takes a request that nobody has, or whose owner died before he sent anything."""
        now = self._clock.wall()
        with self._open() as connection, transaction(connection):
            row = connection.execute(_FIND, (request, now - KEPT_S)).fetchone()
            if row is not None:
                claim = self._known(connection, request, asked, row)
                if claim is not None:
                    return claim
            connection.execute(_TAKE, (request, asked, now, self._owner, call_id))
            return Claim("ours", call_id=call_id)

    def _known(
        self, connection: sqlite3.Connection, request: bytes, asked: bytes, row: "_Row"
    ) -> Claim | None:
        known, owner, call_id, status, reply = row
        if known != asked:
            return Claim("other", call_id=call_id)
        if status is None and self._lives(owner):
            return Claim("theirs", call_id=call_id)
        if status is None and self._may_be_paid(call_id):
            connection.execute(_DOUBT, (request, owner))
            status = _IN_DOUBT
        if status is None:
            return None
        if status == _IN_DOUBT:
            return Claim("doubt", call_id=call_id)
        return Claim("answered", self._opened(request, reply), call_id)

    def _may_be_paid(self, call_id: str) -> bool:
        if not call_id:
            # From before calls were noted here.
            return False
        with contextlib.closing(open_for_reading(self._ledger, "ledger")) as ledger:
            return ledger.execute(_PAID, (call_id,)).fetchone() is not None

    def keep(self, request: bytes, status: int, reply: SentReply | None) -> None:
        """Keeps the answer for a day; without one that there was one."""
        sealed = None if reply is None else self._cipher.seal(_encode(reply), request)
        with self._open() as connection:
            connection.execute(_KEEP, (status, sealed, request, self._owner))

    def leave(self, request: bytes) -> None:
        """Gives a request back that has no answer: the next one asks anew."""
        with self._open() as connection:
            connection.execute(_LEAVE, (request, self._owner))

    def forget_old(self) -> None:
        """Forgets what is older than a day."""
        with self._open() as connection:
            connection.execute(_FORGET, (self._clock.wall() - KEPT_S,))

    def close(self) -> None:
        """Closes the file."""
        with self._one_at_a_time:
            self._connection.close()

    def _opened(self, request: bytes, reply: bytes | None) -> SentReply | None:
        return None if reply is None else _decode(self._cipher.open(reply, request))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with storage_errors(self._path), self._one_at_a_time:
            yield self._connection
