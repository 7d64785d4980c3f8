"""Requests that a client may send again under one key: asked once, answered each time alike.

A file of its own beside the ledger: all workers write it, each in short transactions.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from aihandler.domain.ports import Clock
from aihandler.ledger.content import cipher
from aihandler.ledger.store import open_beside, open_for_writing, storage_errors, transaction

__all__ = ["Claim", "Repeats", "SentReply", "make_repeats", "repeats_path"]

KEPT_S = 86_400.0
# A worker that dies gives its requests back after this long; one that lives says so in between.
LEASE_S = 10.0
_FIND = "SELECT asked, until, status, reply FROM repeat WHERE id = ? AND at > ?"
_TAKE = "INSERT OR REPLACE INTO repeat (id, asked, at, owner, until) VALUES (?, ?, ?, ?, ?)"
_HOLD = "UPDATE repeat SET until = ? WHERE id = ? AND owner = ? AND status IS NULL"
_KEEP = "UPDATE repeat SET status = ?, reply = ? WHERE id = ? AND owner = ? AND status IS NULL"
_LEAVE = "DELETE FROM repeat WHERE id = ? AND owner = ? AND status IS NULL"
_FORGET = "DELETE FROM repeat WHERE at <= ?"
_encode = msgspec.msgpack.Encoder().encode


class SentReply(msgspec.Struct, frozen=True, array_like=True):
    """An answer as it was sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Claim(msgspec.Struct, frozen=True):
    """Whose a request is. `ours`: to be asked now; `theirs`: under way elsewhere; `answered`: with
    `reply`, unless answers are not kept; `other`: the key was used for another request.
    """

    state: Literal["ours", "theirs", "answered", "other"]
    reply: SentReply | None = None


_decode = msgspec.msgpack.Decoder(SentReply).decode


def repeats_path(ledger: Path) -> Path:
    """`ledger.sqlite` has them in `ledger.repeats.sqlite`."""
    return ledger.with_name(f"{ledger.stem}.repeats{ledger.suffix}")


def make_repeats(ledger: Path, *, wall: float) -> None:
    """Makes the file, or brings it up to date, and forgets what is too old."""
    with contextlib.closing(
        open_for_writing(repeats_path(ledger), "repeats", wall=wall)
    ) as connection:
        connection.execute(_FORGET, (wall - KEPT_S,))


class Repeats:
    """One owner's (one life of a worker's) view of them. Raises StorageError."""

    def __init__(
        self, ledger: Path, *, clock: Clock, owner: str, encryption_key: bytes | None
    ) -> None:
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

    def claim(self, request: bytes, asked: bytes) -> Claim:
        """Takes a request that nobody has, or whose owner has not been heard of in time."""
        now = self._clock.wall()
        with self._open() as connection, transaction(connection):
            row = connection.execute(_FIND, (request, now - KEPT_S)).fetchone()
            if row is not None:
                known, until, status, reply = row
                if known != asked:
                    return Claim("other")
                if status is not None:
                    return Claim("answered", self._opened(request, reply))
                if until > now:
                    return Claim("theirs")
            connection.execute(_TAKE, (request, asked, now, self._owner, now + LEASE_S))
            return Claim("ours")

    def hold(self, request: bytes) -> None:
        """Says that it is still under way."""
        with self._open() as connection:
            connection.execute(_HOLD, (self._clock.wall() + LEASE_S, request, self._owner))

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
