"""The journal of a gateway worker: what it writes survives the worker, and waits for no disk."""

import itertools
from collections.abc import Callable

import msgspec

from aihandler.domain.answer import Reply
from aihandler.domain.clearance import Clearance
from aihandler.domain.kept import CacheHit
from aihandler.domain.ports import Accepted, Clock, Intent, ReviewItem, Settlement
from aihandler.ledger.spool import SpoolWriter
from aihandler.ledger.spool_records import (
    Began,
    Cleared,
    Done,
    Queued,
    Record,
    Sent,
    Settled,
    Told,
    pack,
)
from aihandler.ledger.spool_waiting import Waiting

# Texts beyond this are not kept: a few would fill the spool of all others.
MAX_TEXT_BYTES = 4 * 1024 * 1024
ROOM_FOR_ENDS = 12 * 1024 * 1024


class SpoolJournal:
    """Implements `domain.ports.Journal` over a spool.

    Coroutines return when the record is in shared memory: it survives `kill -9` of this process,
    and the loss of the machine only once the supervisor has folded it, some 50 ms later. `synced`
    waits for that. `taken_from` says whether there is a supervisor.
    """

    def __init__(
        self,
        spool: SpoolWriter,
        *,
        first_id: int,
        clock: Clock,
        taken_from: Callable[[], bool] = lambda: True,
    ) -> None:
        self._spool = spool
        self._append = spool.append
        self._waiting = Waiting(spool, clock=clock, taken_from=taken_from)
        self._ids = itertools.count(first_id)
        self._clearances: set[str] = set()

    async def intend(self, intent: Intent) -> int:
        """Writes an intent, returns its entry id. Raises StorageError when nobody takes from the
        spool: then nothing may be sent."""
        entry_id = next(self._ids)
        if len(intent.request) > MAX_TEXT_BYTES:
            intent = msgspec.structs.replace(intent, request=b"")
        # Room for the ends of what has begun: an attempt that is made can always be booked.
        self._append(pack(Began(entry_id, intent)), leave=ROOM_FOR_ENDS)
        return entry_id

    def sent(self, entry_id: int) -> None:
        """Notes that bytes of this attempt have gone out."""
        self._append(pack(Sent(entry_id)))

    async def settle(self, entry_id: int, settlement: Settlement) -> None:
        """Writes how the attempt ended."""
        self.settle_with_next(entry_id, settlement)

    def settle_with_next(self, entry_id: int, settlement: Settlement) -> None:
        """The same: nothing here waits."""
        if len(settlement.reply) > MAX_TEXT_BYTES:
            settlement = msgspec.structs.replace(settlement, reply=b"")
        self._append(pack(Settled(entry_id, settlement)))

    async def accept(self, accepted: Accepted) -> None:
        """Writes that a piece of work is done."""
        self._write(Done(accepted))

    async def review(self, item: ReviewItem) -> None:
        """Queues a piece of work for a person."""
        self._write(Queued(item))

    async def hit(self, hit: CacheHit) -> None:
        """Writes that a call was answered from the cache."""
        self._write(Told(hit))

    def note_clearance(self, clearance: Clearance) -> None:
        """Keeps what a clearance allowed, once for each worker."""
        fingerprint = clearance.fingerprint
        if fingerprint not in self._clearances:
            self._clearances.add(fingerprint)
            names = tuple(sorted(clearance.allowed))
            self._write(Cleared(fingerprint, clearance.data_class.value, names))

    def finished(self, key: bytes) -> Reply | None:  # noqa: ARG002 - a Journal's shape
        """None: a worker keeps no past; requests of clients are asked each time."""
        return None

    def done(self, work_key: bytes) -> Accepted | None:  # noqa: ARG002 - a Journal's shape
        """None, for the same reason."""
        return None

    async def synced(self, *, until: float) -> None:
        """Returns once all that was written before is committed to the ledger, which is synced.

        Raises NotSynced: the supervisor is gone, or it is not by `until`.
        """
        await self._waiting.passed(self._spool.appended, until=until)

    def _write(self, record: Record) -> None:
        self._append(pack(record))
