import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from ledger_making import NOON, call, deployment, intent, opened, request, review, settlement

from aihandler.domain.answer import Validity
from aihandler.domain.deployment import Price
from aihandler.domain.usage import Cost, Usage
from aihandler.errors import InputError
from aihandler.ledger import CostRow, Ledger, Prices
from aihandler.ledger.costs import GROUPINGS


def by_key(rows: list[CostRow]) -> dict[str, CostRow]:
    return {row.key: row for row in rows}


async def two_attempts(ledger: Ledger) -> None:
    """One call that is answered by the second deployment."""
    refused = settlement(outcome="invalid", validity=None, cost=Cost(marginal=100), latency_s=1.0)
    await call(ledger, "one", call_id="call", deployment="small", settled=refused)
    valid = settlement(validity=Validity.ESCALATED, cost=Cost(marginal=900), latency_s=3.0)
    await call(
        ledger, "two", call_id="call", deployment="large", reason="escalation", settled=valid
    )


def test_every_attempt_of_a_call_is_paid_for(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(two_attempts(ledger))
        (row,) = ledger.queries.costs("task")
    assert (row.calls, row.attempts, row.nano) == (1, 2, 1000)
    assert row.usage == Usage(200, output=20)
    assert row.validity == {"exact": 0, "repaired": 0, "reasked": 0, "escalated": 1}


def test_costs_are_told_apart_by_deployment(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(two_attempts(ledger))
        rows = by_key(ledger.queries.costs("deployment"))
    assert rows["small"].nano == 100
    assert rows["large"].nano == 900
    assert rows["large"].latency_p50_s == 3.0


def test_tokens_of_every_kind_are_in_the_sum_of_the_provider(tmp_path: Path) -> None:
    usage = Usage(1, 2, 4, 8, 16, False, 32, 64, 128)
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement(usage=usage)))
        (row,) = ledger.queries.costs("task")
    assert row.usage.total == usage.total
    assert row.usage.prompt == usage.prompt


@pytest.mark.parametrize("by", [*GROUPINGS, "tag:customer"])
def test_every_grouping_adds_up_to_the_same_sum(tmp_path: Path, by: str) -> None:
    async def body(ledger: Ledger) -> None:
        await two_attempts(ledger)
        await call(ledger, "three", tags={"customer": "acme"}, started_at=NOON + 86_400)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        rows = ledger.queries.costs(by)
    assert sum(row.nano for row in rows) == 1700
    assert sum(row.attempts for row in rows) == 3


def test_an_unknown_grouping_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger, pytest.raises(InputError, match="'weather'") as caught:
        ledger.queries.costs("weather")
    assert "deployment" in caught.value.hint


def test_unpriced_attempts_are_counted_and_add_nothing(tmp_path: Path) -> None:
    unpriced = settlement(cost=Cost(status="unpriced"))
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, expected_nano=None, settled=unpriced))
        (row,) = ledger.queries.costs("task")
    assert (row.unpriced, row.nano) == (1, 0)


