"""What the supervisor tells of itself: who serves, and how far the ledger is behind the spools."""

import time

import msgspec

from aihandler.domain.usage import NANO
from aihandler.gateway.board import BoardKeeper
from aihandler.gateway.figures import settle_gauges
from aihandler.gateway.lives import Worker
from aihandler.gateway.metrics import DEATHS, FOLDED, LAG, SPOOL_FILL, SPOOL_WAITING, WORKERS
from aihandler.gateway.tally import Tallies
from aihandler.ledger.spool import USUAL_BYTES


class Housekeeping:
    """Counts into the supervisor's region, and puts right those of workers that are gone."""

    def __init__(self, tallies: Tallies, board: BoardKeeper) -> None:
        self._tallies = tallies
        self._board = board
        self._tally = tally = tallies.of(-1)
        self._cells = tally.cells
        self._folded, self._deaths = tally.place((FOLDED.name,)), tally.place((DEATHS.name,))
        self._workers, self._lag = tally.place((WORKERS.name,)), tally.place((LAG.name,))
        self._waiting = tally.place((SPOOL_WAITING.name,))
        self._fill = tally.place((SPOOL_FILL.name,))
        self._marks: dict[Worker, _Mark] = {}
        self._cells[self._lag] = int(time.monotonic() * NANO)

    def took(self, records: int) -> int:
        """So many records were taken into the ledger; says how many."""
        self._cells[self._folded] += records
        return records

    def look(self, workers: list[Worker], *, began: float) -> None:
        """A turn of folding that began then is over: how much these have that waits."""
        waiting = fill = 0
        marks = {}
        for worker in workers:
            spool = worker.folding.spool
            mark = self._marks.get(worker) or _Mark(0, began, began)
            left = spool.appended - spool.taken
            waiting += left
            fill = max(fill, left * SPOOL_FILL.per // USUAL_BYTES)
            if spool.taken >= mark.position:
                mark = _Mark(spool.taken + left, time.monotonic(), mark.at)
            marks[worker] = mark
        self._marks = marks
        cells = self._cells
        cells[self._waiting], cells[self._fill] = waiting, fill
        serving = [worker for worker in workers if worker.is_ready and not worker.is_retired]
        cells[self._workers] = len(serving)
        # The moment up to which all is in the ledger; who reads it knows the time.
        reached = min((mark.reached_at for mark in marks.values()), default=began)
        cells[self._lag] = int(reached * NANO)

    def died(self, slot: int) -> None:
        """Sets free what a dead worker held; what it had under way is under way no more."""
        self._board.clear(slot)
        settle_gauges(self._tallies.of(slot))

    def lost(self) -> None:
        """A worker ended that nobody had told to."""
        self._cells[self._deaths] += 1


class _Mark(msgspec.Struct, frozen=True):
    """How far a spool was written at a moment, and up to which earlier one all of it is folded."""

    position: int
    at: float
    reached_at: float
