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
_json = msgspec.json.Encoder()
_tags = msgspec.json.Decoder(dict[str, str])


class CachedRecord(msgspec.Struct, frozen=True):
    """Where an answer came from that nobody was asked for: `source` is the call that was asked."""

    source: str
    at: float
    age_s: float
    deployment: str
    validity: str


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


def of_call(ledger: sqlite3.Connection, call_id: str) -> HitRow | None:
    """The hit of that id, if there is one."""
    row = ledger.execute(_OF_CALL, (call_id,)).fetchone()
    return None if row is None else msgspec.convert(row, HitRow)
