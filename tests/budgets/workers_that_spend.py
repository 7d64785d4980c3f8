"""Workers that spend of one budget, each a process, before a supervisor that folds."""

import asyncio
import multiprocessing
from pathlib import Path

from aihandler.domain.budget import Budget, booked_nano
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Intent, Settlement
from aihandler.domain.usage import Cost
from aihandler.errors import BudgetExceeded
from aihandler.ledger import FoldedLedger, SpooledLedger
from aihandler.ledger.budgets import LeaseStore
from aihandler.ledger.leases import Leases
from aihandler.surroundings import SystemClock

# Notes the highest sum that any transaction has left, and each that is above the limit.
SAMPLED = """
CREATE TABLE IF NOT EXISTS peak (most INTEGER NOT NULL, above INTEGER NOT NULL);
INSERT INTO peak VALUES (0, 0);
CREATE TRIGGER sampled AFTER UPDATE ON budget BEGIN
    UPDATE peak SET most = max(most, NEW.spent_nano + NEW.leased_nano),
        above = above + (NEW.spent_nano + NEW.leased_nano > NEW.limit_nano);
END;
"""
_SPOOL_BYTES = 16 * 1024 * 1024


def intent(held, number=0):
    return Intent(
        key=b"%d" % number,
        call_id=f"c{number}",
        task="t",
        task_version="1",
        deployment="d",
        model="m",
        reason="first",
        data_class=DataClass.INTERNAL,
        clearance="x",
        expected_nano=1,
        started_at=1.0,
        held=held,
    )


class Spender:
    """One process that spends."""

    def __init__(self, ledger, budgets):
        self.journal = ledger.journal
        self.leases = Leases(LeaseStore(ledger.path, ledger.holder), clock=SystemClock())
        self.budgets = budgets

    async def call(self, bound, cost, *, patience_s=5.0, takes_s=0.001):
        """True when it was made; False when the budget had no more."""
        try:
            held = await self.leases.reserve(
                self.budgets, bound, purpose="a call", patience_s=patience_s
            )
        except BudgetExceeded:
            return False
        entry_id = await self.journal.intend(intent(held))
        self.journal.sent(entry_id)
        await asyncio.sleep(takes_s)
        settlement = Settlement("valid", Cost(marginal=cost), 0.1)
        await self.journal.settle(entry_id, settlement)
        self.leases.settle(held, booked_nano(held, settlement))
        return True


def work(path, spool, first_id, plan):
    """One worker: so many calls at once, each of them again and again until it is refused."""

    async def go():
        ledger = SpooledLedger(
            Path(path),
            clock=SystemClock(),
            encryption_key=None,
            spool=Path(spool),
            first_id=first_id,
        )
        budgets = [Budget(scope, limit, "total") for scope, limit in plan["budgets"]]
        spender = Spender(ledger, budgets)

        async def client():
            for _ in range(plan["each"]):
                made = await spender.call(
                    plan["bound"], plan["cost"], takes_s=plan.get("takes_s", 0.001)
                )
                if not made:
                    return

        await asyncio.gather(*(client() for _ in range(plan["clients"])))
        await spender.leases.close()
        ledger.close()

    asyncio.run(go())


class Supervised:
    """A ledger that this process folds, with workers that it starts."""

    def __init__(self, folder, *, sampled=True):
        self.path = folder / "ledger.sqlite"
        self.folder = folder
        self.ledger = FoldedLedger(
            self.path, clock=SystemClock(), encryption_key=None, keep_content=False
        )
        self.left = self.ledger.fold_left_over(folder)
        if sampled:
            self.ledger.connection.executescript(SAMPLED)
        self.workers = []

    def start(self, number, **plan):
        context = multiprocessing.get_context("spawn")
        for slot in range(number):
            spool = self.folder / f"worker-{slot}.spool"
            folding, first_id = self.ledger.new_spool(spool, size=_SPOOL_BYTES)
            process = context.Process(
                target=work, args=(str(self.path), str(spool), first_id, plan)
            )
            process.start()
            self.workers.append((process, folding))

    def fold(self):
        return sum(folding.fold() for _, folding in self.workers)

    def bury_the_dead(self):
        """Returns how many are left."""
        for process, folding in tuple(self.workers):
            if process.exitcode is not None:
                with folding.spool:
                    while folding.fold():
                        pass
                    folding.bury()
                folding.spool.path.unlink()
                self.workers.remove((process, folding))
        return len(self.workers)

    def until_all_ended(self):
        while self.bury_the_dead():
            self.fold()
            self.workers[0][0].join(0.01) if self.workers else None

    def budget(self, scope="team:search"):
        row = self.ledger.connection.execute(
            "SELECT spent_nano, leased_nano, limit_nano FROM budget WHERE scope = ?", (scope,)
        ).fetchone()
        return tuple(row)

    def peak(self):
        return tuple(self.ledger.connection.execute("SELECT most, above FROM peak").fetchone())

    def entries(self):
        """Sums of what entries have cost and of what is in doubt."""
        return tuple(
            self.ledger.connection.execute(
                "SELECT sum(marginal_nano), sum(doubt_nano), count(*) FROM entry"
            ).fetchone()
        )

    def leases(self):
        return self.ledger.connection.execute("SELECT count(*) FROM lease").fetchone()[0]

    def close(self):
        self.ledger.close()
