"""`costs` is asked of sums. Whatever became of entries, it says what reading all of them says."""

import asyncio
import random
import sqlite3
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from ledger_making import NOON, StandingClock, call, deployment, intent, opened, review, settlement

from aihandler.domain.answer import Validity
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Intent, Settlement
from aihandler.domain.usage import Cost, Usage
from aihandler.ledger import Archive, CostRow, Ledger, Prices, costs, evidence, read_ledger, sums
from aihandler.ledger.costs import GROUPINGS, Window

MIDNIGHT = NOON - 43_200
DAY_S = 86_400.0
BY = [g for g in GROUPINGS if g not in ("run", "document")]
BY += ["tag:key", "tag:user", "tag:team", "tag:project"]
WINDOWS = [(None, None), (MIDNIGHT + DAY_S, None), (MIDNIGHT + DAY_S, MIDNIGHT + 3 * DAY_S)]
OUTCOMES = ["valid", "valid", "valid", "invalid", "abstained", "failed", "refused", "in_doubt"]


class Life:
    """A ledger to which things happen by chance: the same seed, the same things."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.number = 0
        self.left: list[int] = []

    def live(self, processes: int = 2, calls: int = 12) -> None:
        for _ in range(processes):
            with opened(self.folder) as ledger:
                asyncio.run(self.work(ledger, calls))

    async def work(self, ledger: Ledger, calls: int) -> None:
        """Calls of several attempts, some of which end late, or never."""
        await asyncio.gather(*(ledger.journal.settle(i, self.settled()) for i in self.left))
        self.left = []
        asked: list[Intent] = []
        for _ in range(calls):
            self.number += 1
            name = str(self.number)
            reasons = self.chance.choice([["first"], ["first"], ["first", "retry", "hedge"]])
            asked += [self.intended(name, reason) for reason in reasons]
        begun = await asyncio.gather(*map(ledger.journal.intend, asked))
        self.chance.shuffle(begun)
        third = len(begun) // 3
        await asyncio.gather(*(ledger.journal.settle(i, self.settled()) for i in begun[third:]))
        # Some ends are said twice, some after the process has died, and some never.
        for entry_id in begun[-2:]:
            await ledger.journal.settle(entry_id, self.settled())
        self.left = begun[: third // 2]

    def intended(self, name: str, reason: str) -> Intent:
        pick = self.chance.choice
        tags = {"key": "k1", "team": pick(["red", 'o"hara', ""]), "customer": "acme"}
        return intent(
            f"{name}-{self.chance.random()}",
            call_id=f"call-{name}",
            reason=reason,
            task=pick(["triage", "extract"]),
            deployment=pick(["vendor", "own"]),
            data_class=pick([DataClass.PUBLIC, DataClass.INTERNAL]),
            step=pick(["", "one"]),
            tenant=pick(["", "acme"]),
            document_id=pick(["", "", "a.txt", "b.txt"]),
            tags=pick([{}, tags]),
            schema_mode=pick(["", "native"]),
            started_at=MIDNIGHT + self.chance.uniform(0, 4) * DAY_S,
            expected_nano=pick([500, None]),
        )

    def settled(self) -> Settlement:
        pick, some = self.chance.choice, self.chance.randrange
        outcome = pick(OUTCOMES)
        cost = Cost(some(900), pick([0, some(90)]), pick(["priced", "unpriced"]), "")
        return settlement(
            outcome=outcome,
            validity=pick(list(Validity)) if outcome == "valid" else None,
            usage=pick([None, Usage(*(some(99) for _ in range(5)), pick([True, False]), some(9))]),
            cost=cost,
            latency_s=self.chance.uniform(0, 3) ** self.chance.randrange(9),
            reported_model=pick(["", "large-2026"]),
            reported_cost_usd=pick([None, None, Decimal("0.000001")]),
        )


def agree(archive: Archive) -> None:
    for by in BY:
        for since, until in WINDOWS:
            kept = archive.queries.costs(by, since=since, until=until)
            with sqlite3.connect(archive.path) as ledger:
                read = costs.costs_of_entries(ledger, by, window=Window(None, since, until))
            ledger.close()
            assert rows_of(kept) == rows_of(read), (by, since, until)
            without = archive.queries.costs_without_documents(by, since=since, until=until)
            assert rows_of(without) == [{**r, "documents": 0} for r in rows_of(read)]


def rows_of(rows: list[CostRow]) -> list[dict[str, object]]:
    """Idle hours and reviews are in no entry: both ways have them from elsewhere."""
    return [msgspec.structs.asdict(row) for row in rows if row.attempts]


@pytest.fixture(params=[1, 5, 4096], ids=["each-alone", "by-fives", "thousands-at-once"])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many entries wait before they are summed."""
    monkeypatch.setattr(sums, "_MOST_UNSUMMED", request.param - 1)
    return int(request.param)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_became_of_entries(tmp_path: Path, at_once: int, seed: int) -> None:
    life = Life(tmp_path, seed)
    for _ in range(2):
        life.live()
        with read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock()) as archive:
            agree(archive)


