import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from ledger_making import (
    StandingClock,
    accepted,
    bytes_on_disk,
    call,
    intent,
    opened,
    request,
    review,
    settlement,
)

from aihandler.domain.keys import digest
from aihandler.errors import InputError, StorageError
from aihandler.ledger import DocumentRow, Ledger, StepRow

DAY = 86_400.0


async def one_document(ledger: Ledger, name: str, **given: Any) -> None:
    """A call, its accepted answer and a review, all of which hold `MARKER-<name>`."""
    marker, document_id = f"MARKER-{name}", f"{name}.txt"
    where = {"run_id": "run-1", "document_id": document_id, "step": "triage"}
    text = request(f"{marker} " * 3000)
    await call(ledger, name, request=text, settled=settlement(marker), **where, **given)
    await ledger.journal.accept(accepted(name, marker, **where))
    item = review(f"{name}", input=b'{"text": "' + marker.encode() + b'"}', proposal=marker)
    await ledger.journal.review(item)


def is_on_disk(folder: Path, marker: str) -> bool:
    return any(marker.encode() in data for data in bytes_on_disk(folder).values())


@pytest.mark.parametrize(
    "what", [{"document_id": "a.txt"}, {"tenant": "acme"}, {"call_id": "call-a"}]
)
def test_what_is_forgotten_is_nowhere_in_the_folder(tmp_path: Path, what: dict[str, str]) -> None:
    async def body(ledger: Ledger) -> None:
        await one_document(ledger, "a", tenant="acme")
        await one_document(ledger, "b", tenant="other")

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        assert is_on_disk(tmp_path, "MARKER-a")
        forgotten = ledger.forget(**what)
        assert forgotten.complete
        assert not is_on_disk(tmp_path, "MARKER-a")
        assert is_on_disk(tmp_path, "MARKER-b")
    assert not is_on_disk(tmp_path, "MARKER-a")


def test_forgotten_work_is_not_done_and_is_not_used_again(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(one_document(ledger, "a"))
        assert ledger.journal.done(digest("work", "a")) is not None
        ledger.forget(document_id="a.txt")
        assert ledger.journal.done(digest("work", "a")) is None
        assert ledger.journal.finished(intent("a").key) is None
        assert ledger.journal.done_keys() == {}


def test_what_was_spent_stays_in_the_ledger(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(one_document(ledger, "a"))
        ledger.forget(document_id="a.txt")
        (row,) = ledger.queries.costs("task")
    assert row.nano == 700


def test_an_answer_shared_with_an_equal_document_is_forgotten_too(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await one_document(ledger, "a")
        twin = DocumentRow(0, "twin.txt", intent().data_class)
        await ledger.journal.add_documents("run-1", [twin])
        step = StepRow("triage", "done", digest("work", "a"))
        await ledger.journal.finish_document("run-1", 0, [step])

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        ledger.forget(document_id="twin.txt")
        assert ledger.journal.done(digest("work", "a")) is None


def test_an_answer_that_was_replaced_is_forgotten_too(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        for value in ("MARKER-first", "MARKER-second"):
            await ledger.journal.accept(accepted("a", value, document_id="a.txt"))

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        assert ledger.forget(document_id="a.txt").answers == 2
        assert not is_on_disk(tmp_path, "MARKER")


def test_a_correction_is_forgotten_with_its_document(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(one_document(ledger, "a"))
        ledger.correct_review("review-a", "MARKER-right")
        ledger.forget(document_id="a.txt")
        assert ledger.queries.examples("triage") == []
        assert not is_on_disk(tmp_path, "MARKER")


def test_old_texts_go_and_open_reviews_stay(tmp_path: Path) -> None:
    clock = StandingClock()
    with opened(tmp_path, clock=clock) as ledger:
        asyncio.run(one_document(ledger, "old"))
        clock.now += 10 * DAY
        asyncio.run(one_document(ledger, "fresh"))
        forgotten = ledger.forget_older_than(days=7)
        assert (forgotten.exchanges, forgotten.answers, forgotten.reviews) == (1, 1, 0)
        assert ledger.queries.review_item("review-old").proposal == "MARKER-old"
        ledger.accept_review("review-old")
        clock.now += 8 * DAY
        ledger.forget_older_than(days=7)
        assert not is_on_disk(tmp_path, "MARKER-old")


def test_copies_from_before_a_migration_are_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(one_document(ledger, "a"))
        copy = tmp_path / "ledger.content.sqlite.before-2"
        copy.write_bytes((tmp_path / "ledger.content.sqlite").read_bytes())
        ledger.forget(document_id="a.txt")
    assert not copy.exists()


def test_to_forget_everything_by_mistake_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger, pytest.raises(InputError, match="what to forget"):
        ledger.forget()


def test_with_a_key_no_text_is_on_disk_and_all_is_readable(tmp_path: Path) -> None:
    key = os.urandom(32)
    with opened(tmp_path, encryption_key=key) as ledger:
        asyncio.run(one_document(ledger, "a"))
        assert not is_on_disk(tmp_path, "MARKER")
    with opened(tmp_path, encryption_key=key) as ledger:
        (shown,) = ledger.queries.show("call-a", with_content=True)
        assert "MARKER-a" in shown.attempts[0].request
        assert ledger.queries.review_item("review-a").proposal == "MARKER-a"
        reply = ledger.journal.finished(intent("a").key)
        assert reply is not None
        assert reply.text == "MARKER-a"


def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    opened(tmp_path, encryption_key=os.urandom(32)).close()
    with pytest.raises(StorageError, match="does not open") as caught:
        opened(tmp_path, encryption_key=os.urandom(32))
    assert "ledger.encryption_key" in caught.value.hint


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [(b"k" * 32, None, "is encrypted"), (None, b"k" * 32, "is not encrypted")],
)
def test_a_key_that_comes_or_goes_is_refused(
    tmp_path: Path, then: bytes | None, now: bytes | None, said: str
) -> None:
    opened(tmp_path, encryption_key=then).close()
    with pytest.raises(StorageError, match=said):
        opened(tmp_path, encryption_key=now)


def test_a_key_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="5 bytes") as caught:
        opened(tmp_path, encryption_key=b"short")
    assert "32 bytes" in caught.value.hint


def test_a_sealed_text_that_was_moved_to_another_row_does_not_open(tmp_path: Path) -> None:
    key = os.urandom(32)
    with opened(tmp_path, encryption_key=key) as ledger:
        asyncio.run(one_document(ledger, "a"))
        asyncio.run(one_document(ledger, "b"))
        content = ledger.journal._writer._batches._content.connection
        content.execute(
            "UPDATE exchange SET reply = (SELECT reply FROM exchange WHERE entry_id = 2)"
            " WHERE entry_id = 1"
        )
        with pytest.raises(StorageError, match="does not open"):
            ledger.queries.show("call-a", with_content=True)
