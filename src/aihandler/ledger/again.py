"""Tells calls from attempts: how many attempts came after another one of the same call."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from operator import itemgetter

from aihandler.ledger.summands import (
    KEPT_TAGS,
    Key,
    Marks,
    Summand,
    ids_of_calls,
    of_all_calls,
    of_entries,
)

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
_Place = tuple[Key, Marks]
# Many calls take the same way: what they add is found out once.
_Call = tuple[_Place, ...]


def added(ledger: sqlite3.Connection, summands: Collection[Summand]) -> Again:
    """What these entries add: all other entries of their calls that have ended are in the sums."""
    here = {summand.id: summand for summand in summands}
    several = list(ids_of_calls(ledger, {summand.call_id for summand in summands}))
    elsewhere = of_entries(ledger, [entry_id for _, entry_id in several if entry_id not in here])
    summed = {summand.id: summand for summand in elsewhere if summand.ended}
    after: Counter[_Call] = Counter()
    before: Counter[_Call] = Counter()
    for _, ids in groupby(several, key=itemgetter(0)):
        mine, others = [], []
        for _, entry_id in ids:
            if entry_id in here:
                mine.append(_place(here[entry_id]))
            elif entry_id in summed:
                others.append(_place(summed[entry_id]))
        after[(*others, *mine)] += 1
        if others:
            before[tuple(others)] += 1
    found = _followers(after)
    found.subtract(_followers(before))
    return found


def of_all(ledger: sqlite3.Connection) -> Again:
    """What all entries of a ledger that have ended add."""
    calls: Counter[_Call] = Counter()
    for _, entries in groupby(of_all_calls(ledger), key=lambda summand: summand.call_id):
        calls[tuple(_place(summand) for summand in entries)] += 1
    return _followers(calls)


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


def _place(summand: Summand) -> _Place:
    return summand.key, summand.marks


def _followers(calls: Mapping[_Call, int]) -> Again:
    found: Again = Counter()
    for call, n in calls.items():
        if len(call) < 2:
            continue
        days: dict[tuple[str, str], list[int]] = {}
        for key, marks in call:
            for group in _groups(key, marks):
                days.setdefault(group, []).append(key[0])
        for (kind, value), on in days.items():
            for before, day in pairwise(sorted(on)):
                found[kind, value, before, day] += n
    return found


def _groups(key: Key, marks: Marks) -> Iterable[tuple[str, str]]:
    _, task, deployment, model, data_class, step, mode, outcome, validity = key
    yield "day", ""
    yield "task", task
    yield "deployment", deployment
    yield "model", model
    yield "class", data_class
    yield "step", step
    yield "mode", mode
    yield "validity", validity or outcome
    marked = dict(marks)
    for kind in _MARKS:
        yield kind, marked.get(kind, "")
