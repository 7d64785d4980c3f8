"""The two sides of a ledger that several processes fill: workers that spool, one that folds."""

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from aihandler.domain.ports import Clock, Journal
from aihandler.ledger.batch import Batches, Hourly, Operation, Rows
from aihandler.ledger.folding import Folding
from aihandler.ledger.journal import KEEP_PRICE
from aihandler.ledger.ledger import Archive, next_id, recovered
from aihandler.ledger.prices import Prices, hourly_nano
from aihandler.ledger.spool import make_spool, read_spool, write_spool
from aihandler.ledger.spool_journal import SpoolJournal

_json = msgspec.json.Encoder()
# Workers number their entries apart from each other: each life of one has this many.
IDS_OF_ONE_LIFE = 1 << 32


class SpooledLedger(Archive):
    """A ledger as a worker has it: its queries, and a journal that goes through the spool."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        encryption_key: bytes | None,
        spool: Path,
        first_id: int,
        taken_from: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(path, clock=clock, encryption_key=encryption_key)
        self._spool = write_spool(spool)
        # A worker may put one around it that counts.
        self.journal: Journal = SpoolJournal(
            self._spool, first_id=first_id, clock=clock, taken_from=taken_from
        )

    @property
    def holder(self) -> str:
        """Who leases of budgets: this life of the worker; its spool's end is the leases' end."""
        return self._spool.path.name

    def close(self) -> None:
        """Says that no more will come, and closes the files."""
        if not self._spool.closed:
            self._spool.end()
        super().close()


class FoldedLedger:
    """A ledger as the supervisor has it: the only process that writes entries.

    Raises StorageError when another process holds it.
    """

    def __init__(
        self, path: Path, *, clock: Clock, encryption_key: bytes | None, keep_content: bool
    ) -> None:
        self.path = path
        self._clock = clock
        with contextlib.ExitStack() as opened:
            self._ledger, content, self.recovery = recovered(
                opened, path, encryption_key, clock.wall()
            )
            self._batches = Batches(self._ledger, content, keep_content=keep_content)
            self._first_id = next_id(self._ledger, content.connection)
            self._opened = opened.pop_all()

    @property
    def connection(self) -> sqlite3.Connection:
        """For what else the supervisor writes, between two folds."""
        return self._ledger

    def keep_prices(self, prices: Prices) -> None:
        """Keeps the prices that costs will refer to."""
        snapshots = prices.snapshots()
        rows = [(name, _json.encode(body).decode()) for name, body in snapshots.items()]
        hours = (Hourly(name, nano) for name, s in snapshots.items() if (nano := hourly_nano(s)))
        operations: list[Operation] = [*hours, Rows(KEEP_PRICE, rows)]
        self._batches.write(operations, (), wall=self._clock.wall())

    def new_spool(self, path: Path, *, size: int) -> tuple[Folding, int]:
        """A spool for one life of a worker, and the first id of its entries."""
        make_spool(path, size=size)
        self._first_id = (self._first_id // IDS_OF_ONE_LIFE + 1) * IDS_OF_ONE_LIFE
        return self.folding(path), self._first_id

    def folding(self, path: Path) -> Folding:
        """Takes from a spool that is there."""
        return Folding(
            read_spool(path), ledger=self._ledger, batches=self._batches, wall=self._clock.wall
        )

    def fold_left_over(self, folder: Path) -> Mapping[str, int]:
        """Folds and removes the spools of workers that an earlier supervisor left behind. Returns
        how many attempts of each are in doubt."""
        doubtful: dict[str, int] = {}
        for path in sorted(folder.glob("*.spool")):
            folding = self.folding(path)
            with folding.spool:
                while folding.fold():
                    pass
                doubtful[path.name] = folding.bury()
            path.unlink()
        return doubtful

    def close(self) -> None:
        """Closes the files and lets others write."""
        self._opened.close()
