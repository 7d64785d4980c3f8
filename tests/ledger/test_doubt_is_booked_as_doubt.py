import asyncio
from pathlib import Path

from ledger_making import intent, opened, settlement

from aihandler.domain.usage import Cost
from aihandler.ledger import Ledger


def left_behind(folder: Path, *intents: dict[str, object]) -> None:
    async def body(ledger: Ledger) -> None:
        for number, given in enumerate(intents):
            entry_id = await ledger.journal.intend(intent(str(number), **given))
            ledger.journal.sent(entry_id)

    with opened(folder) as ledger:
        asyncio.run(body(ledger))


def test_a_restart_says_how_much_may_have_been_paid_twice(tmp_path: Path) -> None:
    left_behind(tmp_path, {"expected_nano": 2_000_000_000}, {"expected_nano": 500_000_000})
    with opened(tmp_path) as ledger:
        assert str(ledger.recovery) == "at most 2 calls, $2.5000, may have been paid twice"


def test_doubt_of_unknown_price_is_said_to_be_unknown(tmp_path: Path) -> None:
    left_behind(tmp_path, {"expected_nano": None})
    with opened(tmp_path) as ledger:
        assert ledger.recovery.unpriced == 1
        assert "1 of unknown price" in str(ledger.recovery)


def test_what_costs_nothing_cannot_be_paid_twice(tmp_path: Path) -> None:
    left_behind(tmp_path, {"expected_nano": 0, "deployment": "intents"})
    with opened(tmp_path) as ledger:
        assert ledger.recovery.calls == 0
        assert ledger.recovery.free == 1


def test_doubt_is_its_own_sum_in_costs(tmp_path: Path) -> None:
    left_behind(tmp_path, {"expected_nano": 900})
    with opened(tmp_path) as ledger:
        (row,) = ledger.queries.costs("task")
    assert (row.in_doubt, row.in_doubt_nano, row.nano) == (1, 900, 0)


def test_doubt_is_booked_once(tmp_path: Path) -> None:
    left_behind(tmp_path, {})
    with opened(tmp_path):
        pass
    with opened(tmp_path) as ledger:
        assert ledger.recovery.calls == 0


def test_a_call_that_was_stopped_after_the_send_is_booked_at_its_expected_cost(
    tmp_path: Path,
) -> None:
    async def body(ledger: Ledger) -> None:
        entry_id = await ledger.journal.intend(intent(expected_nano=300))
        ledger.journal.sent(entry_id)
        stopped = settlement(outcome="in_doubt", cost=Cost(), reply=b"", usage=None, validity=None)
        await ledger.journal.settle(entry_id, stopped)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (row,) = ledger.queries.costs("task")
    assert (row.in_doubt, row.in_doubt_nano) == (1, 300)


def test_a_run_that_was_killed_is_shown_as_died(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.start_run("run-1", "inbox"))
    with opened(tmp_path) as ledger:
        assert [run.state for run in ledger.queries.runs()] == ["died"]
