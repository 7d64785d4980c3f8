"""Costs out of the sums by day: what `costs` shows of millions of calls, without reading them."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from aihandler.ledger import again, sums
from aihandler.ledger.evidence import ValidRate
from aihandler.ledger.summands import ANSWERED, KEPT_TAGS, NUMBERS, Key, Numbers
from aihandler.ledger.sums import Pending

# The grouping is a value like any other: no text is ever put together to a statement.
_PICKED = """
WITH picked AS (
    SELECT *, CASE :by
        WHEN 'task' THEN task
        WHEN 'deployment' THEN deployment
        WHEN 'model' THEN model
        WHEN 'class' THEN data_class
        WHEN 'day' THEN date(day * 86400, 'unixepoch')
        WHEN 'step' THEN step
        WHEN 'mode' THEN schema_mode
        WHEN 'validity' THEN coalesce(nullif(validity, ''), outcome)
        ELSE value
    END AS grp
    FROM usage_day WHERE tag = :tag AND day >= :first AND day < :end AND attempts > 0
)
"""
_SUMS = (
    _PICKED
    + """
SELECT grp, outcome, validity, sum(attempts), sum(firsts), sum(input_tokens),
       sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens),
       sum(cache_write_1h_tokens), sum(audio_input_tokens), sum(audio_output_tokens),
       sum(marginal_nano), sum(allocated_nano), sum(doubt_nano), sum(unpriced), sum(estimated),
       sum(reported_nano), sum(reported_more_nano)
