"""How long the usage of many calls takes to ask: `python -m bench.rollups --entries 10000000`.

Entries are made by SQLite itself in a ledger of schema 4, then the ledger is brought up to date as
an upgrade does it, and asked for usage by month, task, deployment and model.
"""

import argparse
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from aihandler.ledger import open_ledger, read_ledger
from bench.journal import SystemClock

_ENTRIES = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO entry (id, key, call_id, run_id, document_id, step, tenant, tags, task, task_version,
    deployment, model, reason, data_class, clearance, expected_nano, request_chars, started_at,
    state, outcome, validity, usage_state, input_tokens, cache_read_tokens, output_tokens,
    marginal_nano, cost_status, latency_ms, reported_model)
SELECT i, x'00', 'c' || i, '', '', '', '', '{}', 'task-' || (i % 12), 'v',
    'deployment-' || (i % 5), 'model-' || (i % 5), iif(i % 10, 'first', 'retry'), 'internal', '',
    0, 900, 1770000000 + i % 15552000, 'settled', iif(i % 20, 'valid', 'invalid'), 'exact',
    'reported', 400 + i % 3000, i % 300, 20 + i % 500, 100000 + i % 90000, 'priced',
    200 + (i * 7919) % 9000, 'model-' || (i % 5) || '-2026'
FROM n
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        open_ledger(path, clock=SystemClock()).close()
        _fill(path, chosen.entries)
        began = time.perf_counter(), time.process_time()
        read_ledger(path, clock=SystemClock()).close()
        _say("bringing the ledger up to date, once", began)
        for _ in range(3):
            began = time.perf_counter(), time.process_time()
            with read_ledger(path, clock=SystemClock()) as ledger:
                rows = ledger.queries.usage_by_month()
            _say(f"usage by month of {chosen.entries:,} entries, {len(rows)} rows", began)
        assert sum(row.attempts for row in rows) == chosen.entries
        print(f"{path.stat().st_size / 2**20:,.0f} MiB, load {os.getloadavg()[0]:.1f}")
    return 0


def _fill(path: Path, entries: int) -> None:
    with sqlite3.connect(path) as ledger:
        ledger.execute("PRAGMA synchronous = OFF")
        for table in ("usage_day", "latency_month"):
            ledger.execute(f"DROP TABLE {table}")
        ledger.execute("DELETE FROM schema_version WHERE version >= 7")
        # Their places in the file are of no matter here, and cost most of the time.
        ledger.execute("DROP INDEX entry_of_call")
        ledger.execute(_ENTRIES, (entries,))
    ledger.close()


def _say(what: str, began: tuple[float, float]) -> None:
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"{what}: {cpu:.2f} s CPU, {wall:.2f} s", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
