"""Calls that were answered from the cache, as the ledger has them: beside the attempts."""

import sqlite3
from collections.abc import Mapping

import msgspec

from aihandler.domain.kept import CacheHit
from aihandler.ledger.batch import Rows

_KEEP = """
INSERT OR IGNORE INTO hit (
    call_id, at, source, age_s, task, task_version, deployment, validity, data_class, clearance,
    tenant, tags
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_OF_CALL = """
SELECT call_id, at, source, age_s, task, task_version, deployment, validity, data_class, clearance,
       tenant, tags
FROM hit WHERE call_id = ?
"""
# Of a call that needed several attempts only the answer is counted: that is what was kept.
_SAVED = """
WITH told AS (
    SELECT task, source, count(*) AS n FROM hit
    WHERE (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)
    GROUP BY task, source
)
SELECT told.task, sum(n), coalesce(sum(n * (
           input_tokens + cache_read_tokens + cache_write_tokens + cache_write_1h_tokens
           + audio_input_tokens + output_tokens + reasoning_tokens + audio_output_tokens)), 0),
       coalesce(sum(n * marginal_nano), 0),
       coalesce(sum(n) FILTER (WHERE entry.id IS NULL OR cost_status = 'unpriced'), 0)
FROM told LEFT JOIN entry ON entry.id = (
    SELECT max(id) FROM entry WHERE call_id = told.source AND outcome = 'valid'
)
GROUP BY told.task ORDER BY told.task
"""
_json = msgspec.json.Encoder()
_tags = msgspec.json.Decoder(dict[str, str])


class CachedRecord(msgspec.Struct, frozen=True):
    """Where an answer came from that nobody was asked for: `source` is the call that was asked."""

    source: str
    at: float
    age_s: float
    deployment: str
    validity: str


class CachedCalls(msgspec.Struct, frozen=True):
    """Calls of a task that were answered from the cache, and what the kept answers took when they
    were asked for: `nano` dollars on bills. Of `unpriced` calls that is not known."""

    task: str
    calls: int
    tokens: int
    nano: int
    unpriced: int


class HitRow(msgspec.Struct, frozen=True, array_like=True):
    """The columns in the order in which they are selected."""

    call_id: str
    at: float
    source: str
    age_s: float
    task: str
    task_version: str
    deployment: str
    validity: str
    data_class: str
    clearance: str
    tenant: str
    tags: str

    @property
    def told(self) -> CachedRecord:
        """What `show` says of it."""
        return CachedRecord(self.source, self.at, self.age_s, self.deployment, self.validity)

    @property
    def tags_by_name(self) -> Mapping[str, str]:
        """The tags again."""
        return _tags.decode(self.tags)


def kept(hit: CacheHit) -> Rows:
    """What is written."""
    row = (
        hit.call_id,
        hit.at,
        hit.source,
        hit.age_s,
        hit.task,
        hit.task_version,
        hit.deployment,
        hit.validity.value,
        hit.data_class.value,
        hit.clearance,
        hit.tenant,
        _json.encode(hit.tags).decode() if hit.tags else "{}",
    )
    return Rows(_KEEP, [row])


def by_task(
    ledger: sqlite3.Connection, *, since: float | None, until: float | None
) -> list[CachedCalls]:
    """Of what was answered from `since` on and before `until`."""
    found = ledger.execute(_SAVED, {"since": since, "until": until})
    return [CachedCalls(*row) for row in found]


def of_call(ledger: sqlite3.Connection, call_id: str) -> HitRow | None:
    """The hit of that id, if there is one."""
    row = ledger.execute(_OF_CALL, (call_id,)).fetchone()
    return None if row is None else msgspec.convert(row, HitRow)
