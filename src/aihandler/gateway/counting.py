"""A worker's journal that counts attempts as it writes their ends, so figures and ledger agree."""

from collections.abc import Coroutine
from typing import Any

from aihandler.domain.answer import Reply
from aihandler.domain.clearance import Clearance
from aihandler.domain.kept import CacheHit
from aihandler.domain.ports import Accepted, Intent, Journal, ReviewItem, Settlement
from aihandler.gateway.figures import Figures


class Counting:
    """Implements `domain.ports.Journal` over another one."""

    def __init__(self, journal: Journal, figures: Figures) -> None:
        self._journal = journal
        self._figures = figures
        self._begun: dict[int, tuple[str, str, str]] = {}

    async def intend(self, intent: Intent) -> int:
        """As the journal does."""
        entry_id = await self._journal.intend(intent)
        # Not the intent, which holds the texts.
        self._begun[entry_id] = (intent.task, intent.deployment, intent.reason)
        return entry_id

    def sent(self, entry_id: int) -> None:
        """As the journal does."""
        self._journal.sent(entry_id)

    def settle(self, entry_id: int, settlement: Settlement) -> Coroutine[Any, Any, None]:
        """Writes how the attempt ended, and counts it."""
        self._count(entry_id, settlement)
        return self._journal.settle(entry_id, settlement)

    def settle_with_next(self, entry_id: int, settlement: Settlement) -> None:
        """The same."""
        self._count(entry_id, settlement)
        self._journal.settle_with_next(entry_id, settlement)

    async def synced(self, *, until: float) -> None:
        """As the journal does."""
        await self._journal.synced(until=until)

    async def accept(self, accepted: Accepted) -> None:
        """As the journal does."""
        await self._journal.accept(accepted)

    async def hit(self, hit: CacheHit) -> None:
        """As the journal does."""
        await self._journal.hit(hit)

    async def review(self, item: ReviewItem) -> None:
        """As the journal does."""
        await self._journal.review(item)

    def note_clearance(self, clearance: Clearance) -> None:
        """As the journal does."""
        self._journal.note_clearance(clearance)

    def finished(self, key: bytes) -> Reply | None:
        """As the journal does."""
        return self._journal.finished(key)

    def done(self, work_key: bytes) -> Accepted | None:
        """As the journal does."""
        return self._journal.done(work_key)

    def _count(self, entry_id: int, settlement: Settlement) -> None:
        begun = self._begun.pop(entry_id, None)
        if begun is not None:
            task, deployment, reason = begun
            self._figures.attempted(task, deployment, reason=reason, ended=settlement)
