"""What one entry adds to the sums: the same, read from the file or taken as it is written."""

import json
import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from aihandler.domain.ports import Intent

# The tags that a gateway sets; by others, costs read the entries.
KEPT_TAGS = ("key", "user", "team", "project")
ANSWERED = frozenset({"valid", "invalid", "abstained"})
_STILL_OPEN = frozenset({"intent", "sent"})

# An attempt that has not ended is told by its state.
_COLUMNS = """
SELECT e.id, e.call_id, e.started_at, e.tenant, e.tags, e.latency_ms,
       CAST(e.started_at / 86400 AS INTEGER), e.task, e.deployment,
       coalesce(nullif(e.reported_model, ''), e.model), e.data_class, e.step, e.schema_mode,
       coalesce(e.outcome, e.state), coalesce(e.validity, ''),
       1, e.reason = 'first', e.input_tokens, e.cache_read_tokens, e.cache_write_tokens,
       e.output_tokens, e.reasoning_tokens, e.cache_write_1h_tokens, e.audio_input_tokens,
       e.audio_output_tokens, e.marginal_nano, e.allocated_nano, e.doubt_nano,
       coalesce(e.cost_status = 'unpriced', 0), coalesce(e.usage_state = 'estimated', 0),
       coalesce(e.reported_nano, 0),
       iif(e.cost_status = 'priced', coalesce(e.reported_nano - e.marginal_nano, 0), 0)
"""
_OF_IDS = _COLUMNS + "FROM json_each(?) AS wanted CROSS JOIN entry AS e ON e.id = wanted.value"
# Entries beyond an id, in their order; those that say the same are summed by SQLite.
_LAST_OF_SLICE = "SELECT max(id), count(*) FROM (SELECT id FROM entry WHERE id > ? LIMIT ?)"
_SLICE = """
SELECT tenant, tags, json_group_array(latency_ms) FILTER (WHERE latency_ms IS NOT NULL),
       CAST(started_at / 86400 AS INTEGER) AS day, task, deployment,
       coalesce(nullif(reported_model, ''), model) AS model_, data_class, step, schema_mode,
       outcome, coalesce(validity, '') AS validity_,
       count(*), sum(reason = 'first'), sum(input_tokens), sum(cache_read_tokens),
       sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens),
       sum(cache_write_1h_tokens), sum(audio_input_tokens), sum(audio_output_tokens),
       sum(marginal_nano), sum(allocated_nano), sum(doubt_nano),
       sum(coalesce(cost_status = 'unpriced', 0)), sum(coalesce(usage_state = 'estimated', 0)),
       sum(coalesce(reported_nano, 0)),
       sum(iif(cost_status = 'priced', coalesce(reported_nano - marginal_nano, 0), 0))
FROM entry WHERE id > ? AND id <= ? AND outcome IS NOT NULL
GROUP BY tenant, tags, day, task, deployment, model_, data_class, step, schema_mode, outcome,
         validity_
"""
_IDS_OF_CALLS = """
SELECT wanted.value, e.id FROM json_each(?) AS wanted CROSS JOIN entry AS e
ON e.call_id = wanted.value
WHERE (SELECT count(*) FROM (SELECT 1 FROM entry WHERE call_id = wanted.value LIMIT 2)) > 1
"""
_OF_ALL_CALLS = (
    _COLUMNS  # noqa: S608  # constants
    + """
FROM (SELECT call_id AS id FROM entry GROUP BY call_id HAVING count(*) > 1) AS several
CROSS JOIN entry AS e ON e.call_id = several.id WHERE e.outcome IS NOT NULL ORDER BY e.call_id
"""
)
# Where the second digit of so many microseconds stands.
_EDGES_US = tuple(99.5 * 10**n for n in range(9))
_STEPS_US = (1, *(10**n for n in range(1, 10)))
_tags = msgspec.json.Decoder(dict[str, str])

# What is summed of each entry, in the order of the table `usage_day`.
NUMBERS = (
    "attempts",
    "firsts",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "marginal_nano",
    "allocated_nano",
    "doubt_nano",
    "unpriced",
    "estimated",
    "reported_nano",
    "reported_more_nano",
)