def test_one_run_and_one_day_can_be_asked_for(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await call(ledger, "before")
        await ledger.journal.start_run("run-1", "inbox")
        await call(ledger, "in", run_id="run-1")
        await call(ledger, "later", started_at=NOON + 86_400)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        assert [row.calls for row in ledger.queries.costs("task", run="run-1")] == [1]
        assert [row.calls for row in ledger.queries.costs("task", since=NOON + 1)] == [1]


def test_a_median_is_the_one_in_the_middle(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        for number in range(1, 101):
            await call(ledger, str(number), settled=settlement(latency_s=number / 10))

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (row,) = ledger.queries.costs("task")
        trend = ledger.queries.latency_trend("day")
    assert (row.latency_p50_s, row.latency_p95_s) == (5.0, 9.5)
    assert [(p.answers, p.p50_s, p.p95_s) for p in trend] == [(100, 5.0, 9.5)]


def test_reviews_are_counted_beside_answers(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(ledger.journal.review(review()))
        rows = by_key(ledger.queries.costs("validity"))
        assert rows["review"].reviews == 1
        assert by_key(ledger.queries.costs("step"))["triage"].reviews == 1


def test_a_machine_paid_by_the_hour_costs_its_whole_hours(tmp_path: Path) -> None:
    machine = deployment("machine", usd_per_hour="6", concurrency=1)
    prices = Prices([machine])

    async def body(ledger: Ledger) -> None:
        await ledger.journal.keep_prices(prices)
        for name, started_at in (("one", NOON), ("two", NOON + 60), ("three", NOON + 3600)):
            cost = prices.cost(machine, Usage(100), 600.0)
            settled = settlement(cost=cost, latency_s=600.0)
            given = {"deployment": "machine", "started_at": started_at}
            await call(ledger, name, settled=settled, **given)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (row,) = ledger.queries.costs("deployment")
        idle = by_key(ledger.queries.costs("task"))["idle"]
    # Two hours at $6; three calls of a sixth of an hour each.
    assert row.allocated_nano == 3_000_000_000
    assert row.idle_nano == 9_000_000_000
    assert row.marginal_nano == 0
    assert idle.idle_nano == 9_000_000_000


def test_a_call_across_the_full_hour_books_both_hours(tmp_path: Path) -> None:
    machine = deployment("machine", usd_per_hour="6", concurrency=1)
    prices = Prices([machine])

    async def body(ledger: Ledger) -> None:
        await ledger.journal.keep_prices(prices)
        settled = settlement(cost=prices.cost(machine, Usage(1), 3600.0), latency_s=3600.0)
        await call(ledger, deployment="machine", started_at=NOON + 1800, settled=settled)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        (row,) = ledger.queries.costs("deployment")
    assert row.allocated_nano + row.idle_nano == 12_000_000_000


def test_an_hour_is_booked_once(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        await ledger.journal.book_capacity({"machine": 6}, 10)
        await ledger.journal.book_capacity({"machine": 6}, 10)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        assert by_key(ledger.queries.costs("deployment"))["machine"].idle_nano == 6


def test_the_same_tokens_are_priced_elsewhere(tmp_path: Path) -> None:
    elsewhere = deployment("elsewhere", price=Price(Decimal(1), Decimal(10)))
    with opened(tmp_path) as ledger:
        asyncio.run(two_attempts(ledger))
        (row,) = ledger.queries.costs_as(elsewhere, Prices([elsewhere]))
    assert row.nano == 200 * 1000 + 20 * 10_000
    assert row.estimated == 0


def test_models_that_count_no_tokens_are_priced_by_their_characters(tmp_path: Path) -> None:
    elsewhere = deployment("elsewhere", price=Price(Decimal(1), Decimal(10)))
    here = settlement("x" * 40, usage=Usage(), cost=Cost())
    with opened(tmp_path, keep_content=False) as ledger:
        asyncio.run(call(ledger, request=request("y" * 400), settled=here))
        (row,) = ledger.queries.costs_as(elsewhere, Prices([elsewhere]))
    assert row.usage == Usage(100, output=10, estimated=True)
    assert row.nano == 100 * 1000 + 10 * 10_000
    assert row.estimated == 1


def test_elsewhere_without_a_price_is_not_free(tmp_path: Path) -> None:
    elsewhere = deployment("elsewhere")
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger))
        (row,) = ledger.queries.costs_as(elsewhere, Prices([elsewhere]))
    assert row.nano is None


def test_units_are_told_by_a_tag_dearest_first(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        for name, customer, nano in (("a", "acme", 10), ("b", 'o"hara', 50), ("c", "acme", 20)):
            settled = settlement(cost=Cost(marginal=nano))
            tags = {"customer": customer}
            await call(ledger, name, tags=tags, document_id=f"{name}.txt", settled=settled)

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        units = ledger.queries.unit_costs("customer")
    assert [(u.key, u.calls, u.documents, u.nano) for u in units] == [
        ('o"hara', 1, 1, 50),
        ("acme", 2, 2, 30),
    ]
    assert units[1].nano_per_call == 15


def test_routing_learns_valid_rate_latency_and_cost(tmp_path: Path) -> None:
    async def body(ledger: Ledger) -> None:
        for number in range(4):
            outcome = "valid" if number else "invalid"
            settled = settlement(outcome=outcome, latency_s=number + 1.0)
            await call(ledger, str(number), settled=settled)
        old = intent("old", started_at=NOON - 40 * 86_400)
        entry_id = await ledger.journal.intend(old)
        await ledger.journal.settle(entry_id, settlement(outcome="invalid"))

    with opened(tmp_path) as ledger:
        asyncio.run(body(ledger))
        snapshot = ledger.queries.snapshot(NOON)
    evidence = snapshot.quality["triage", "vendor"]
    assert (evidence.rate, evidence.n, evidence.source) == (0.75, 4, "measured")
    assert snapshot.latency_p95_s == {("triage", "vendor"): 4.0}
    assert snapshot.cost_nano == {("triage", "vendor"): 700}


def test_an_empty_ledger_has_no_costs_and_no_evidence(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert ledger.queries.costs() == []
        assert ledger.queries.snapshot(NOON).quality == {}