FROM picked GROUP BY grp, outcome, validity
"""
)
_LATENCIES = _PICKED + "SELECT grp, latencies FROM picked"  # noqa: S608  # constants
_RATES = """
SELECT deployment, task, schema_mode, outcome, validity, sum(attempts) FROM usage_day
WHERE tag = '' AND day >= :first AND day < :end AND outcome IN ('valid', 'invalid', 'abstained')
GROUP BY 1, 2, 3, 4, 5
"""
_DAY_S = 86_400
_NEVER = 1 << 31
_GROUP_OF: Mapping[str, Callable[[Key], str]] = MappingProxyType(
    {
        "task": lambda key: key[1],
        "deployment": lambda key: key[2],
        "model": lambda key: key[3],
        "class": lambda key: key[4],
        "day": lambda key: sums.date_of(key[0]),
        "step": lambda key: key[5],
        "mode": lambda key: key[6],
        "validity": lambda key: key[8] or key[7],
    }
)
_NO_MORE = (0,) * (len(NUMBERS) - 1)
_VALID = ("exact", "repaired", "reasked", "escalated")


class Group:
    """Sums of one group of entries."""

    def __init__(self) -> None:
        self.numbers: Numbers = (0,) * len(NUMBERS)
        self.outcomes: Counter[str] = Counter()
        self.valid: Counter[str] = Counter()
        self.latencies: Counter[int] = Counter()
        self.followers = 0

    def add(self, numbers: Numbers, outcome: str, validity: str, *, times: int = 1) -> None:
        """Adds sums, or with -1 takes them away."""
        self.numbers = tuple(a + times * b for a, b in zip(self.numbers, numbers, strict=True))
        self.outcomes[outcome] += times * numbers[0]
        if outcome == "valid":
            self.valid[validity] += times * numbers[0]

    def add_latencies(self, latencies: Mapping[int, int], *, times: int = 1) -> None:
        """The same for how long they took."""
        mine = self.latencies
        for microseconds, n in latencies.items():
            mine[microseconds] += times * n


def days_of(since: float | None, until: float | None) -> range | None:
    """The days of a window that begins and ends with a day (UTC); None: it does not."""
    if (since or 0) % _DAY_S or (until or 0) % _DAY_S:
        return None
    return range(int((since or 0) // _DAY_S), _NEVER if until is None else int(until // _DAY_S))


def is_kept(by: str) -> bool:
    """Whether there are sums by this grouping."""
    return by in _GROUP_OF or _tag(by) != ""


def groups(ledger: sqlite3.Connection, by: str, days: range) -> dict[str, Group]:
    """The sums of what began on these days, by group; call it in `sums.one_moment`."""
    tag = _tag(by)
    found: dict[str, Group] = {}
    pending = sums.pending(ledger, with_open=True)
    _gather(ledger, by, days, pending=pending, found=found)
    if tag:
        _gather_tagged(ledger, tag, days, pending=pending, found=found)
    kind = tag or by
    for value, before, day, n in again.ask(ledger, kind, first=days.start, end=days.stop):
        _follow(found, by, (value, before, day), n)
    for (of, value, before, day), n in pending.again.items():
        if of == kind and day in days and before in days:
            _follow(found, by, (value, before, day), n)
    return {value: group for value, group in sorted(found.items()) if group.numbers[0]}


def rates(ledger: sqlite3.Connection, days: range) -> list[ValidRate]:
    """Valid answers by task, deployment and mode."""
    found: dict[tuple[str, str, str], Group] = {}
    with sums.one_moment(ledger):
        window = {"first": days.start, "end": days.stop}
        for task, deployment, mode, outcome, validity, n in ledger.execute(_RATES, window):
            group = found.setdefault((task, deployment, mode), Group())
            group.add((n, *_NO_MORE), outcome, validity)
        for (tag, _, key), cell in sums.pending(ledger, with_open=False).cells.items():
            if not tag and key[0] in days and key[7] in ANSWERED:
                group = found.setdefault((key[2], key[1], key[6]), Group())
                group.add(cell.numbers, key[7], key[8])
    return [
        ValidRate(*name, group.numbers[0], *_valid(group))
        for name, group in sorted(found.items(), key=lambda item: (item[0][1], *item[0]))
        if group.numbers[0]
    ]


def _valid(group: Group) -> tuple[int, ...]:
    return (group.outcomes["valid"], *(group.valid[how] for how in _VALID))


def _tag(by: str) -> str:
    """The column `tag` of the sums by this grouping; empty for those that have a column."""
    kept = by == "tenant" or (by.startswith("tag:") and by[4:] in KEPT_TAGS)
    return by if kept else ""


def _gather(
    ledger: sqlite3.Connection,
    by: str,
    days: range,
    *,
    pending: Pending,
    found: dict[str, Group],
) -> None:
    # By a tag, all of it counts as without that tag at first.
    asked = {"by": by, "tag": "", "first": days.start, "end": days.stop}
    for grp, outcome, validity, *numbers in ledger.execute(_SUMS, asked):
        found.setdefault(grp, Group()).add(tuple(numbers), outcome, validity)
    for grp, latencies in ledger.execute(_LATENCIES, asked):
        found[grp].add_latencies(sums.unpacked(latencies))
    group_of = _GROUP_OF.get(by)
    for (tag, _, key), cell in pending.cells.items():
        if not tag and key[0] in days:
            group = found.setdefault(group_of(key) if group_of else "", Group())
            group.add(cell.numbers, key[7], key[8])
            group.add_latencies(cell.latencies)


def _gather_tagged(
    ledger: sqlite3.Connection,
    tag: str,
    days: range,
    *,
    pending: Pending,
    found: dict[str, Group],
) -> None:
    """Moves what has the tag out of the group that has none."""
    asked = {"by": tag, "tag": tag, "first": days.start, "end": days.stop}
    without = found.setdefault("", Group())
    for value, outcome, validity, *numbers in ledger.execute(_SUMS, asked):
        found.setdefault(value, Group()).add(tuple(numbers), outcome, validity)
        without.add(tuple(numbers), outcome, validity, times=-1)
    for value, latencies in ledger.execute(_LATENCIES, asked):
        unpacked = sums.unpacked(latencies)
        found[value].add_latencies(unpacked)
        without.add_latencies(unpacked, times=-1)
    for (of, value, key), cell in pending.cells.items():
        if of == tag and key[0] in days:
            own = found.setdefault(value, Group())
            own.add(cell.numbers, key[7], key[8])
            own.add_latencies(cell.latencies)
            without.add(cell.numbers, key[7], key[8], times=-1)
            without.add_latencies(cell.latencies, times=-1)


def _follow(found: dict[str, Group], by: str, place: tuple[str, int, int], n: int) -> None:
    value, before, day = place
    if by == "day":
        if before != day:
            return
        value = sums.date_of(day)
    if value in found:
        found[value].followers += n
