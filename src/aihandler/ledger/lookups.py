"""Lookups by key that stay cheap while a run writes.

Of most keys it is known that they are new (`Seen`), and the file is not asked. Of the others:
each commit makes a read that begins after it look at the file anew, which costs more than the
read. So many lookups share one view of the file, and what was written since then is remembered
here until the view is renewed. A view is given up soon: as long as one is open, the write-ahead
file cannot be emptied.
"""

import sqlite3

import msgspec

from aihandler.domain.answer import Reply
from aihandler.domain.ports import Accepted, Clock, Settlement
from aihandler.ledger.content import Content
from aihandler.ledger.rows import REUSABLE, WHOLE
from aihandler.ledger.seen import Seen

_VIEW_S = 0.25
_REUSABLE = "SELECT id FROM entry WHERE key = ? AND reusable = 1 ORDER BY id DESC LIMIT 1"
_DONE = "SELECT id, version, run_id, document_id, step FROM work WHERE key = ?"

_decode_reply = msgspec.json.Decoder(Reply).decode


class Lookups:
    """Finds replies and answers by key. Has a connection of its own."""

    def __init__(
        self, reader: sqlite3.Connection, *, content: Content, clock: Clock, keep_replies: bool
    ) -> None:
        self._reader = reader
        self._keep_replies = keep_replies
        self._content = content
        self._clock = clock
        self._until = float("-inf")
        self._seen = Seen(reader)
        # Two generations: what was queued just before a renewal may not be in the new view yet.
        self._work: tuple[dict[bytes, Accepted], dict[bytes, Accepted]] = ({}, {})
        self._replies: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
        self._keys: dict[int, bytes] = {}

    def begun(self, entry_id: int, key: bytes) -> None:
        """Remembers the key of an attempt until it has ended."""
        self._keys[entry_id] = key

    def ended(self, entry_id: int, settlement: Settlement) -> None:
        """Remembers a reply that may be used again."""
        self._renew_in_time()
        key = self._keys.pop(entry_id, b"")
        if not self._keep_replies:
            return
        if key and settlement.reply and settlement.outcome in REUSABLE:
            self._seen.add(key)
            self._replies[0][key] = settlement.reply

    def accepted(self, accepted: Accepted) -> None:
        """Remembers an answer."""
        self._renew_in_time()
        self._seen.add(accepted.work_key)
        self._work[0][accepted.work_key] = accepted

    def forget(self) -> None:
        """Looks at the file anew: something was removed from it."""
        self._until = float("-inf")
        self._work, self._replies = ({}, {}), ({}, {})

    def finished(self, key: bytes) -> Reply | None:
        """The whole reply of an earlier settled attempt of the same key."""
        if self._is_new(key):
            return None
        recent = self._replies[0].get(key) or self._replies[1].get(key)
        if recent is not None:
            reply = _decode_reply(recent)
            return reply if reply.finish in WHOLE else None
        row = self._execute(_REUSABLE, key)
        if row is None:
            return None
        kept = self._content.exchange(row[0]).reply
        return _decode_reply(kept) if kept else None

    def done(self, work_key: bytes) -> Accepted | None:
        """The accepted answer of this work, if there is one and it was not forgotten."""
        if self._is_new(work_key):
            return None
        recent = self._work[0].get(work_key) or self._work[1].get(work_key)
        if recent is not None:
            return recent
        row = self._execute(_DONE, work_key)
        answer = self._content.answer(row[0], work_key) if row is not None else None
        if row is None or answer is None:
            return None
        _, version, run_id, document_id, step = row
        return Accepted(work_key, version, answer, run_id, document_id, step)

    def _is_new(self, key: bytes) -> bool:
        self._renew_in_time()
        return self._seen.lacks(key)

    def _renew_in_time(self) -> None:
        # Also by those who only write: what is remembered would otherwise never be let go.
        if self._clock.monotonic() >= self._until:
            self._renew()

    def _execute(self, statement: str, key: bytes) -> tuple | None:  # type: ignore[type-arg]  # a row of either statement
        if not self._reader.in_transaction:
            self._reader.execute("BEGIN")
        row: tuple | None = self._reader.execute(statement, (key,)).fetchone()  # type: ignore[type-arg]  # as above
        return row

    def _renew(self) -> None:
        if self._reader.in_transaction:
            self._reader.execute("COMMIT")
        self._until = self._clock.monotonic() + _VIEW_S
        self._work = ({}, self._work[0])
        self._replies = ({}, self._replies[0])
        self._seen.look_again()
