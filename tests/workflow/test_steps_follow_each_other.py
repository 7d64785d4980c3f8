"""Steps read the document and each other; what one document lacks does not stop the others."""

import asyncio
from pathlib import Path

import pytest

from aihandler.domain.labels import DataClass
from aihandler.errors import PolicyDenied
from aihandler.testing import FakeServer
from workflow.offices import answer, office, run


def results_of(folder: Path, workflow: str, *texts: str, **options: object):  # type: ignore[no-untyped-def]
    async def go():  # type: ignore[no-untyped-def]
        async with FakeServer(answer) as server:
            return await run(office(folder, server.url), workflow, *texts, **options)

    return asyncio.run(go())


def test_a_condition_on_an_earlier_step_decides(tmp_path: Path) -> None:
    bill, bug = results_of(tmp_path, "office", "an invoice", "it crashes")
    assert bill.steps["total"].answer.value == {"net": 10, "total": 12}
    assert bug.steps["total"].state == "skipped"
    assert bug.steps["total"].reason == "not when triage == 'billing'"


def test_a_step_reads_the_answer_of_another(tmp_path: Path) -> None:
    (bill,) = results_of(tmp_path, "office", "an invoice")
    assert bill.steps["reply"].answer.value == "Dear billing friend"


def test_a_check_that_does_not_hold_is_an_error_of_its_document(tmp_path: Path) -> None:
    huge, fine = results_of(tmp_path, "office", "a huge invoice", "an invoice")
    assert huge.steps["small"].state == "error"
    assert "total.total < 1000" in huge.steps["small"].reason
    assert fine.steps["small"].state == "done"


def test_a_function_sees_only_what_it_uses(tmp_path: Path) -> None:
    (bill,) = results_of(tmp_path, "office", "an invoice")
    assert bill.steps["enriched"].answer.value == {"seen": ["triage"], "length": 10}


def test_a_function_that_raises_is_an_error_of_its_document(tmp_path: Path) -> None:
    (bill,) = results_of(tmp_path, "office", "a broken invoice")
    assert bill.steps["enriched"].state == "error"
    assert "raised RuntimeError" in bill.steps["enriched"].reason
    assert bill.steps["reply"].state == "done"


def test_a_step_whose_input_is_in_review_is_skipped_and_says_so(tmp_path: Path) -> None:
    (unclear,) = results_of(tmp_path, "office", "something unclear")
    assert unclear.steps["triage"].state == "review"
    assert unclear.steps["reply"].state == "skipped"
    assert "'triage'" in unclear.steps["reply"].reason


def test_the_class_of_a_workflow_raises_that_of_its_documents(tmp_path: Path) -> None:
    (secret,) = results_of(tmp_path, "secret", "it crashes")
    assert secret.data_class is DataClass.CONFIDENTIAL
    assert secret.steps["reply"].answer.data_class is DataClass.CONFIDENTIAL


def test_a_document_above_the_ceiling_of_a_key_is_refused(tmp_path: Path) -> None:
    (refused,) = results_of(tmp_path, "secret", "it crashes", key="clerk")
    assert refused.steps["triage"].state == "error"
    assert "'clerk'" in refused.steps["triage"].reason


def test_one_call_above_the_ceiling_is_refused(tmp_path: Path) -> None:
    handler = office(tmp_path, "http://127.0.0.1:1")
    with handler, pytest.raises(PolicyDenied, match="clerk"):
        handler.run_sync("triage", text="x", data_class="restricted", key="clerk")


def test_a_task_runs_as_a_workflow_of_one_step(tmp_path: Path) -> None:
    (bug,) = results_of(tmp_path, "triage", "it crashes")
    assert bug.steps["triage"].answer.value == "bug"


def test_a_step_that_reads_no_other_step_has_the_class_of_its_document(tmp_path: Path) -> None:
    from aihandler.domain.task import CheckStep, Workflow

    alone = Workflow("alone", (CheckStep("named", "document.text != ''"),))

    async def go():  # type: ignore[no-untyped-def]
        async with office(tmp_path, "http://127.0.0.1:1") as handler:
            documents = [{"text": "x", "Data-Class": "restricted"}, {"text": "\ud800"}]
            results = [r async for r in handler.map(alone, documents)]
            return sorted(results, key=lambda r: r.document_id)

    restricted, broken = asyncio.run(go())
    assert restricted.steps["named"].answer.data_class is DataClass.RESTRICTED
    assert "no Unicode text" in broken.steps["named"].reason
