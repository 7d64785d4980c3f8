"""The workers of a gateway: started, folded, replaced when they die, and told to end."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from aihandler.errors import StorageError
from aihandler.gateway.housekeeping import Housekeeping
from aihandler.gateway.lives import START_WITHIN_S, Worker, begin
from aihandler.gateway.orders import Orders
from aihandler.gateway.snapshots import snapshot_path
from aihandler.ledger import FoldedLedger
from aihandler.ledger.spool import USUAL_BYTES

_log = logging.getLogger(__name__)
# A worker that dies at once each time is not started more often than this.
_RESTART_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_STABLE_S = 30.0
# A full disk, a lock that somebody holds, a damaged page: records wait in the spools meanwhile.
NOT_WRITTEN = (StorageError, sqlite3.Error, OSError, msgspec.DecodeError)
_COMPLAIN_EVERY_S = 5.0


class Complaints:
    """Tells of a ledger that cannot be written. Every turn finds it anew; the log need not."""

    def __init__(self) -> None:
        self._at = float("-inf")

    def note(self, error: Exception) -> None:
        """Says it, unless that was said a moment ago."""
        if time.monotonic() - self._at >= _COMPLAIN_EVERY_S:
            self._at = time.monotonic()
            _log.error("the ledger cannot be written: %s", error)


class Workers:
    """All lives under one supervisor. Nothing here waits for one of them.

    `digest` is the configuration in force, by which whoever takes the place of a dead one serves.
    """

    digest: str

    def __init__(
        self,
        ledger: FoldedLedger,
        spools: Path,
        *,
        orders: Orders,
        slots: int,
        complaints: Complaints,
        housekeeping: Housekeeping,
    ) -> None:
        self.stopping = False
        self._ledger = ledger
        self._spools = spools
        self._orders = orders
        self._slots = slots
        self._complaints = complaints
        self._housekeeping = housekeeping
        self._alive: dict[int, Worker] = {}
        self._deaths: dict[int, int] = {}
        self._due: dict[int, float] = {}
        self._lives = 0

    def __bool__(self) -> bool:
        return bool(self._alive or self._due)

    @property
    def are_ready(self) -> bool:
        """Whether every worker takes requests."""
        alive = self._alive.values()
        return bool(alive) and not self._due and all(worker.is_ready for worker in alive)

    def free_slots(self) -> list[int]:
        """The slots that nobody has, and that wait for nobody."""
        taken = {*self._alive, *self._due}
        return [slot for slot in range(self._slots) if slot not in taken]

    def start(self, slot: int, digest: str, *, stays: bool = True) -> Worker:
        """Starts a worker; that it takes requests is seen in a later turn.

        Raises what is in NOT_WRITTEN: there may be no room for its spool.
        """
        self._lives += 1
        path = self._spools / f"worker-{slot}-{os.getpid()}-{self._lives}.spool"
        folding, first_id = self._ledger.new_spool(path, size=USUAL_BYTES)
        orders = msgspec.structs.replace(
            self._orders,
            configuration=str(snapshot_path(self._spools, digest)),
            spool=str(path),
            first_id=first_id,
            slot=slot,
        )
        try:
            worker = self._alive[slot] = begin(folding, orders)
        except OSError:
            # Nobody will write it, and each new try would leave another one.
            folding.spool.close()
            path.unlink()
            raise
        worker.stays = stays
        if self.stopping:
            # Told to stop in this very moment, when there was nobody yet to tell.
            worker.process.terminate()
        return worker

    def fold(self) -> int:
        """Takes what they wrote into the ledger; how many records."""
        began, alive = time.monotonic(), list(self._alive.values())
        records = sum(self._fold(worker) for worker in alive)
        self._housekeeping.look(alive, began=began)
        return records

    def watch(self) -> None:
        """Hears who is ready, buries who is dead, starts who is due."""
        for worker in tuple(self._alive.values()):
            worker.listen()
            if worker.is_dead:
                self._bury(worker)
            elif worker.is_late:
                _log.error("worker %d takes no requests after %d s", worker.slot, START_WITHIN_S)
                worker.process.kill()
        for slot, due in tuple(self._due.items()):
            if due <= time.monotonic():
                del self._due[slot]
                self._start_again(slot)

    def replace_by(self, chosen: Iterable[Worker], digest: str) -> None:
        """These serve from now on; all others finish what is under way."""
        chosen = list(chosen)
        self._due.clear()
        self.retire(worker for worker in tuple(self._alive.values()) if worker not in chosen)
        for worker in chosen:
            worker.stays = True
        self.digest = digest

    def retire(self, workers: Iterable[Worker]) -> None:
        """Has these finish what is under way, and nobody take their places."""
        for worker in workers:
            worker.retire()

    def make_room(self, wanted: int) -> None:
        """Has those that retired first end within the drain, until so many slots become free."""
        retired = sorted((w for w in self._alive.values() if w.is_retired), key=lambda w: w.began)
        for worker in retired[: wanted - len(self.free_slots())]:
            worker.process.terminate()

    def stop(self) -> None:
        """Has all of them finish what is under way; nobody is started any more."""
        self.stopping = True
        self._due.clear()
        for worker in tuple(self._alive.values()):
            worker.process.terminate()

    def _fold(self, worker: Worker) -> int:
        try:
            return self._housekeeping.took(worker.folding.fold())
        except NOT_WRITTEN as error:
            self._complaints.note(error)
            return 0

    def _start_again(self, slot: int) -> None:
        try:
            self.start(slot, self.digest)
        except NOT_WRITTEN as error:
            self._complaints.note(error)
            self._due[slot] = time.monotonic() + _COMPLAIN_EVERY_S

    def _bury(self, worker: Worker) -> None:
        """Folds what a dead worker left, books its doubt, and has its slot filled again."""
        worker.close()
        # At once, whatever becomes of its spool: nobody else may wait for what it held.
        self._housekeeping.died(worker.slot)
        try:
            while self._housekeeping.took(worker.folding.fold()):
                pass
            doubtful = worker.folding.bury()
        except NOT_WRITTEN as error:
            # Tried again each turn; at the end what it left stays for the next gateway.
            self._complaints.note(error)
            if self.stopping:
                del self._alive[worker.slot]
            return
        worker.folding.spool.close()
        worker.folding.spool.path.unlink()
        del self._alive[worker.slot]
        if worker.stays and not self.stopping:
            self._fill(worker, doubtful)

    def _fill(self, dead: Worker, doubtful: int) -> None:
        self._housekeeping.lost()
        lived_s = time.monotonic() - dead.began
        deaths = 0 if lived_s > _STABLE_S else self._deaths.get(dead.slot, 0) + 1
        self._deaths[dead.slot] = deaths
        pause_s = _RESTART_S[min(deaths, len(_RESTART_S) - 1)]
        self._due[dead.slot] = time.monotonic() + pause_s
        _log.error(
            "worker %d ended (%s), %d attempts are in doubt; the next starts in %.1f s",
            dead.slot,
            dead.process.returncode,
            doubtful,
            pause_s,
        )