# A row for `SETTLE`.
Row = tuple[object, ...]
# Day, task, deployment, model, class, step, mode, outcome, validity.
Key = tuple[int, str, str, str, str, str, str, str, str]
# A grouping and a group: the tenant, and the tags that are kept.
Marks = tuple[tuple[str, str], ...]
# By place, as NUMBERS names them.
Numbers = tuple[int, ...]
# What entries have in common, their sums, and how many took how many microseconds.
Alike = tuple[Key, Marks, Numbers, Counter[int]]


class Summand(msgspec.Struct, frozen=True, gc=False):
    """One entry."""

    id: int
    call_id: str
    started_at: float
    latency_ms: float | None
    key: Key
    marks: Marks
    numbers: Numbers

    @property
    def ended(self) -> bool:
        """Whether it is known what came of it, or that nobody knows."""
        return self.key[7] not in _STILL_OPEN


def of_entries(ledger: sqlite3.Connection, entries: Iterable[int]) -> list[Summand]:
    """Those of the file."""
    return [_read(row) for row in ledger.execute(_OF_IDS, (json.dumps(list(entries)),))]


def slices(ledger: sqlite3.Connection, size: int) -> Iterator[tuple[int, Iterator[Alike]]]:
    """All entries that have ended, a slice after the other: how many it has, open ones included,
    and what those have in common that are alike."""
    after = 0
    while True:
        last, n = ledger.execute(_LAST_OF_SLICE, (after, size)).fetchone()
        if not n:
            return
        yield n, map(_alike, ledger.execute(_SLICE, (after, last)))
        after = last


def ids_of_calls(ledger: sqlite3.Connection, calls: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Call and entry, call by call, for those of the calls that have more than one entry."""
    return ledger.execute(_IDS_OF_CALLS, (json.dumps(list(calls)),))


def of_all_calls(ledger: sqlite3.Connection) -> Iterator[Summand]:
    """What has ended of all calls that have more than one entry, call by call."""
    return map(_read, ledger.execute(_OF_ALL_CALLS))


def of_settled(entry_id: int, intent: Intent, row: Row) -> Summand:
    """What `row`, a row for `SETTLE`, makes of an intent."""
    # By place: a name for each of these columns costs as much as the sums.
    outcome, validity, _, usage_state = row[:4]
    reported, marginal, status = row[26], row[12], row[15]
    more = 0
    if reported is not None and status == "priced":
        more = reported - marginal  # type: ignore[operator]  # both are integers
    key = (
        int(intent.started_at // 86_400),
        intent.task,
        intent.deployment,
        row[22] or intent.model,
        intent.data_class.value,
        intent.step,
        intent.schema_mode,
        outcome,
        validity or "",
    )
    numbers = (
        1,
        int(intent.reason == "first"),
        *row[4:15],
        int(status == "unpriced"),
        int(usage_state == "estimated"),
        reported or 0,
        more,
    )
    marks = marks_of(intent.tenant, intent.tags)
    return Summand(entry_id, intent.call_id, intent.started_at, row[17], key, marks, numbers)  # type: ignore[arg-type]  # of a row we made


def marks_of(tenant: str, tags: Mapping[str, str]) -> Marks:
    """The groups of an entry beside those of its key; an empty value is none."""
    marks = [(f"tag:{name}", tags[name]) for name in KEPT_TAGS if tags.get(name)] if tags else []
    return (*marks, ("tenant", tenant)) if tenant else tuple(marks)


def two_digits_us(latency_ms: float) -> int:
    """In microseconds, with two digits that count: what latencies are told by."""
    microseconds = latency_ms * 1000
    step: int = _STEPS_US[bisect_right(_EDGES_US, microseconds)]
    return int(microseconds / step + 0.5) * step


def _alike(row: tuple[Any, ...]) -> Alike:
    tenant, tags, latencies_ms = row[:3]
    latencies = Counter(map(two_digits_us, json.loads(latencies_ms)))
    marks = marks_of(tenant, _tags.decode(tags) if tags != "{}" else {})
    return row[3:12], marks, row[12:], latencies


def _read(row: tuple[object, ...]) -> Summand:
    entry_id, call_id, started_at, tenant, tags, latency_ms = row[:6]
    marks = marks_of(tenant, _tags.decode(tags) if tags != "{}" else {})  # type: ignore[arg-type]  # columns of text
    return Summand(entry_id, call_id, started_at, latency_ms, row[6:15], marks, row[15:])  # type: ignore[arg-type]  # as selected
