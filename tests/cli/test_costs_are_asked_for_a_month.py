import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from aihandler.cli import waiting
from aihandler.domain.answer import Validity
from aihandler.domain.kept import CacheHit
from aihandler.domain.labels import DataClass
from aihandler.ledger import Ledger, open_ledger
from cli.commands import Command
from ledger.ledger_making import NOON, StandingClock, call

MONTH = time.strftime("%Y%m", time.gmtime(NOON))


@pytest.fixture
def used(folder: Path) -> Path:
    async def calls(ledger: Ledger) -> None:
        await call(ledger, "one", started_at=NOON, tags={"key": "k1", "team": "red"})
        await call(ledger, "two", started_at=NOON, tags={"customer": "acme"})
        await call(ledger, "old", started_at=NOON - 62 * 86_400)

    with open_ledger(folder / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        asyncio.run(calls(ledger))
    return folder


@pytest.mark.parametrize("by", ["task", "model", "class", "key", "team", "user", "tag:customer"])
def test_one_month_is_asked_for_by_any_grouping(used: Path, aihandler: Command, by: str) -> None:
    told = aihandler("costs", "--by", by, "--month", MONTH, "--json").json
    assert sum(row["attempts"] for row in told) == 2


def test_the_owner_of_a_key_is_a_grouping(used: Path, aihandler: Command) -> None:
    told = aihandler("costs", "--by", "key", "--json").json
    assert {row["key"]: row["calls"] for row in told} == {"": 2, "k1": 1}


def test_what_is_priced_elsewhere_can_be_of_a_month(used: Path, aihandler: Command) -> None:
    ran = aihandler("costs", "--as", "gpt", "--month", MONTH, "--json")
    assert ran.code == 0, ran.err
    assert [row["attempts"] for row in ran.json] == [2]


@pytest.fixture
def cached(used: Path) -> Path:
    """Twice what call "one" was told, once what a call was told that is there no more."""
    hit = CacheHit(
        "", NOON, "call-one", 5.0, "triage", "v1", "vendor", Validity.EXACT, DataClass.PUBLIC, "c"
    )
    found = [
        msgspec.structs.replace(hit, call_id="a"),
        msgspec.structs.replace(hit, call_id="b"),
        msgspec.structs.replace(hit, call_id="c", task="sums", source="gone"),
        msgspec.structs.replace(hit, call_id="d", at=NOON - 62 * 86_400),
    ]

    async def told(ledger: Ledger) -> None:
        for one in found:
            await ledger.journal.hit(one)

    with open_ledger(used / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        asyncio.run(told(ledger))
    return used


def test_what_the_cache_saved_is_told_by_task(cached: Path, aihandler: Command) -> None:
    out = aihandler("costs", "--month", MONTH).out
    assert "triage: 2 from the cache, $0.0000014 and 220 tokens not asked for again" in out
    assert "sums: 1 from the cache" in out
    assert "and 1 of unknown price" in out
    assert "triage: 3 from the cache" in aihandler("costs").out
    assert "from the cache" not in aihandler("costs", "--run", "none").out


def test_what_the_cache_saved_is_data_too(cached: Path, aihandler: Command) -> None:
    told = aihandler("costs", "--month", MONTH, "--json").json
    saved = {row["key"]: row["from_cache"] for row in told}
    assert saved["triage"] == {
        "task": "triage", "calls": 2, "tokens": 220, "nano": 1400, "unpriced": 0,
    }  # fmt: skip
    # All of it was there: nothing was asked of this task.
    assert saved["sums"]["calls"] == 1


@pytest.mark.parametrize("month", ["october", "2026-10", "202613", "20261"])
def test_a_month_that_is_none_says_how_to_write_it(
    used: Path, aihandler: Command, month: str
) -> None:
    ran = aihandler("costs", "--month", month)
    assert ran.code == 2
    assert "202610" in ran.err


def test_days_and_a_month_are_two_answers_to_one_question(used: Path, aihandler: Command) -> None:
    ran = aihandler("costs", "--month", MONTH, "--days", "3")
    assert ran.code == 2
    assert "one of them" in ran.err


def test_a_question_that_takes_long_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with waiting.waiting("reading the ledger") as tick:
        tick(0, 0)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(waiting, "_PATIENCE_S", 0.0)
    with waiting.waiting("reading the ledger") as tick:
        tick(5, 1000)
        tick(0, 0)
    assert "reading the ledger, 5 of 1,000, " in capsys.readouterr().err
