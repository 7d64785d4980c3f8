import asyncio
from pathlib import Path

import msgspec
import pytest
from ledger_making import StandingClock, opened, review

from aihandler.domain.answer import Answer, Validity
from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.errors import InputError
from aihandler.ledger import read_ledger


def test_what_waits_is_listed_oldest_first(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.review(review("late", created_at=20.0)))
        asyncio.run(ledger.journal.review(review("early", created_at=10.0, task="extract")))
        waiting = ledger.queries.open_reviews()
        assert [item.id for item in waiting] == ["review-early", "review-late"]
        assert [item.id for item in ledger.queries.open_reviews("triage")] == ["review-late"]


def test_an_item_comes_back_whole(tmp_path: Path) -> None:
    item = review(proposal={"category": "billing"}, attempts=b'[{"deployment": "vendor"}]')
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.review(item))
        assert ledger.queries.review_item(item.id) == item


def test_accepting_makes_the_proposal_the_answer_of_that_work(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.review(review()))
        ledger.accept_review("review-one")
        done = ledger.journal.done(digest("work", "one"))
        assert done is not None
        answer = msgspec.json.decode(done.answer, type=Answer[object])
        assert (answer.value, answer.validity) == ("other", Validity.REVIEWED)
        assert answer.data_class is DataClass.CONFIDENTIAL
        assert done.version == digest("answer", "other")
        assert ledger.queries.open_reviews() == []
        assert ledger.queries.review_item("review-one").state == "accepted"


def test_a_correction_is_kept_as_a_labelled_example_with_its_class(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.review(review()))
        ledger.correct_review("review-one", "billing")
        (example,) = ledger.queries.examples("triage")
        done = ledger.journal.done(digest("work", "one"))
    assert example.fields == {"text": "the text of one"}
    assert (example.expected, example.data_class) == ("billing", DataClass.CONFIDENTIAL)
    assert done is not None
    assert done.version == digest("answer", "billing")


def test_reviews_can_be_decided_while_a_run_writes(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        for name in ("one", "two"):
            asyncio.run(ledger.journal.review(review(name)))
        with read_ledger(ledger.path, clock=StandingClock()) as archive:
            archive.accept_review("review-one", "refund")
            archive.correct_review("review-two", "billing")
        for name in ("one", "two"):
            assert ledger.journal.done(digest("work", name)) is not None


def test_a_review_is_decided_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.review(review()))
        ledger.accept_review("review-one")
        with pytest.raises(InputError, match="accepted already"):
            ledger.correct_review("review-one", "billing")


def test_without_a_proposal_there_is_nothing_to_accept(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.review(review(proposal=None)))
        with pytest.raises(InputError, match="no proposal") as caught:
            ledger.accept_review("review-one")
    assert "review correct" in caught.value.hint


def test_a_review_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger, pytest.raises(InputError, match="no review 'nobody'"):
        ledger.accept_review("nobody")
