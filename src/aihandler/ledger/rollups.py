"""Usage by month and by day, out of the sums: no entry is read but the last few thousand."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from aihandler.domain.usage import Usage
from aihandler.ledger import sums
from aihandler.ledger.summands import ANSWERED, NUMBERS, Numbers

_CELLS = """
SELECT day, task, deployment, model, outcome, sum(attempts), sum(firsts), sum(input_tokens),
       sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens),
       sum(cache_write_1h_tokens), sum(audio_input_tokens), sum(audio_output_tokens),
       sum(marginal_nano), sum(allocated_nano), sum(doubt_nano), sum(unpriced), sum(estimated),
       sum(reported_nano), sum(reported_more_nano)
FROM usage_day
WHERE tag = '' AND day >= :first AND day < :end AND attempts > 0
GROUP BY day, task, deployment, model, outcome
"""
_LATENCIES = """
SELECT day, task, deployment, model, outcome, latencies FROM usage_day
WHERE tag = '' AND day >= :first AND day < :end AND attempts > 0
  AND outcome IN ('valid', 'invalid', 'abstained')
"""
_NEVER = 1 << 31
_NOTHING = (0,) * len(NUMBERS)
_Key = tuple[str, str, str, int]
# Day, task, deployment, model; outcome; sums; latencies.
_Cell = tuple[Sequence[Any], str, Numbers, Mapping[int, int]]


class MonthOfUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment did for one task in one month (UTC, `202611`), as `model` (the reported
    one, or the one asked for).

    `calls` counts first attempts. `days` is on how many days there was any. Latencies are of
    answers, with two digits that count.
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


def by_month(
    ledger: sqlite3.Connection, *, since: float | None = None, until: float | None = None
) -> list[MonthOfUsage]:
    """Usage by task, deployment, model and month. Both times are rounded down to a day; that of
    `until` is left out.
    """
    first = int((since or 0) // 86_400)
    end = _NEVER if until is None else int(until // 86_400)
    months: dict[_Key, _Month] = {}
    for (day, *name), outcome, numbers, latencies in _cells(ledger, first, end):
        month = int(sums.date_of(day)[:7].replace("-", ""))
        task, deployment, model = name
        found = months.setdefault((task, deployment, model, month), _Month())
        found.add(numbers, day=day, outcome=outcome)
        if outcome in ANSWERED:
            found.add_latencies(latencies)
    return [_month(key, found) for key, found in sorted(months.items(), key=itemgetter(0))]


def by_day(ledger: sqlite3.Connection, first: str, last: str) -> list[DayOfUsage]:
    """Usage by day, deployment and model; both days are included."""
    days: dict[tuple[str, str, str], _Month] = {}
    window = sums.day_of(first), sums.day_of(last) + 1
    for (day, _, deployment, model), outcome, numbers, _ in _cells(ledger, *window):
        found = days.setdefault((sums.date_of(day), deployment, model), _Month())
        found.add(numbers, day=day, outcome=outcome)
    return [_day(key, found) for key, found in sorted(days.items(), key=itemgetter(0))]


class _Month:
    def __init__(self) -> None:
        self.sums: Numbers = _NOTHING
        self.outcomes: Counter[str] = Counter()
        self.days: set[int] = set()
        self.latencies: Counter[int] = Counter()

    def add(self, numbers: Numbers, *, day: int, outcome: str) -> None:
        self.sums = tuple(map(int.__add__, self.sums, numbers))
        self.outcomes[outcome] += numbers[0]
        self.days.add(day)

    def add_latencies(self, latencies: Mapping[int, int]) -> None:
        mine = self.latencies
        for microseconds, n in latencies.items():
            mine[microseconds] += n

    @property
    def numbers(self) -> dict[str, int]:
        return dict(zip(NUMBERS, self.sums, strict=True))


def _cells(ledger: sqlite3.Connection, first: int, end: int) -> Iterator[_Cell]:
    with sums.one_moment(ledger):
        asked = {"first": first, "end": end}
        for row in ledger.execute(_CELLS, asked):
            yield row[:4], row[4], row[5:], {}
        for *name, outcome, latencies in ledger.execute(_LATENCIES, asked):
            yield name, outcome, _NOTHING, sums.unpacked(latencies)
        for (tag, _, key), cell in sums.pending(ledger, with_open=False).cells.items():
            if not tag and first <= key[0] < end:
                yield key[:4], key[7], cell.numbers, cell.latencies


def _month(key: _Key, found: _Month) -> MonthOfUsage:
    task, deployment, model, month = key
    n, outcomes = found.numbers, found.outcomes
    p50, p95, p99 = (sums.percentile_s(found.latencies, percent) for percent in (50, 95, 99))
    return MonthOfUsage(
        task=task,
        deployment=deployment,
        model=model,
        month=month,
        attempts=n["attempts"],
        calls=n["firsts"],
        valid=outcomes["valid"],
        not_valid=outcomes["invalid"] + outcomes["abstained"],
        in_doubt=outcomes["in_doubt"],
        unpriced=n["unpriced"],
        estimated=n["estimated"],
        marginal_nano=n["marginal_nano"],
        allocated_nano=n["allocated_nano"],
        doubt_nano=n["doubt_nano"],
        days=len(found.days),
        usage=sums.usage_of(n),
        latency_p50_s=p50,
        latency_p95_s=p95,
        latency_p99_s=p99,
    )


def _day(key: tuple[str, str, str], found: _Month) -> DayOfUsage:
    day, deployment, model = key
    return DayOfUsage(
        day=day,
        deployment=deployment,
        model=model,
        attempts=found.numbers["attempts"],
        estimated=found.numbers["estimated"],
        marginal_nano=found.numbers["marginal_nano"],
        usage=sums.usage_of(found.numbers),
    )