def test_while_attempts_are_on_their_way(tmp_path: Path, at_once: int) -> None:
    life = Life(tmp_path, 7)
    life.live()
    with opened(tmp_path) as ledger:
        asyncio.run(life.work(ledger, 40))
        with read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock()) as archive:
            agree(archive)
    assert life.left


@pytest.mark.parametrize("version", [7, 11])
def test_of_a_ledger_from_before(tmp_path: Path, version: int) -> None:
    life = Life(tmp_path, 3)
    life.live()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as older:
        for table in ("usage_day", "call_again", "allocated_hour", "unsummed"):
            older.execute(f"DROP TABLE {table}")
        if version == 7:
            older.execute("DROP TABLE configuration")
            older.execute("DROP TABLE hit")
            older.execute("ALTER TABLE entry DROP COLUMN inspections")
        else:
            older.execute("CREATE TABLE usage_day (day INTEGER)")
            older.execute("CREATE TABLE latency_month (month INTEGER)")
        older.execute("DELETE FROM schema_version WHERE version >= ?", (version,))
    older.close()
    with read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock()) as archive:
        agree(archive)
    life.live(processes=1)
    with read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock()) as archive:
        agree(archive)


def test_valid_rates_are_those_of_entries(tmp_path: Path, at_once: int) -> None:
    Life(tmp_path, 5).live()
    with read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock()) as archive:
        for since, until in WINDOWS:
            kept = archive.queries.valid_rates(since=since, until=until)
            with sqlite3.connect(archive.path) as ledger:
                read = evidence.valid_rates(ledger, run=None, since=since, until=until)
            ledger.close()
            assert kept == read


def test_what_was_forgotten_was_still_paid(tmp_path: Path) -> None:
    life = Life(tmp_path, 6)
    life.live()
    with opened(tmp_path) as ledger:
        before = ledger.queries.costs("task")
        ledger.forget(document_id="a.txt")
        assert ledger.queries.costs("task") == before
        agree(ledger)


def test_idle_hours_and_reviews_are_beside_sums_too(tmp_path: Path, at_once: int) -> None:
    machine = deployment("machine", usd_per_hour="6", concurrency=1)
    prices = Prices([machine])

    async def body(ledger: Ledger) -> None:
        await ledger.journal.keep_prices(prices)
        await ledger.journal.review(review())
        for hours in (0, 1, 30):
            settled = settlement(cost=prices.cost(machine, Usage(1), 600.0), latency_s=600.0)
            given = {"deployment": "machine", "started_at": NOON + hours * 3600}
            await call(ledger, str(hours), settled=settled, **given)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (row,) = ledger.queries.costs("deployment")
        first, second = ledger.queries.costs("day")
        (later,) = ledger.queries.costs("deployment", since=MIDNIGHT + DAY_S)
        assert [r.reviews for r in ledger.queries.costs("class")] == [0, 1, 0]
    assert (row.allocated_nano, row.idle_nano) == (3_000_000_000, 15_000_000_000)
    assert (first.idle_nano, second.idle_nano) == (10_000_000_000, 5_000_000_000)
    assert later.idle_nano == 5_000_000_000


def test_a_time_within_a_day_is_exact(tmp_path: Path) -> None:
    life = Life(tmp_path, 8)
    life.live(processes=1)
    with opened(tmp_path) as ledger:
        rows = ledger.queries.costs("task", since=NOON, until=NOON + DAY_S)
        with sqlite3.connect(ledger.path) as file:
            n = file.execute(
                "SELECT count(*) FROM entry WHERE started_at >= ? AND started_at < ?",
                (NOON, NOON + DAY_S),
            ).fetchone()[0]
        file.close()
    assert sum(row.attempts for row in rows) == n > 0


def test_a_commit_that_fails_leaves_no_sum_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "_MOST_UNSUMMED", 0)
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, "one"))
    connection = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    unsummed = sums.Unsummed(connection)
    ended = {s.id: s for s in sums.summands.of_entries(connection, [1])}
    connection.execute("BEGIN")
    unsummed.note(ended)
    connection.execute("ROLLBACK")
    connection.execute("BEGIN")
    unsummed.undone()
    connection.execute("COMMIT")
    unsummed.done()
    connection.close()
    with read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock()) as archive:
        agree(archive)
