"""A ledger as the first schema has it is written here by hand: its entries keep their meaning."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_making import NOON, StandingClock, call, opened

from aihandler.errors import StorageError
from aihandler.ledger import read_ledger, store
from aihandler.ledger.lock import RunLock

OLD_ENTRY = """
INSERT INTO entry (
    id, key, call_id, run_id, document_id, step, tenant, tags, task, task_version, deployment,
    model, reason, data_class, clearance, request_chars, started_at, state, outcome, validity,
    usage_state, input_tokens, output_tokens, marginal_nano, cost_status
) VALUES (1, x'00', 'old', '', 'a.txt', '', '', '{}', 'triage', 'v1', 'vendor', 'large', 'first',
          'internal', 'c', 10, ?, 'settled', 'valid', 'exact', 'reported', 100, 10, 700, 'priced')
"""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a ledger with one entry, as an earlier version left it."""
    known = store._migrations
    with monkeypatch.context() as earlier:
        earlier.setattr(store, "_migrations", lambda schema: known(schema)[:1])
        store.open_for_writing(tmp_path / "ledger.sqlite", "ledger", wall=NOON).close()
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    with connection:
        connection.execute(OLD_ENTRY, (NOON,))
    connection.close()
    content = tmp_path / "ledger.content.sqlite"
    store.open_for_writing(content, "content", wall=NOON).close()
    return tmp_path / "ledger.sqlite"


def test_a_run_goes_on_with_an_old_ledger(old: Path) -> None:
    content = old.with_name("ledger.content.sqlite")
    content.unlink()
    with opened(old.parent) as ledger:
        asyncio.run(call(ledger, "new", schema_mode="native"))
        (row,) = ledger.queries.costs()
        (record,) = ledger.queries.show("old")
    assert (row.calls, row.usage.input, row.nano) == (2, 200, 1400)
    entry = record.attempts[0]
    assert (entry.schema_mode, entry.tier, entry.fingerprint) == ("", "", "")
    assert entry.reported_nano is None
    assert old.with_name("ledger.sqlite.before-2").exists()


def test_an_old_ledger_can_be_looked_at_before_any_run(old: Path) -> None:
    with opened(old.parent.parent / "fresh") as fresh:
        expected = type(fresh.queries.costs())
    old.with_name("ledger.content.sqlite").unlink()
    (old.parent.parent / "fresh" / "ledger.content.sqlite").rename(
        old.with_name("ledger.content.sqlite")
    )
    with read_ledger(old, clock=StandingClock()) as beside:
        rows = beside.queries.costs()
        assert beside.queries.changes() == []
    assert isinstance(rows, expected)
    assert rows[0].usage.total == 110


def test_an_old_ledger_that_is_being_written_is_left_alone(old: Path) -> None:
    lock = RunLock(old)
    try:
        with pytest.raises(StorageError, match="is being written"):
            read_ledger(old, clock=StandingClock())
    finally:
        lock.release()
    assert store.is_older(old, "ledger")
