"""What the ledger knows about how deployments do: for routing, and for showing a trend."""

import sqlite3
from typing import Literal

import msgspec

from aihandler.domain.attempt import Evidence, Snapshot
from aihandler.ledger import comparisons

# Routing looks at what happened lately; a ledger of years must not slow a plan down.
_RECENT_ENTRIES = 100_000
# To rank latencies means to sort them, which costs ten times as much an entry as to count.
_RECENT_LATENCIES = 10_000
_RECENT_S = 30 * 86_400.0

_QUALITY = """
SELECT task, deployment, count(*) FILTER (WHERE outcome = 'valid'),
       count(*),
       avg(marginal_nano) FILTER (
           WHERE cost_status = 'priced' AND outcome IN ('valid', 'invalid', 'abstained'))
FROM entry
WHERE id > (SELECT coalesce(max(id), 0) FROM entry) - ? AND started_at >= ?
  AND outcome IN ('valid', 'invalid', 'abstained')
GROUP BY task, deployment
"""
_P95 = """
WITH ranked AS (
    SELECT task, deployment, latency_ms,
           row_number() OVER (PARTITION BY task, deployment ORDER BY latency_ms) AS place,
           count(*) OVER (PARTITION BY task, deployment) AS n
    FROM entry
    WHERE id > (SELECT coalesce(max(id), 0) FROM entry) - ? AND started_at >= ?
      AND outcome IN ('valid', 'invalid', 'abstained')
)
SELECT task, deployment, latency_ms FROM ranked WHERE place = (n * 95 + 99) / 100
"""
_TREND = """
WITH ranked AS (
    SELECT task, deployment, CAST(started_at / :bucket_s AS INTEGER) AS bucket, latency_ms,
           row_number() OVER (PARTITION BY task, deployment,
               CAST(started_at / :bucket_s AS INTEGER) ORDER BY latency_ms) AS place,
           count(*) OVER (PARTITION BY task, deployment,
               CAST(started_at / :bucket_s AS INTEGER)) AS n
    FROM entry WHERE latency_ms IS NOT NULL AND outcome IN ('valid', 'invalid', 'abstained')
      AND (:since IS NULL OR started_at >= :since)
)
SELECT task, deployment, bucket * :bucket_s, n,
       max(latency_ms) FILTER (WHERE place = (n * 50 + 99) / 100) / 1000,
       max(latency_ms) FILTER (WHERE place = (n * 95 + 99) / 100) / 1000
FROM ranked GROUP BY task, deployment, bucket, n ORDER BY task, deployment, bucket
"""
_VALID = """
SELECT deployment, task, schema_mode, count(*),
       count(*) FILTER (WHERE outcome = 'valid'),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'exact'),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'repaired'),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'reasked'),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'escalated')
FROM entry
WHERE id >= coalesce((SELECT first_entry FROM run WHERE id = :run), 0)
  AND (:run IS NULL OR run_id = :run)
  AND (:since IS NULL OR started_at >= :since)
  AND (:until IS NULL OR started_at < :until)
  AND outcome IN ('valid', 'invalid', 'abstained')
GROUP BY deployment, task, schema_mode ORDER BY task, deployment, schema_mode
"""
_BUCKETS_S = {"hour": 3600, "day": 86_400}


class LatencyPoint(msgspec.Struct, frozen=True):
    """Latency of the answers of one deployment to one task in one hour or day."""

    task: str
    deployment: str
    since: float
    answers: int
    p50_s: float
    p95_s: float


class ValidRate(msgspec.Struct, frozen=True):
    """How many answers of one deployment to one task were valid, by how the schema was asked for.

    `mode` is empty where none was sent. `exact` and those after it say how the valid ones became
    so.
    """

    deployment: str
    task: str
    mode: str
    answers: int
    valid: int
    exact: int = 0
    repaired: int = 0
    reasked: int = 0
    escalated: int = 0

    @property
    def rate(self) -> float:
        """Share of valid answers, 0..1."""
        return self.valid / self.answers


def snapshot(ledger: sqlite3.Connection, now: float) -> Snapshot:
    """Valid-rate, 95th percentile of latency, mean marginal cost and the newest comparison, by
    (task, deployment).

    All but comparisons is taken from the last 30 days and at most 100,000 entries (10,000 for
    latency); a caller that plans often keeps it for some seconds.
    """
    lately = (_RECENT_ENTRIES, now - _RECENT_S)
    ranked = (_RECENT_LATENCIES, now - _RECENT_S)
    quality: dict[tuple[str, str], Evidence] = {}
    cost_nano: dict[tuple[str, str], int] = {}
    for task, deployment, valid, answered, mean_nano in ledger.execute(_QUALITY, lately):
        if answered:
            quality[task, deployment] = Evidence(valid / answered, answered)
        if mean_nano is not None:
            cost_nano[task, deployment] = round(mean_nano)
    latency_p95_s = {
        (task, deployment): milliseconds / 1000
        for task, deployment, milliseconds in ledger.execute(_P95, ranked)
    }
    compared = comparisons.newest(ledger)
    return Snapshot(
        quality=quality, latency_p95_s=latency_p95_s, cost_nano=cost_nano, compared=compared
    )


def latency_trend(
    ledger: sqlite3.Connection, bucket: Literal["hour", "day"], *, since: float | None
) -> list[LatencyPoint]:
    """Median and 95th percentile of latency over time, by task and deployment."""
    asked = {"bucket_s": _BUCKETS_S[bucket], "since": since}
    return [LatencyPoint(*row) for row in ledger.execute(_TREND, asked)]


def valid_rates(
    ledger: sqlite3.Connection, *, run: str | None, since: float | None, until: float | None = None
) -> list[ValidRate]:
    """Valid answers by task, deployment and mode. What failed or was refused is no answer."""
    asked = {"run": run, "since": since, "until": until}
    return [ValidRate(*row) for row in ledger.execute(_VALID, asked)]
