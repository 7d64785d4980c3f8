import asyncio
import tracemalloc
from pathlib import Path

from ledger_making import accepted, opened, review

from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.ledger import DocumentRow, Ledger, StepRow


def work(name: str) -> bytes:
    return digest("work", name)


async def documents(ledger: Ledger, *names: str, run_id: str = "run-1") -> None:
    await ledger.journal.start_run(run_id, "inbox")
    rows = [DocumentRow(n, name, DataClass.PUBLIC, "mails/") for n, name in enumerate(names)]
    await ledger.journal.add_documents(run_id, rows)


def test_results_come_in_input_order_whatever_finished_first(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await documents(ledger, "a", "b", "c")
        for seq, name in ((2, "c"), (0, "a"), (1, "b")):
            await ledger.journal.accept(accepted(name, f"value {name}"))
            await ledger.journal.finish_document(
                "run-1", seq, [StepRow("triage", "done", work(name))]
            )

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        results = list(ledger.queries.projection("run-1"))
    assert [result.document_id for result in results] == ["a", "b", "c"]
    answers = [result.steps["triage"].answer for result in results]
    assert [answer.value for answer in answers if answer] == ["value a", "value b", "value c"]
    assert results[0].data_class is DataClass.PUBLIC
    assert results[0].source == "mails/"


def test_a_document_that_is_not_finished_is_left_out(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(documents(ledger, "a"))
        assert list(ledger.queries.projection("run-1")) == []
        assert ledger.queries.document_states("run-1") == {"open": 1}


def test_equal_documents_share_one_answer(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await documents(ledger, "a", "twin")
        await ledger.journal.accept(accepted("a", "billing", document_id="a"))
        for seq in (0, 1):
            step = StepRow("triage", "done", work("a"))
            await ledger.journal.finish_document("run-1", seq, [step])

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        first, second = ledger.queries.projection("run-1")
    assert first.steps["triage"].answer == second.steps["triage"].answer
    assert first.steps["triage"].answer is not None


def test_skipped_and_failed_steps_are_told(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await documents(ledger, "a")
        steps = [
            StepRow("extract", "skipped", reason="when: kind == 'invoice'"),
            StepRow("triage", "error", work("a"), "no deployment answered"),
        ]
        await ledger.journal.finish_document("run-1", 0, steps)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (result,) = ledger.queries.projection("run-1")
        assert ledger.queries.document_states("run-1") == {"error": 1}
    assert [(s.step, s.state) for s in result.steps.values()] == [
        ("extract", "skipped"),
        ("triage", "error"),
    ]
    assert result.steps["triage"].reason == "no deployment answered"


def test_a_step_that_a_person_decided_since_is_done(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await documents(ledger, "one")
        await ledger.journal.review(review("one"))
        await ledger.journal.finish_document("run-1", 0, [StepRow("triage", "review", work("one"))])

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (before,) = ledger.queries.projection("run-1")
        assert before.steps["triage"].state == "review"
        ledger.accept_review("review-one")
        (after,) = ledger.queries.projection("run-1")
    assert after.steps["triage"].state == "done"
    assert after.steps["triage"].answer is not None
    assert after.steps["triage"].answer.value == "other"


def test_a_document_recorded_again_counts_once(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        row = DocumentRow(0, "a", DataClass.PUBLIC)
        for state in ("error", "done"):
            await ledger.journal.record_document("run-1", row, [StepRow("triage", state)])
        await ledger.journal.end_run("run-1", "done")

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (result,) = ledger.queries.projection("run-1")
        assert ledger.queries.document_states("run-1") == {"done": 1}
    assert result.steps["triage"].state == "done"


def test_many_documents_are_read_as_a_stream(tmp_path: Path) -> None:
    names = [f"{n:05d}" for n in range(3000)]

    async def body(ledger: Ledger) -> None:
        await documents(ledger, *names)
        await asyncio.gather(*(ledger.journal.accept(accepted(n, "x" * 500)) for n in names))
        finished = (
            ledger.journal.finish_document("run-1", seq, [StepRow("triage", "done", work(name))])
            for seq, name in enumerate(names)
        )
        await asyncio.gather(*finished)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        tracemalloc.start()
        try:
            seen = sum(1 for _ in ledger.queries.projection("run-1"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert seen == 3000
    # All of the answers together are above 2 MB.
    assert peak < 1_000_000
