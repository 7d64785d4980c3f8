"""A run that is stopped goes on; what is done is not asked again, what has changed is."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aihandler.errors import StorageError
from aihandler.handler import Handler
from aihandler.testing import FakeServer, Scripted
from workflow.offices import answer, office, run

TEXTS = [f"invoice number {n}" for n in range(20)]


def test_what_is_done_is_not_asked_again(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(answer) as server:
            await run(office(tmp_path, server.url), "simple", *TEXTS)
            assert server.calls == 20
            again = await run(office(tmp_path, server.url), "simple", *TEXTS, "a new one")
            assert server.calls == 21
            assert sum(r.steps["triage"].answer.reused for r in again) == 20

    asyncio.run(go())


def test_a_run_that_is_left_early_goes_on(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(lambda r: Scripted(answer(r), delay_s=0.01)) as server:
            async with office(tmp_path, server.url) as handler:
                async for _ in handler.map("simple", TEXTS, concurrency=2):
                    break
            settled = server.calls
            assert settled < 20
            results = await run(office(tmp_path, server.url), "simple", *TEXTS)
            assert all(r.steps["triage"].state == "done" for r in results)
            # At most what was in the air when it was left is asked a second time.
            assert server.calls <= 20 + 2

    asyncio.run(go())


def test_another_wording_of_the_task_is_other_work(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(answer) as server:
            await run(office(tmp_path, server.url), "simple", "an invoice")
            file = tmp_path / "aihandler.yaml"
            file.write_text(file.read_text().replace("TRIAGE ", "TRIAGE carefully "))
            await run(Handler.load(file), "simple", "an invoice")
            assert server.calls == 2

    asyncio.run(go())


def test_equal_documents_are_asked_once(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(answer) as server:
            results = await run(office(tmp_path, server.url), "simple", *["an invoice"] * 10)
            assert server.calls == 1
            assert len(results) == 10

    asyncio.run(go())


def test_a_correction_is_the_answer_from_then_on(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(answer) as server:
            await run(office(tmp_path, server.url), "office", "unclear words")
            with office(tmp_path, server.url).read_ledger() as ledger:
                (item,) = ledger.queries.open_reviews()
                ledger.correct_review(item.id, "bug")
            (result,) = await run(office(tmp_path, server.url), "office", "unclear words")
            assert result.steps["triage"].answer.value == "bug"
            assert result.steps["reply"].answer.value == "Dear bug friend"

    asyncio.run(go())


def test_a_work_in_review_is_queued_once(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(answer) as server:
            for _ in range(2):
                await run(office(tmp_path, server.url), "simple", "unclear words")
            with office(tmp_path, server.url).read_ledger() as ledger:
                assert len(ledger.queries.open_reviews()) == 1
            # The reply of the first run is found again: it is not paid a second time.
            assert server.calls == 1

    asyncio.run(go())


def test_two_runs_of_one_ledger_do_not_both_pay(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(answer) as server, office(tmp_path, server.url):
            with pytest.raises(StorageError, match="written by process"):
                await run(office(tmp_path, server.url), "simple", "an invoice")
            assert server.calls == 0

    asyncio.run(go())


def test_what_is_left_in_the_middle_is_settled_when_the_handler_closes(tmp_path: Path) -> None:
    async def go() -> None:
        async with FakeServer(lambda r: Scripted(answer(r), delay_s=0.2)) as server:
            handler = office(tmp_path, server.url)
            texts = handler.map("simple", TEXTS, concurrency=4)
            opened = asyncio.create_task(anext(aiter(texts)))
            await opened
            await handler.close()
            with handler.read_ledger() as ledger:
                (run_record,) = ledger.queries.runs()
                assert run_record.state == "stopped"
            with closing(sqlite3.connect(handler.ledger_path)) as ledger_file:
                states = [state for (state,) in ledger_file.execute("select state from entry")]
            assert len(states) >= 4
            # Each has ended, if only as doubt.
            assert not {"intent", "sent"} & set(states)

    asyncio.run(go())
