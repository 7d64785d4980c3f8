"""Tells calls from attempts: how many attempts came after another one of the same call."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, pairwise

from aihandler.ledger.summands import KEPT_TAGS, Summand, of_all_calls, of_calls

_KEEP = """
INSERT INTO call_again (kind, value, before, day, attempts) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, day, value, before) DO UPDATE SET attempts = attempts + excluded.attempts
"""
_ASK = """
SELECT value, before, day, attempts FROM call_again
WHERE kind = :kind AND day >= :first AND day < :end AND before >= :first
"""
_MARKS = (*(f"tag:{name}" for name in KEPT_TAGS), "tenant")

# Grouping, group, day of the attempt before, day: how many attempts.
Again = Counter[tuple[str, str, int, int]]


def added(ledger: sqlite3.Connection, summands: Collection[Summand]) -> Again:
    """What these entries add: all other entries of their calls that have ended are in the sums."""
    ids = {summand.id for summand in summands}
    found: Again = Counter()
    several = of_calls(ledger, {summand.call_id for summand in summands})
    for _, entries in groupby(several, key=lambda summand: summand.call_id):
        every = [s for s in entries if s.id in ids or s.ended]
        found.update(_followers(every))
        found.subtract(_followers([s for s in every if s.id not in ids]))
    return found


def of_all(ledger: sqlite3.Connection) -> Again:
    """What all entries of a ledger that have ended add."""
    found: Again = Counter()
    for _, entries in groupby(of_all_calls(ledger), key=lambda summand: summand.call_id):
        found.update(_followers(list(entries)))
    return found


def keep(ledger: sqlite3.Connection, again: Again, *, times: int = 1) -> None:
    """Adds, or with -1 takes away."""
    rows = [(*key, times * n) for key, n in again.items() if n]
    if rows:
        ledger.executemany(_KEEP, rows)


def ask(
    ledger: sqlite3.Connection, kind: str, *, first: int, end: int
) -> Iterator[tuple[str, int, int, int]]:
    """Group, day before, day, attempts: for those in these days (`end` is not one of them) that
    follow one in them."""
    return ledger.execute(_ASK, {"kind": kind, "first": first, "end": end})


def _followers(entries: Iterable[Summand]) -> Again:
    days: dict[tuple[str, str], list[int]] = {}
    for summand in entries:
        for group in _groups(summand):
            days.setdefault(group, []).append(summand.key[0])
    found: Again = Counter()
    for (kind, value), on in days.items():
        if len(on) > 1:
            on.sort()
            for before, day in pairwise(on):
                found[kind, value, before, day] += 1
    return found


def _groups(summand: Summand) -> Iterable[tuple[str, str]]:
    _, task, deployment, model, data_class, step, mode, outcome, validity = summand.key
    yield "day", ""
    yield "task", task
    yield "deployment", deployment
    yield "model", model
    yield "class", data_class
    yield "step", step
    yield "mode", mode
    yield "validity", validity or outcome
    marks = dict(summand.marks)
    for kind in _MARKS:
        yield kind, marks.get(kind, "")
