import asyncio
import os
from pathlib import Path

import pytest
from ledger_making import StandingClock, accepted, call, opened

from aihandler.errors import StorageError
from aihandler.ledger import read_ledger


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StorageError, match=f"process {os.getpid()}") as caught:
        opened(tmp_path)
    assert "wait until that run ends" in caught.value.hint


def test_the_next_writer_comes_in_when_the_first_is_done(tmp_path: Path) -> None:
    opened(tmp_path).close()
    opened(tmp_path).close()


def test_a_reader_sees_a_run_that_is_writing(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger))
        with read_ledger(ledger.path, clock=StandingClock()) as archive:
            assert archive.queries.costs()[0].calls == 1
            asyncio.run(call(ledger, "two"))
            assert archive.queries.costs()[0].calls == 2


def test_a_reader_can_ask_when_nobody_writes(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger))
    with read_ledger(ledger.path, clock=StandingClock()) as archive:
        assert archive.queries.costs()[0].calls == 1


def test_a_reader_of_no_ledger_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no ledger") as caught:
        read_ledger(tmp_path / "ledger.sqlite", clock=StandingClock())
    assert caught.value.hint == "run a workflow first"


def test_another_process_may_forget_while_a_run_writes(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, document_id="a.txt"))
        asyncio.run(ledger.journal.accept(accepted("one", document_id="a.txt")))
        with read_ledger(ledger.path, clock=StandingClock()) as archive:
            forgotten = archive.forget(document_id="a.txt")
        assert (forgotten.exchanges, forgotten.answers, forgotten.complete) == (1, 1, True)
        asyncio.run(call(ledger, "two"))
