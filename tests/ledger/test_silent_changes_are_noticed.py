import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from ledger_making import NOON, call, opened, settlement

from aihandler.ledger import Ledger, read_ledger
from aihandler.ledger.changes import MAX_KNOWN


def replies(ledger: Ledger, *said: tuple[str, str], **given: Any) -> None:
    async def body() -> None:
        for number, (model, fingerprint) in enumerate(said):
            settled = settlement(reported_model=model, fingerprint=fingerprint)
            await call(ledger, f"{model}-{number}", settled=settled, **given)

    asyncio.run(body())


def changed(ledger: Ledger) -> list[tuple[str, str, str]]:
    return [(c.what, c.before, c.after) for c in ledger.queries.changes()]


def test_another_reported_model_is_a_change_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as ledger, caplog.at_level(logging.WARNING, "aihandler.ledger"):
        replies(ledger, ("a-1", ""), ("a-1", ""), ("a-2", ""), ("a-2", ""))
        (change,) = ledger.queries.changes()
    assert (change.deployment, change.what) == ("vendor", "model")
    assert (change.before, change.after) == ("a-1", "a-2")
    assert (change.call_id, change.at) == ("call-a-2-2", NOON)
    (told,) = caplog.messages
    assert "'vendor' reports model 'a-2', before 'a-1'" in told


def test_another_fingerprint_is_a_change_and_a_return_is_none(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        replies(ledger, ("a", "f1"), ("a", "f2"), ("a", "f1"), ("a", ""), ("a", "f2"))
        assert changed(ledger) == [("fingerprint", "f1", "f2")]


def test_what_an_earlier_process_saw_is_remembered(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        replies(ledger, ("a-1", "f1"))
    with opened(tmp_path) as ledger:
        replies(ledger, ("a-1", "f1"))
        assert changed(ledger) == []
        replies(ledger, ("a-2", "f1"))
        assert changed(ledger) == [("model", "a-1", "a-2")]


def test_a_model_that_the_configuration_changed_is_no_silent_change(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        replies(ledger, ("a-1", ""))
        replies(ledger, ("b-1", ""), model="b")
        assert changed(ledger) == []


def test_a_mark_that_is_new_with_every_reply_does_not_fill_the_ledger(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        replies(ledger, *(("a", f"f{n}") for n in range(MAX_KNOWN + 30)))
        assert len(changed(ledger)) == MAX_KNOWN - 1


def test_failures_that_report_nothing_change_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        replies(ledger, ("a", "f"), ("", ""), ("a", "f"))
        assert changed(ledger) == []


def test_the_call_that_showed_it_shows_it_also_from_beside(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        replies(ledger, ("a-1", ""), ("a-2", ""))
        (first,) = ledger.queries.show("call-a-1-0")
        assert first.changes == ()
        clock = ledger._clock
        with read_ledger(tmp_path / "ledger.sqlite", clock=clock) as beside:
            (shown,) = beside.queries.show("call-a-2-1")
    assert [c.after for c in shown.changes] == ["a-2"]
