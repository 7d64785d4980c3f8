import asyncio
import json
from pathlib import Path

import pytest
from classroom import ask, caller_for, cleared, here, ticket_task, triage_task

from aihandler.domain.answer import ReplyDone, TextDelta
from aihandler.domain.conversation import Request, message
from aihandler.domain.task import JsonOutput, LabelOutput, TextOutput
from aihandler.domain.usage import Usage
from aihandler.errors import BackendRejected, PolicyDenied


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def test_a_label_with_its_probability(folder: Path) -> None:
    task = ticket_task()
    reply = asyncio.run(
        ask(caller_for(folder, task), "classify", {"text": "wrong invoice"}, output=task.output)
    )
    assert (reply.text, reply.finish, reply.usage) == ("billing", "stop", Usage())
    assert 0.5 < (reply.confidence or 0) < 1
    assert reply.model.startswith("classify-")


def test_an_object_of_enumerations_as_compact_json(folder: Path) -> None:
    task = triage_task()
    reply = asyncio.run(
        ask(
            caller_for(folder, task),
            "classify",
            {"text": "the app crashes, urgent, fix it now"},
            output=task.output,
        )
    )
    assert reply.text == '{"category":"bug","priority":"high"}'
    assert reply.finish == "stop"


def test_it_passes_below_the_least_confidence_and_says_what_it_would_have_said(
    folder: Path,
) -> None:
    task = ticket_task(min_confidence=0.9999)
    reply = asyncio.run(
        ask(caller_for(folder, task), "classify", {"text": "wrong invoice"}, output=task.output)
    )
    assert (reply.text, reply.finish) == ("billing", "abstain")
    assert reply.confidence is not None


def test_it_passes_always_when_its_examples_cannot_hold_the_quality_asked_for(
    folder: Path,
) -> None:
    task = ticket_task(quality_target=0.999)
    caller = caller_for(folder, task)
    reply = asyncio.run(ask(caller, "classify", {"text": "wrong invoice"}, output=task.output))
    assert reply.finish == "abstain"
    report = asyncio.run(caller.train(task))
    assert (report.threshold, report.coverage) == (1.0, 0.0)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_it_passes_on_a_text_without_words(folder: Path, text: str) -> None:
    task = ticket_task()
    reply = asyncio.run(
        ask(caller_for(folder, task), "classify", {"text": text}, output=task.output)
    )
    assert (reply.finish, reply.confidence) == ("abstain", 0.0)


def test_it_answers_about_a_text_of_100_mb(folder: Path) -> None:
    task = ticket_task()
    text = "the app crashes " + "on " * 34_000_000
    reply = asyncio.run(
        ask(caller_for(folder, task), "classify", {"text": text}, output=task.output)
    )
    assert reply.text in {"billing", "bug"}


def test_a_stream_is_the_same_answer_in_one_piece(folder: Path) -> None:
    task = ticket_task()
    caller = caller_for(folder, task)
    deployment = here("classify")

    async def events() -> list[object]:
        return [
            event
            async for event in caller.stream(
                Request("triage", (), {"text": "wrong invoice"}, task.output),
                deployment,
                cleared(deployment),
                deadline=caller._clock.monotonic() + 60,
                sent=lambda: None,
            )
        ]

    first, last = asyncio.run(events())
    assert first == TextDelta("billing")
    assert isinstance(last, ReplyDone)
    assert last.reply.text == "billing"


def test_data_that_may_not_come_here_is_refused_before_anything_runs(folder: Path) -> None:
    task = ticket_task()
    caller = caller_for(folder, task)
    ran: list[int] = []

    async def call() -> None:
        await caller.call(
            Request("triage", (), {"text": "x"}, task.output),
            here("classify"),
            cleared(here("extract")),
            deadline=caller._clock.monotonic() + 60,
            sent=lambda: ran.append(1),
        )

    with pytest.raises(PolicyDenied):
        asyncio.run(call())
    assert not ran


def test_its_name_changes_with_what_makes_it_pass(folder: Path) -> None:
    request = Request("triage", (), {"text": "x"})
    names = {
        caller_for(folder, task).model_identity(request, here("classify"))
        for task in (ticket_task(), ticket_task(quality_target=0.9), triage_task())
    }
    assert len(names) == 3


@pytest.mark.parametrize(
    ("kind", "output", "words"),
    [
        ("classify", TextOutput(), "cannot give its output"),
        ("extract", LabelOutput(("a", "b")), "fills a JSON Schema"),
        ("summarise", LabelOutput(("a", "b")), "gives a line of text"),
        ("translate", TextOutput(), "has no backend"),
    ],
)
def test_a_model_that_cannot_do_the_task_says_so(
    folder: Path, kind: str, output: object, words: str
) -> None:
    task = ticket_task(output=output)
    with pytest.raises(BackendRejected, match=words) as caught:
        asyncio.run(ask(caller_for(folder, task), kind, {"text": "x"}, output=task.output))
    assert caught.value.hint


def test_a_call_with_messages_only_is_refused(folder: Path) -> None:
    caller = caller_for(folder, ticket_task())
    deployment = here("classify")

    async def call() -> None:
        await caller.call(
            Request("triage", (message("user", "hello"),)),
            deployment,
            cleared(deployment),
            deadline=caller._clock.monotonic() + 60,
            sent=lambda: None,
        )

    with pytest.raises(BackendRejected, match="reads fields"):
        asyncio.run(call())


INVOICE = {
    "type": "object",
    "properties": {"invoice_number": {"type": "string"}, "total": {"type": "number"}},
}


def test_an_invoice_is_extracted_as_json(folder: Path) -> None:
    caller = caller_for(folder)
    text = "Invoice number: INV-2041\nNet: 100.00\nVAT: 19.00\nTotal due: EUR 119.00"
    reply = asyncio.run(ask(caller, "extract", {"text": text}, output=JsonOutput(INVOICE)))
    assert json.loads(reply.text) == {"invoice_number": "INV-2041", "total": 119}
    assert (reply.finish, reply.model.startswith("extract-")) == ("stop", True)


def test_an_extraction_that_finds_nothing_passes(folder: Path) -> None:
    caller = caller_for(folder)
    reply = asyncio.run(ask(caller, "extract", {"text": "hello there"}, output=JsonOutput(INVOICE)))
    assert (reply.finish, reply.text, reply.confidence) == ("abstain", "{}", 0.0)


def test_a_long_text_is_summarised_in_a_line_of_the_length_asked_for(folder: Path) -> None:
    caller = caller_for(folder)
    text = "The delivery of the new pumps is late by two weeks. " * 1_000
    reply = asyncio.run(ask(caller, "summarise", {"text": text}, output=TextOutput(max_chars=80)))
    assert reply.finish == "stop"
    assert 0 < len(reply.text) <= 80


def test_an_empty_text_has_no_summary(folder: Path) -> None:
    caller = caller_for(folder)
    reply = asyncio.run(ask(caller, "summarise", {"text": ""}, output=TextOutput()))
    assert (reply.finish, reply.text) == ("abstain", "")
