import asyncio
import sqlite3
from pathlib import Path

import pytest
from ledger_making import (
    accepted,
    answer,
    call,
    intent,
    opened,
    request,
    settlement,
)

from aihandler.domain.keys import digest
from aihandler.domain.usage import Cost
from aihandler.errors import StorageError
from aihandler.ledger import Ledger


def seen_by_others(folder: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "ledger.sqlite")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_an_intent_is_on_disk_before_intend_returns(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        entry_id = await ledger.journal.intend(intent())
        rows = seen_by_others(tmp_path, "SELECT id, state, expected_nano FROM entry")
        assert rows == [(entry_id, "intent", 500)]

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))


def test_a_sent_mark_rides_with_the_next_commit(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        entry_id = await ledger.journal.intend(intent("one"))
        ledger.journal.sent(entry_id)
        await ledger.journal.intend(intent("two"))
        states = seen_by_others(tmp_path, "SELECT state FROM entry ORDER BY id")
        assert states == [("sent",), ("intent",)]

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))


def test_a_settlement_is_on_disk_before_settle_returns(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await call(ledger)
        rows = seen_by_others(tmp_path, "SELECT state, outcome, marginal_nano FROM entry")
        assert rows == [("settled", "valid", 700)]

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))


def test_no_text_of_a_request_or_reply_is_in_the_ledger_file(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, request=request("MARKER-IN"), settled=settlement("MARKER-OUT")))
    assert b"MARKER" not in (tmp_path / "ledger.sqlite").read_bytes()
    assert b"MARKER-OUT" in (tmp_path / "ledger.content.sqlite").read_bytes()


@pytest.mark.parametrize("outcome", ["valid", "invalid"])
def test_a_whole_reply_is_found_again_under_its_key(tmp_path: Path, outcome: str) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement("refund", outcome=outcome)))
        reply = ledger.journal.finished(intent().key)
    assert reply is not None
    assert reply.text == "refund"


def test_a_truncated_reply_is_not_used_again(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement("ref", finish="length", outcome="invalid")))
        assert ledger.journal.finished(intent().key) is None


def test_a_failed_attempt_is_not_used_again(tmp_path: Path) -> None:
    failed = settlement(outcome="failed", reply=b"", usage=None, validity=None, cost=Cost())
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=failed))
        assert ledger.journal.finished(intent().key) is None


def test_accepted_work_is_found_by_a_later_run(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.accept(accepted("one", "billing", document_id="a.txt")))
    with opened(tmp_path) as ledger:
        done = ledger.journal.done(digest("work", "one"))
        assert done is not None
        assert done.answer == answer("billing", call_id="call-one")
        assert done.version == digest("answer", "billing")
        assert done.document_id == "a.txt"


def test_work_accepted_again_has_the_later_answer(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.accept(accepted("one", "billing")))
        asyncio.run(ledger.journal.accept(accepted("one", "refund")))
        done = ledger.journal.done(digest("work", "one"))
        assert done is not None
        assert done.version == digest("answer", "refund")
        assert b"refund" in done.answer


def test_resume_finds_all_done_keys_of_a_workflow(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await ledger.journal.start_run("run-1", "inbox")
        await ledger.journal.start_run("run-2", "outbox")
        await ledger.journal.accept(accepted("one", run_id="run-1"))
        await ledger.journal.accept(accepted("two", run_id="run-2"))

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        assert set(ledger.journal.done_keys("inbox")) == {digest("work", "one")}
        assert len(ledger.journal.done_keys()) == 2


def test_what_is_written_at_once_is_committed_together(tmp_path: Path) -> None:
    commits = 0

    async def body(ledger: Ledger) -> None:
        await asyncio.gather(*(call(ledger, str(n)) for n in range(64)))

    with opened(tmp_path) as ledger:
        batches = ledger.journal._writer._batches
        write = batches.write

        def counted(*given: object, **named: object) -> None:
            nonlocal commits
            commits += 1
            write(*given, **named)  # type: ignore[arg-type]

        batches.write = counted  # type: ignore[method-assign]
        asyncio.run(body(ledger))
        ids = seen_by_others(tmp_path, "SELECT count(DISTINCT id) FROM entry")
    assert ids == [(64,)]
    assert commits < 64


def test_an_intent_that_is_cancelled_is_not_in_doubt(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        task = asyncio.create_task(ledger.journal.intend(intent()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
    with opened(tmp_path) as ledger:
        assert ledger.recovery.calls == 0
        assert ledger.queries.costs()[0].in_doubt == 0


def test_a_closed_journal_refuses_to_write(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.close()
    with pytest.raises(StorageError, match="is closed"):
        asyncio.run(ledger.journal.intend(intent()))


def test_without_content_only_accepted_answers_are_kept(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await call(ledger, request=request("MARKER-IN"), settled=settlement("MARKER-OUT"))
        await ledger.journal.accept(accepted("one", "billing"))

    with opened(tmp_path, keep_content=False) as ledger:
        asyncio.run(body(ledger))
        assert ledger.journal.finished(intent().key) is None
        assert ledger.journal.done(digest("work", "one")) is not None
    assert b"MARKER" not in b"".join(f.read_bytes() for f in tmp_path.iterdir())


def test_work_whose_content_was_moved_away_is_to_be_done_again(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.accept(accepted("one")))
    (tmp_path / "ledger.content.sqlite").unlink()
    with opened(tmp_path) as ledger:
        assert ledger.journal.done_keys() == {}
