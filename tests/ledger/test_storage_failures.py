import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from ledger_making import StandingClock, accepted, call, intent, opened, settlement

from aihandler.errors import StorageError
from aihandler.ledger import Ledger, open_ledger, read_ledger, store


def test_a_full_disk_stops_everyone_and_loses_nothing(tmp_path: Path) -> None:
    async def fill(ledger: Ledger) -> int:
        for done in range(10_000):
            try:
                await call(ledger, str(done))
            except StorageError:
                return done
        raise AssertionError("the file was allowed to grow")

    async def waiting(ledger: Ledger) -> list[int | BaseException]:
        calls = (ledger.journal.intend(intent(f"late-{n}")) for n in range(3))
        return await asyncio.gather(*calls, return_exceptions=True)

    with opened(tmp_path) as ledger:
        connection = ledger.journal._writer._batches._ledger
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        # A file that may not grow is what a full disk looks like to SQLite.
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")
        done = asyncio.run(fill(ledger))
        late = asyncio.run(waiting(ledger))
        assert all(isinstance(error, StorageError) and "full" in str(error) for error in late)
        assert all(isinstance(error, StorageError) and "room" in error.hint for error in late)
    with opened(tmp_path) as ledger:
        (row,) = ledger.queries.costs("task")
        assert row.validity["exact"] == done
        asyncio.run(call(ledger, "after"))


def test_a_settlement_that_cannot_be_written_leaves_the_attempt_in_doubt(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        entry_id = await ledger.journal.intend(intent())
        ledger.journal.sent(entry_id)
        ledger.journal._writer._batches._ledger.execute("PRAGMA query_only = ON")
        with pytest.raises(StorageError):
            await ledger.journal.settle(entry_id, settlement())

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
    with opened(tmp_path) as ledger:
        assert ledger.recovery.calls == 1


def test_a_file_that_is_no_ledger_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"dear diary, " * 1000)
    with pytest.raises(StorageError, match="not a database") as caught:
        opened(tmp_path)
    assert "move it away" in caught.value.hint


def test_damage_is_found_after_an_unclean_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with opened(tmp_path) as ledger:
        asyncio.run(_many(ledger))
    data = bytearray(path.read_bytes())
    data[8192:-4096] = b"\x5a" * (len(data) - 12_288)
    path.write_bytes(data)
    # A write-ahead file that is still there says that nobody closed the ledger.
    path.with_name("ledger.sqlite-wal").write_bytes(b"\0" * 32)
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        opened(tmp_path)


async def _many(ledger: Ledger) -> None:
    await asyncio.gather(*(call(ledger, str(n)) for n in range(200)))


def test_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    _set_version(tmp_path / "ledger.sqlite", 99)
    for attempt in (opened, lambda f: read_ledger(f / "ledger.sqlite", clock=StandingClock())):
        with pytest.raises(StorageError, match="schema 99, newer") as caught:
            attempt(tmp_path)
        assert "newer version of aihandler" in caught.value.hint


def test_a_copy_is_kept_before_a_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger))
    known, now = store._migrations, _version(tmp_path / "ledger.sqlite")
    second = "ALTER TABLE run ADD COLUMN note TEXT;\nCREATE INDEX run_note ON run (note);\n"
    monkeypatch.setattr(
        store,
        "_migrations",
        lambda s: [*known(s), (now + 1, second)] if s == "ledger" else known(s),
    )
    with opened(tmp_path) as ledger:
        assert ledger.queries.costs()[0].calls == 1
    copy = tmp_path / f"ledger.sqlite.before-{now + 1}"
    assert _version(copy) == now
    assert _version(tmp_path / "ledger.sqlite") == now + 1
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).close()
    known, now = store._migrations, _version(tmp_path / "ledger.sqlite")
    broken = "ALTER TABLE run ADD COLUMN note TEXT;\nCREATE INDEX oops ON nowhere (column);\n"
    with monkeypatch.context() as patched:
        patched.setattr(
            store,
            "_migrations",
            lambda s: [*known(s), (now + 1, broken)] if s == "ledger" else known(s),
        )
        with pytest.raises(StorageError, match="nowhere"):
            opened(tmp_path)
    assert _version(tmp_path / "ledger.sqlite") == now
    opened(tmp_path).close()


def test_files_and_folder_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with opened(folder) as ledger:
        asyncio.run(ledger.journal.accept(accepted("one")))
        modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "ledger.sqlite-wal" in modes
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot be used") as caught:
        open_ledger(tmp_path / "file" / "ledger.sqlite", clock=StandingClock())
    assert caught.value.hint


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        batches = ledger.journal._writer._batches
        for connection in (batches._ledger, batches._content.connection):
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    newest = connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    connection.close()
    return int(newest)


def _set_version(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO schema_version VALUES (?, 0)", (version,))
    connection.close()
