"""Sums by day, kept beside the entries: what millions of calls were, without reading them."""

import json
import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from aihandler.domain.usage import Usage

# Both statements add (`:times` 1) or take away (-1) what entries that have ended say.
_BOOK_USAGE = """
INSERT INTO usage_day
SELECT CAST(e.started_at / 86400 AS INTEGER), e.task, e.deployment,
       coalesce(nullif(e.reported_model, ''), e.model),
       :times * count(*), :times * count(*) FILTER (WHERE e.reason = 'first'),
       :times * count(*) FILTER (WHERE e.outcome = 'valid'),
       :times * count(*) FILTER (WHERE e.outcome IN ('invalid', 'abstained')),
       :times * count(*) FILTER (WHERE e.outcome = 'in_doubt'),
       :times * count(*) FILTER (WHERE e.cost_status = 'unpriced'),
       :times * count(*) FILTER (WHERE e.usage_state = 'estimated'),
       :times * sum(e.input_tokens), :times * sum(e.cache_read_tokens),
       :times * sum(e.cache_write_tokens), :times * sum(e.output_tokens),
       :times * sum(e.reasoning_tokens), :times * sum(e.cache_write_1h_tokens),
       :times * sum(e.audio_input_tokens), :times * sum(e.audio_output_tokens),
       :times * sum(e.marginal_nano), :times * sum(e.allocated_nano), :times * sum(e.doubt_nano)
FROM json_each(:ids) AS wanted CROSS JOIN entry AS e ON e.id = wanted.value
WHERE e.outcome IS NOT NULL
GROUP BY 1, 2, 3, 4
ON CONFLICT (day, task, deployment, model) DO UPDATE SET
    attempts = attempts + excluded.attempts, calls = calls + excluded.calls,
    valid = valid + excluded.valid, not_valid = not_valid + excluded.not_valid,
    in_doubt = in_doubt + excluded.in_doubt, unpriced = unpriced + excluded.unpriced,
    estimated = estimated + excluded.estimated,
    input_tokens = input_tokens + excluded.input_tokens,
    cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
    cache_write_1h_tokens = cache_write_1h_tokens + excluded.cache_write_1h_tokens,
    audio_input_tokens = audio_input_tokens + excluded.audio_input_tokens,
    audio_output_tokens = audio_output_tokens + excluded.audio_output_tokens,
    marginal_nano = marginal_nano + excluded.marginal_nano,
    allocated_nano = allocated_nano + excluded.allocated_nano,
    doubt_nano = doubt_nano + excluded.doubt_nano
"""
_BOOK_LATENCY = """
INSERT INTO latency_month
SELECT CAST(strftime('%Y%m', e.started_at, 'unixepoch') AS INTEGER), e.task, e.deployment,
       coalesce(nullif(e.reported_model, ''), e.model),
       CASE WHEN e.latency_ms < 100 THEN CAST(e.latency_ms AS INTEGER)
            WHEN e.latency_ms < 1000 THEN CAST(e.latency_ms / 10 AS INTEGER) * 10
            WHEN e.latency_ms < 10000 THEN CAST(e.latency_ms / 100 AS INTEGER) * 100
            WHEN e.latency_ms < 100000 THEN CAST(e.latency_ms / 1000 AS INTEGER) * 1000
            ELSE CAST(e.latency_ms / 10000 AS INTEGER) * 10000 END,
       :times * count(*)
FROM json_each(:ids) AS wanted CROSS JOIN entry AS e ON e.id = wanted.value
WHERE e.latency_ms IS NOT NULL AND e.outcome IN ('valid', 'invalid', 'abstained')
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (month, task, deployment, model, bucket_ms) DO UPDATE
SET answers = answers + excluded.answers
"""
_MONTHS = """
SELECT task, deployment, model, CAST(strftime('%Y%m', day * 86400, 'unixepoch') AS INTEGER) AS m,
       sum(attempts), sum(calls), sum(valid), sum(not_valid), sum(in_doubt), sum(unpriced),
       sum(estimated), sum(marginal_nano), sum(allocated_nano), sum(doubt_nano),
       count(DISTINCT day),
       sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens),
       sum(reasoning_tokens), sum(cache_write_1h_tokens), sum(audio_input_tokens),
       sum(audio_output_tokens)
FROM usage_day WHERE day >= :since AND attempts > 0
GROUP BY task, deployment, model, m ORDER BY task, deployment, model, m
"""
_DAYS = """
SELECT date(day * 86400, 'unixepoch'), deployment, model, sum(attempts), sum(estimated),
       sum(marginal_nano),
       sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens),
       sum(reasoning_tokens), sum(cache_write_1h_tokens), sum(audio_input_tokens),
       sum(audio_output_tokens)
FROM usage_day
WHERE day BETWEEN CAST(strftime('%s', :first) AS INTEGER) / 86400
      AND CAST(strftime('%s', :last) AS INTEGER) / 86400 AND attempts > 0
GROUP BY day, deployment, model ORDER BY day, deployment, model
"""
_LATENCIES = """
SELECT task, deployment, model, month, bucket_ms, answers FROM latency_month
WHERE answers > 0 ORDER BY task, deployment, model, month, bucket_ms
"""
_Key = tuple[str, str, str, int]


class MonthOfUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment did for one task in one month (UTC, `202611`), as `model` (the reported
    one, or the one asked for).

    `calls` counts first attempts. `days` is on how many days there was any. Latencies are of
    answers, within a twentieth from 10 ms on.
    """

    task: str
    deployment: str
    model: str
    month: int
    attempts: int
    calls: int
    valid: int
    not_valid: int
    in_doubt: int
    unpriced: int
    estimated: int
    marginal_nano: int
    allocated_nano: int
    doubt_nano: int
    days: int
    usage: Usage
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    latency_p99_s: float | None = None


class DayOfUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment used on one day (UTC, `2026-11-21`)."""

    day: str
    deployment: str
    model: str
    attempts: int
    estimated: int
    marginal_nano: int
    usage: Usage


def book(ledger: sqlite3.Connection, entries: Iterable[int], *, times: int = 1) -> None:
    """Adds entries that have ended, or with -1 takes them away before they are changed.

    Call it in the transaction that changes them.
    """
    asked = {"ids": json.dumps(list(entries)), "times": times}
    if asked["ids"] != "[]":
        ledger.execute(_BOOK_USAGE, asked)
        ledger.execute(_BOOK_LATENCY, asked)


def by_month(ledger: sqlite3.Connection, *, since: float | None = None) -> list[MonthOfUsage]:
    """Usage by task, deployment, model and month; `since` is rounded down to a day."""
    found = ledger.execute(_MONTHS, {"since": int((since or 0) // 86_400)})
    latencies = dict(_percentiles(ledger))
    return [_month(row, latencies) for row in found]


def by_day(ledger: sqlite3.Connection, first: str, last: str) -> list[DayOfUsage]:
    """Usage by day, deployment and model; both days are included."""
    return [
        DayOfUsage(
            day=row[0],
            deployment=row[1],
            model=row[2],
            attempts=row[3],
            estimated=row[4],
            marginal_nano=row[5],
            usage=_usage(row[6:], estimated=row[4] > 0),
        )
        for row in ledger.execute(_DAYS, {"first": first, "last": last})
    ]


def _month(row: tuple[object, ...], latencies: dict[_Key, tuple[float, ...]]) -> MonthOfUsage:
    names = MonthOfUsage.__struct_fields__
    known = msgspec.convert(dict(zip(names[:15], row, strict=False)), dict[str, int | str])
    key = msgspec.convert(row[:4], _Key)
    p50, p95, p99 = latencies.get(key, (None, None, None))
    usage = _usage(row[15:], estimated=bool(known["estimated"]))
    return msgspec.convert(
        {
            **known,
            "usage": usage,
            "latency_p50_s": p50,
            "latency_p95_s": p95,
            "latency_p99_s": p99,
        },
        MonthOfUsage,
    )


def _usage(tokens: Iterable[object], *, estimated: bool) -> Usage:
    inputs, reads, writes, outputs, reasons, *apart = msgspec.convert(list(tokens), list[int])
    return Usage(inputs, reads, writes, outputs, reasons, estimated, *apart)


def _percentiles(ledger: sqlite3.Connection) -> Iterator[tuple[_Key, tuple[float, ...]]]:
    buckets: dict[_Key, list[tuple[int, int]]] = {}
    for task, deployment, model, month, bucket_ms, answers in ledger.execute(_LATENCIES):
        buckets.setdefault((task, deployment, model, month), []).append((bucket_ms, answers))
    for key, counted in buckets.items():
        yield key, tuple(_at(counted, share) for share in (50, 95, 99))


def _at(counted: list[tuple[int, int]], percent: int) -> float:
    n = sum(answers for _, answers in counted)
    place = (n * percent + 99) // 100
    for bucket_ms, answers in counted:
        place -= answers
        if place <= 0:
            return _middle_ms(bucket_ms) / 1000
    return _middle_ms(counted[-1][0]) / 1000


def _middle_ms(bucket_ms: int) -> float:
    width = 1
    while bucket_ms >= 100 * width and width < 10_000:
        width *= 10
    return bucket_ms + width / 2
