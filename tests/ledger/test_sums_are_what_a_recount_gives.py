import asyncio
import random
import sqlite3
from pathlib import Path

from ledger_making import NOON, StandingClock, call, intent, opened, settlement

from aihandler.domain.answer import Validity
from aihandler.domain.usage import Cost, Usage
from aihandler.ledger import Ledger, MonthOfUsage, read_ledger

RECOUNT = """
SELECT task, deployment, coalesce(nullif(reported_model, ''), model),
       CAST(strftime('%Y%m', started_at, 'unixepoch') AS INTEGER), count(*),
       count(*) FILTER (WHERE reason = 'first'), count(*) FILTER (WHERE outcome = 'valid'),
       count(*) FILTER (WHERE outcome = 'in_doubt'), sum(marginal_nano), sum(doubt_nano),
       sum(input_tokens), sum(cache_read_tokens), sum(output_tokens)
FROM entry WHERE outcome IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def recounted(folder: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        rows = ledger.execute(RECOUNT).fetchall()
    ledger.close()
    return rows


def kept(rows: list[MonthOfUsage]) -> list[tuple[object, ...]]:
    return [
        (
            *(r.task, r.deployment, r.model, r.month, r.attempts, r.calls, r.valid, r.in_doubt),
            *(r.marginal_nano, r.doubt_nano, r.usage.input, r.usage.cache_read, r.usage.output),
        )
        for r in rows
    ]


async def many_calls(ledger: Ledger, n: int = 300) -> None:
    chance = random.Random(7)
    for number in range(n):
        outcome = chance.choice(["valid", "valid", "invalid", "failed", "in_doubt"])
        settled = settlement(
            outcome=outcome,
            validity=Validity.EXACT if outcome == "valid" else None,
            usage=Usage(chance.randrange(900), chance.randrange(90), 0, chance.randrange(99)),
            cost=Cost(marginal=chance.randrange(5000)),
            latency_s=chance.uniform(0.001, 40),
            reported_model=chance.choice(["", "large-2026-01"]),
        )
        await call(
            ledger,
            str(number),
            settled=settled,
            task=chance.choice(["triage", "extract"]),
            deployment=chance.choice(["vendor", "own"]),
            reason=chance.choice(["first", "retry"]),
            started_at=NOON + chance.uniform(0, 90) * 86_400,
        )


def test_sums_by_month_are_those_of_all_entries(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(many_calls(ledger))
        rows = ledger.queries.usage_by_month()
    assert kept(rows) == recounted(tmp_path)
    assert sum(row.attempts for row in rows) == 300


def test_an_attempt_that_a_dead_process_left_is_counted_as_doubt(tmp_path: Path) -> None:
    async def intend(ledger: Ledger) -> None:
        await ledger.journal.intend(intent("lost"))

    with opened(tmp_path) as ledger:
        asyncio.run(intend(ledger))
        assert ledger.queries.usage_by_month() == []
    with opened(tmp_path) as ledger:
        (row,) = ledger.queries.usage_by_month()
    assert (row.in_doubt, row.doubt_nano) == (1, 500)
    assert kept([row]) == recounted(tmp_path)


def test_an_end_that_comes_after_doubt_was_booked_takes_its_place(tmp_path: Path) -> None:
    async def intend(ledger: Ledger) -> int:
        return await ledger.journal.intend(intent("late"))

    with opened(tmp_path) as ledger:
        entry_id = asyncio.run(intend(ledger))
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.settle(entry_id, settlement(reported_model="large-2")))
        (row,) = ledger.queries.usage_by_month()
    assert (row.model, row.attempts, row.valid, row.in_doubt) == ("large-2", 1, 1, 0)
    assert kept([row]) == recounted(tmp_path)


def test_a_ledger_from_before_gets_its_sums(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(many_calls(ledger))
    with sqlite3.connect(tmp_path / "ledger.sqlite") as older:
        later = ("usage_day", "call_again", "allocated_hour", "unsummed", "configuration", "hit")
        for table in later:
            older.execute(f"DROP TABLE {table}")
        older.execute("ALTER TABLE entry DROP COLUMN inspections")
        older.execute("DELETE FROM schema_version WHERE version >= 7")
    older.close()
    with read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock()) as ledger:
        rows = ledger.queries.usage_by_month()
    assert kept(rows) == recounted(tmp_path)
    assert all(row.latency_p95_s for row in rows)


def test_percentiles_of_latency_are_within_a_twentieth(tmp_path: Path) -> None:
    async def calls(ledger: Ledger) -> None:
        for number in range(1, 201):
            settled = settlement(latency_s=number * 0.0371)
            await call(ledger, str(number), settled=settled)

    with opened(tmp_path) as ledger:
        asyncio.run(calls(ledger))
        (row,) = ledger.queries.usage_by_month()
    assert row.latency_p50_s is not None
    assert abs(row.latency_p50_s / (100 * 0.0371) - 1) <= 0.05
    assert row.latency_p95_s is not None
    assert abs(row.latency_p95_s / (190 * 0.0371) - 1) <= 0.05


def test_usage_of_a_day_is_told_by_deployment_and_model(tmp_path: Path) -> None:
    async def calls(ledger: Ledger) -> None:
        await call(ledger, "one")
        await call(ledger, "two", task="other")
        await call(ledger, "three", started_at=NOON + 86_400)

    with opened(tmp_path) as ledger:
        asyncio.run(calls(ledger))
        day = ledger.queries.usage_by_day("2026-09-21", "2026-09-21")
    assert [(d.day, d.deployment, d.attempts, d.usage.input) for d in day] == [
        ("2026-09-21", "vendor", 2, 200)
    ]
