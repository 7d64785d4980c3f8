"""A `Journal` in memory."""

from collections.abc import Iterable

import msgspec

from aihandler.domain.answer import Reply
from aihandler.domain.clearance import Clearance
from aihandler.domain.kept import CacheHit
from aihandler.domain.ports import Accepted, Intent, ReviewItem, Settlement
from aihandler.errors import StorageError

_decode_reply = msgspec.json.Decoder(Reply).decode
# A reply that was cut or refused is no use to a later attempt.
_WHOLE = frozenset({"stop", "abstain"})


class JournalEntry:
    """One attempt: its intent, whether it was sent, how it ended."""

    def __init__(self, entry_id: int, intent: Intent) -> None:
        self.id = entry_id
        self.intent = intent
        self.sent = False
        self.settlement: Settlement | None = None


class MemoryJournal:
    """Keeps `entries`, `accepted` by work key, `reviews`, `hits`. `full` makes every write fail.

    `synced_after` says after what somebody waited for the disk: `intent`, `settlement`.
    """

    def __init__(self, entries: Iterable[JournalEntry] = ()) -> None:
        self.entries: list[JournalEntry] = list(entries)
        self.accepted: dict[bytes, Accepted] = {}
        self.reviews: list[ReviewItem] = []
        self.hits: list[CacheHit] = []
        self.clearances: dict[str, Clearance] = {}
        self.full = False
        self.synced_after: list[str] = []
        self._finished: dict[bytes, Reply] = {}

    def note_clearance(self, clearance: Clearance) -> None:
        """Keeps what a clearance allowed."""
        self.clearances[clearance.fingerprint] = clearance

    async def intend(self, intent: Intent) -> int:
        """Keeps an intent; ids count from 1."""
        self._check()
        entry = JournalEntry(len(self.entries) + 1, intent)
        self.entries.append(entry)
        return entry.id

    def sent(self, entry_id: int) -> None:
        """Marks an entry as sent."""
        self.entries[entry_id - 1].sent = True

    async def settle(self, entry_id: int, settlement: Settlement) -> None:
        """Keeps how an attempt ended."""
        self._check()
        self._keep(entry_id, settlement)

    def _keep(self, entry_id: int, settlement: Settlement) -> None:
        entry = self.entries[entry_id - 1]
        entry.settlement = settlement
        if settlement.reply:
            reply = _decode_reply(settlement.reply)
            if reply.finish in _WHOLE:
                self._finished[entry.intent.key] = reply

    def settle_with_next(self, entry_id: int, settlement: Settlement) -> None:
        """Keeps how an attempt ended."""
        self._keep(entry_id, settlement)

    async def synced(self, *, until: float) -> None:  # noqa: ARG002 - a Journal's shape
        """Notes that somebody waited for the disk."""
        self._check()
        ended = bool(self.entries) and self.entries[-1].settlement is not None
        self.synced_after.append("settlement" if ended else "intent")

    async def accept(self, accepted: Accepted) -> None:
        """Keeps an accepted answer."""
        self._check()
        self.accepted[accepted.work_key] = accepted

    async def review(self, item: ReviewItem) -> None:
        """Queues an item."""
        self._check()
        self.reviews.append(item)

    async def hit(self, hit: CacheHit) -> None:
        """Keeps that a call was answered from the cache."""
        self._check()
        self.hits.append(hit)

    def finished(self, key: bytes) -> Reply | None:
        """The whole reply of an earlier attempt of this key."""
        return self._finished.get(key)

    def done(self, work_key: bytes) -> Accepted | None:
        """The accepted answer of this work."""
        return self.accepted.get(work_key)

    def _check(self) -> None:
        if self.full:
            raise StorageError(
                "the journal cannot be written: no space left", hint="free some space"
            )
