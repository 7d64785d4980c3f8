"""How long a ledger of many calls takes to ask: `python -m bench.rollups --entries 10000000`.

Entries of half a year are made by SQLite itself: twelve tasks, five
deployments, fifty keys, eight teams, 200 users; one call in ten is asked again. They are summed
as an upgrade does it, and asked by commands, each a process of its own: `costs` for the
last 30 days by every grouping, and `advise` with the month before and comparisons in the ledger.
Load of the machine is printed; CPU is that of the process, its start included.
"""

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aihandler.ledger import (
    ComparedDeployment,
    ComparisonRecord,
    open_ledger,
    read_ledger,
    sums,
)
from bench.journal import SystemClock

_DAYS = 180
_ENTRIES = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :entries)
INSERT INTO entry (id, key, call_id, run_id, document_id, step, tenant, tags, task, task_version,
    deployment, model, reason, data_class, clearance, expected_nano, request_chars, started_at,
    state, outcome, validity, usage_state, input_tokens, cache_read_tokens, output_tokens,
    marginal_nano, cost_status, latency_ms, reported_model)
SELECT i, x'00', 'c' || (i - (i % 10 = 0)), '', '', '', 'key-' || (i % 50),
    '{"key":"key-' || (i % 50) || '","team":"team-' || (i % 8) || '","user":"user-' || (i % 200)
        || '","customer":"' || (i % 300) || '"}',
    'task-' || (i % 12), 'v', 'deployment-' || (i % 5), 'model-' || (i % 5),
    iif(i % 10, 'first', 'retry'), iif(i % 3, 'internal', 'public'), '',
    0, 900, :began + CAST(i AS REAL) * :span / :entries, 'settled',
    iif(i % 20, 'valid', 'invalid'), iif(i % 20, iif(i % 10, 'exact', 'reasked'), NULL),
    'reported', 400 + i % 3000, i % 300, 20 + i % 500, 100000 + i % 90000, 'priced',
    200 + (i * 7919) % 9000, 'model-' || (i % 5) || '-2026'
FROM n
"""
_CONFIGURATION = """
version: 1
deployments:
  five: {backend: builtin/classify, examples_per_label: 5}
tasks:
  intent: {output: {label: [one, two]}, candidates: [five]}
"""
_GROUPINGS = (
    *("task", "deployment", "model", "day", "class", "validity"),
    *("key", "team", "user", "tenant", "tag:customer"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="keep the ledger there, or use it again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        path = folder / ".aihandler" / "ledger.sqlite"
        if not path.exists():
            _make(path, chosen.entries)
        size = path.stat().st_size / 2**20
        print(f"{chosen.entries:,} entries, {size:,.0f} MiB, load {os.getloadavg()[0]:.1f}")
        _ask(path, chosen.entries)
        _command_all(folder)
    return 0


def _make(path: Path, entries: int) -> None:
    open_ledger(path, clock=SystemClock()).close()
    began = time.perf_counter(), time.process_time()
    _fill(path, entries)
    _say(f"making {entries:,} entries", began)
    began = time.perf_counter(), time.process_time()
    with sqlite3.connect(path) as ledger:
        sums.recount(ledger, lambda *_: None)
    ledger.close()
    _say("summing them all, as an upgrade does it once", began)


def _fill(path: Path, entries: int) -> None:
    span = _DAYS * 86_400.0
    with sqlite3.connect(path) as ledger:
        ledger.execute("PRAGMA synchronous = OFF")
        # One sort at the end is quicker than a place for each.
        ledger.execute("DROP INDEX entry_of_call")
        asked = {"entries": entries, "began": time.time() - span, "span": span}
        ledger.execute(_ENTRIES, asked)
        ledger.execute("CREATE INDEX entry_of_call ON entry (call_id)")
    ledger.close()


def _ask(path: Path, entries: int) -> None:
    for _ in range(3):
        began = time.perf_counter(), time.process_time()
        with read_ledger(path, clock=SystemClock()) as ledger:
            rows = ledger.queries.usage_by_month()
        _say(f"usage by month, {len(rows)} rows", began)
        assert sum(row.attempts for row in rows) == entries


def _command_all(folder: Path) -> None:
    (folder / "aihandler.yaml").write_text(_CONFIGURATION, encoding="utf-8")
    month = _last_month()
    (folder / "company.yaml").write_text(_profile(), encoding="utf-8")
    _keep_comparisons(folder / ".aihandler" / "ledger.sqlite")
    for by in _GROUPINGS:
        _command(folder, "costs", "--by", by, "--days", "30")
    _command(folder, "costs", "--by", "task", "--month", month)
    _command(folder, "costs", "--by", "task", "--days", "30", "--json")
    for _ in range(3):
        _command(folder, "advise", "--profile", "company.yaml", "--ledger", month)


def _last_month() -> str:
    now = time.gmtime()
    year, month = (now.tm_year, now.tm_mon - 1) if now.tm_mon > 1 else (now.tm_year - 1, 12)
    return f"{year}{month:02}"


def _profile() -> str:
    tasks = "".join(
        f"""
  task-{number}:
    closed: deployment-0
    open: deployment-1
    margin: 2
    data_may_leave: true
    costs: {{input_usd_per_million: [2.5], output_usd_per_million: [10],
            managed_input_usd_per_million: [0.6], managed_output_usd_per_million: [0.7]}}
    hosting: {{model: Qwen/Qwen3-32B, gpu: h100_sxm, precision: fp8, latency_s: 20}}
"""
        for number in range(12)
    )
    return f"company: {{people: 45, ml_engineers: 2}}\ntasks:{tasks}"


def _keep_comparisons(path: Path) -> None:
    with read_ledger(path, clock=SystemClock()) as archive:
        for number in range(12):
            rows = (
                ComparedDeployment(
                    "deployment-0", "i", 400, 0.94, 0.93, 0.96, 900, 20.0, "baseline"
                ),
                ComparedDeployment(
                    "deployment-1", "j", 400, 0.93, 0.92, 0.95, 90, 19.0, "not worse"
                ),
            )
            archive.keep_comparison(
                ComparisonRecord(
                    f"comparison-{number}",
                    time.time(),
                    f"task-{number}",
                    "v",
                    "data.csv",
                    "d" * 32,
                    "exact",
                    1,
                    "",
                    {"margin": 0.02},
                    rows,
                )
            )


def _command(folder: Path, *arguments: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "aihandler", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"},
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = "" if ran.returncode == 0 else f" FAILED: {ran.stderr.strip()[:300]}"
    print(f"aihandler {' '.join(arguments)}: {cpu:.2f} s CPU, {wall:.2f} s{told}", flush=True)


def _say(what: str, began: tuple[float, float]) -> None:
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"{what}: {cpu:.2f} s CPU, {wall:.2f} s", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
