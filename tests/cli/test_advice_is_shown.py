import asyncio
from pathlib import Path

import msgspec

from aihandler.domain.usage import Usage
from aihandler.ledger import open_ledger
from cli.commands import Command
from ledger.ledger_making import NOON, StandingClock, call, settlement


def test_the_demo_lists_what_was_assumed_before_any_verdict(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo")
    assert ran.code == 0, ran.err
    assert ran.out.index("Assumed") < ran.out.index("documents: not enough evidence")
    assert "triage: self-host" in ran.out
    assert "own machines stay cheaper from" in ran.out
    assert "contradict each other" in ran.out


def test_advice_is_data_too(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--json")
    told = msgspec.json.decode(ran.out)
    assert told["advice"]["tasks"]["code"]["verdict"]["outcome"] == "stay_closed"


def test_the_whole_advice_is_one_page(folder: Path, aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--html", "advice.html")
    assert ran.code == 0, ran.err
    page = (folder / "advice.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.index("Assumed first") < page.index("decided by")


def test_verdicts_are_watched(folder: Path, aihandler: Command) -> None:
    first = aihandler("advise", "--demo", "--watch")
    assert first.code == 0, first.err
    again = aihandler("advise", "--demo", "--watch", "--json")
    assert msgspec.json.decode(again.out)["flips"] == []
    (kept,) = folder.rglob("advice.json")
    told = kept.read_text(encoding="utf-8")
    kept.write_text(told.replace("stay_closed", "self_host"), encoding="utf-8")
    flips = msgspec.json.decode(aihandler("advise", "--demo", "--watch", "--json").out)["flips"]
    assert [(one["task"], one["before"], one["after"]) for one in flips] == [
        ("code", "self_host", "stay_closed")
    ]


def test_without_a_profile_the_two_ways_are_named(aihandler: Command) -> None:
    ran = aihandler("advise")
    assert ran.code == 2
    assert "--demo" in ran.err


def test_a_month_that_is_none_is_refused(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--ledger", "october")
    assert ran.code == 2
    assert "202610" in ran.err


def test_a_month_of_the_ledger_fills_the_profile_and_is_listed(
    folder: Path, aihandler: Command
) -> None:
    with open_ledger(folder / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        settled = settlement(usage=Usage(900, cache_read=100, output=40))
        asyncio.run(call(ledger, "one", settled=settled, started_at=NOON))
        rows = ledger.queries.usage_by_month()
    (folder / "company.yaml").write_text(f"company: {{}}\ntasks: {{{rows[0].task}: {{}}}}\n")
    ran = aihandler("advise", "--profile", "company.yaml", "--ledger", str(rows[0].month))
    assert ran.code == 0, ran.err
    assert f"input_tokens_per_month 1,000 (ledger, {rows[0].month})" in ran.out
