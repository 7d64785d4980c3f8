"""Keeps what comparisons have shown, for routing, for `explain` and for advice."""

import sqlite3
from typing import Any

import msgspec

from aihandler.domain.attempt import Compared
from aihandler.domain.task import Json
from aihandler.ledger.store import transaction

_KEEP = "INSERT OR REPLACE INTO comparison VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DROP_ROWS = "DELETE FROM compared WHERE comparison = ?"
_KEEP_ROW = "INSERT INTO compared VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OF_TASK = """
SELECT id, at, task, task_version, dataset, digest, scorer, repeats, stopped, findings
FROM comparison WHERE (:task IS NULL OR task = :task) ORDER BY at DESC, id LIMIT :limit
"""
_ROWS = """
SELECT deployment, identity, n, score, low, high, cost_nano, latency_ms, verdict
FROM compared WHERE comparison = ? ORDER BY place
"""
# Time and money say nothing of how right an answer is; routing has both from elsewhere.
_NEWEST = """
SELECT c.task, d.deployment, c.at, c.task_version, d.identity, d.n, d.score, d.low, d.high,
       d.verdict
FROM compared AS d JOIN comparison AS c ON c.id = d.comparison
WHERE c.scorer NOT LIKE 'latency:%' AND c.scorer NOT LIKE 'cost:%' AND c.scorer <> 'refusal'
ORDER BY c.at
"""

_json = msgspec.json.Encoder()


class ComparedDeployment(msgspec.Struct, frozen=True):
    """One deployment in a comparison: its score over `n` items with the bounds of its interval,
    cost an answer and median latency. `verdict` is against the first one, the `baseline`.
    """

    deployment: str
    identity: str
    n: int
    score: float
    low: float | None = None
    high: float | None = None
    cost_nano: int | None = None
    latency_ms: float | None = None
    verdict: str = ""


class ComparisonRecord(msgspec.Struct, frozen=True):
    """What one comparison has shown. `findings` holds figures and names of items, never texts."""

    id: str
    at: float
    task: str
    task_version: str
    dataset: str
    digest: str
    scorer: str
    repeats: int
    stopped: str
    findings: Json
    deployments: tuple[ComparedDeployment, ...] = ()


def keep(ledger: sqlite3.Connection, record: ComparisonRecord) -> None:
    """Stores it, in place of an earlier one of the same order."""
    findings = _json.encode(record.findings).decode()
    with transaction(ledger):
        ledger.execute(
            _KEEP,
            (
                record.id, record.at, record.task, record.task_version, record.dataset,
                record.digest, record.scorer, record.repeats, record.stopped, findings,
            ),
        )  # fmt: skip
        ledger.execute(_DROP_ROWS, (record.id,))
        rows = [
            (record.id, place, *msgspec.structs.astuple(one))
            for place, one in enumerate(record.deployments)
        ]
        ledger.executemany(_KEEP_ROW, rows)


def comparisons(
    ledger: sqlite3.Connection, *, task: str | None, limit: int
) -> list[ComparisonRecord]:
    """The latest comparisons, newest first."""
    asked = {"task": task, "limit": limit}
    return [_record(ledger, row) for row in ledger.execute(_OF_TASK, asked).fetchall()]


def newest(ledger: sqlite3.Connection) -> dict[tuple[str, str], Compared]:
    """What the newest comparison says, by (task, deployment)."""
    return {
        (task, deployment): Compared(*rest) for task, deployment, *rest in ledger.execute(_NEWEST)
    }


def _record(ledger: sqlite3.Connection, row: tuple[Any, ...]) -> ComparisonRecord:
    known = dict(zip(ComparisonRecord.__struct_fields__, row, strict=False))
    shown = tuple(ComparedDeployment(*r) for r in ledger.execute(_ROWS, (row[0],)))
    known |= {"findings": msgspec.json.decode(row[-1]), "deployments": shown}
    return msgspec.convert(known, ComparisonRecord)
