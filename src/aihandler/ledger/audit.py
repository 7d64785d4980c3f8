"""The audit table: each row's digest covers the row before, so that none can be changed alone.

Found are an edit, a removal, a gap and another order. Not found is a table that somebody cut at its
end or wrote anew as a whole: keep the last digest elsewhere (`aihandler audit verify --json`).
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping

import msgspec

from aihandler.domain.api_key import AuditRow
from aihandler.domain.task import Json

_APPEND = "INSERT INTO audit (seq, at, who, action, body, digest) VALUES (?, ?, ?, ?, ?, ?)"
_LAST = "SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1"
_ALL = "SELECT seq, at, who, action, body, digest FROM audit ORDER BY seq"
_canonical = msgspec.json.Encoder(order="deterministic").encode
_BEGINNING = b"aihandler audit"


def append(
    ledger: sqlite3.Connection, action: str, body: Mapping[str, Json], *, who: str, wall: float
) -> None:
    """Adds a row; called within the transaction of what it tells of."""
    last = ledger.execute(_LAST).fetchone()
    seq, before = (int(last[0]) + 1, bytes(last[1])) if last else (1, _BEGINNING)
    text = _canonical(body).decode()
    digest = _digest(before, seq, wall, who, action, text)
    ledger.execute(_APPEND, (seq, wall, who, action, text, digest))


def last_number(ledger: sqlite3.Connection) -> int:
    """The number of the last row; 0 when there is none."""
    last = ledger.execute(_LAST).fetchone()
    return int(last[0]) if last else 0


def rows(ledger: sqlite3.Connection) -> Iterator[AuditRow]:
    """All rows in their order."""
    for seq, at, who, action, body, digest in ledger.execute(_ALL):
        yield AuditRow(seq, at, who, action, body, bytes(digest))


def first_wrong(ledger: sqlite3.Connection) -> int | None:
    """The number of the first row that is not what was written; None when all are."""
    before, expected = _BEGINNING, 1
    for row in rows(ledger):
        digest = _digest(before, row.seq, row.at, row.who, row.action, row.body)
        if row.seq != expected or digest != row.digest:
            return expected
        before, expected = row.digest, row.seq + 1
    return None


def _digest(before: bytes, *fields: object) -> bytes:
    return hashlib.sha256(before + _canonical(fields)).digest()
