import asyncio
from pathlib import Path

import pytest
from ledger_making import call, opened, request, settlement

from aihandler.domain.clearance import Clearance
from aihandler.domain.labels import DataClass
from aihandler.errors import InputError
from aihandler.ledger import Ledger


def test_a_call_shows_each_attempt_and_why_it_was_made(tmp_path: Path) -> None:
    clearance = Clearance(DataClass.INTERNAL, {"vendor": "v", "local": "l"})
    problem = "/total: 12 is not the sum of the lines"

    async def body(ledger: Ledger) -> None:
        ledger.journal.note_clearance(clearance)
        ledger.journal.note_clearance(clearance)
        bad = settlement("{}", outcome="invalid", validity=None, problems=(problem,), status=200)
        given = {"call_id": "c", "clearance": clearance.fingerprint}
        await call(ledger, "one", settled=bad, **given)
        await call(ledger, "two", reason="reask", **given)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (shown,) = ledger.queries.show("c")
    assert [(a.reason, a.outcome, a.problems) for a in shown.attempts] == [
        ("first", "invalid", (problem,)),
        ("reask", "valid", ()),
    ]
    assert shown.attempts[0].status == 200
    assert shown.attempts[0].latency_s == 0.25
    assert shown.could_go == ("local", "vendor")


def test_a_call_is_found_by_its_document_and_by_its_entry(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        entry_id = asyncio.run(call(ledger, document_id="a.txt"))
        by_call = ledger.queries.show("call-one")
        assert ledger.queries.show("a.txt") == by_call
        assert ledger.queries.show(str(entry_id)) == by_call


def test_texts_are_shown_only_when_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, request=request("hello"), settled=settlement("billing")))
        (without,) = ledger.queries.show("call-one")
        (with_texts,) = ledger.queries.show("call-one", with_content=True)
    assert (without.attempts[0].request, without.attempts[0].reply) == ("", None)
    assert "hello" in with_texts.attempts[0].request
    assert with_texts.attempts[0].reply is not None
    assert with_texts.attempts[0].reply.text == "billing"


@pytest.mark.parametrize("name", ["nothing", "", "7", "9" * 40])
def test_a_name_that_nobody_knows_is_said_to_be_unknown(tmp_path: Path, name: str) -> None:
    with opened(tmp_path) as ledger, pytest.raises(InputError, match="has no call") as caught:
        ledger.queries.show(name)
    assert "aihandler show" in caught.value.hint
