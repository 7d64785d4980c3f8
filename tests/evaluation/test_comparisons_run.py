"""Every item goes through every deployment, alone, once, and never past the budget."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from aihandler.errors import InputError, PolicyDenied
from aihandler.evaluation.compare import Comparing
from aihandler.evaluation.keeping import keep
from aihandler.evaluation.purse import Purse
from aihandler.handler import Handler
from aihandler.testing import FakeServer, Scripted
from evaluation.comparing_fakes import (
    CONFIGURATION,
    ROWS,
    compared,
    configured,
    order,
    right,
    text_of,
)


def loaded(folder: Path) -> Handler:
    return Handler.load(folder / "aihandler.yaml", environ={})


def test_every_item_goes_through_every_deployment(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        comparing, seen = asyncio.run(compared(handler, order(tmp_path, handler)))
    assert len(seen) == server.calls == 2 * ROWS
    comparison = comparing.comparison()
    scores = dict.fromkeys(comparison.deployments, 0.0)
    for one in comparison.observations:
        scores[one.deployment] += one.scores["exact"]
    assert scores == {"small": 3.0, "large": 6.0}
    assert comparison.stopped == ""
    assert (comparison.scorer, comparison.scorers) == ("exact", ("exact",))


def test_costs_and_latencies_are_those_of_the_ledger(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        comparing, seen = asyncio.run(compared(handler, order(tmp_path, handler)))
    observed = comparing.comparison().observations
    large = [o for o in observed if o.deployment == "large"]
    assert all(o.cost_nano_usd and o.latency_ms for o in large)
    with handler.read_ledger() as ledger:
        (row,) = [r for r in ledger.queries.costs("deployment") if r.key == "large"]
        shown = ledger.queries.show(large[0].call_id)[0]
    assert row.marginal_nano == sum(o.cost_nano_usd or 0 for o in large)
    assert row.marginal_nano == sum(s.bill_nano for s in seen)
    assert shown.tags == {"comparison": comparing.id}
    assert shown.document_id == large[0].item
    # A server of one's own without a price costs what is not known, which is not nothing.
    assert all(o.cost_nano_usd is None for o in observed if o.deployment == "small")


def test_deployments_take_turns(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        asyncio.run(compared(handler, order(tmp_path, handler, concurrency=1)))
    asked = [(request["model"], text_of(request)) for request in server.requests]
    # Both answer an item before the next one is asked, and they take turns at being first.
    assert [text for _, text in asked[::2]] == [text for _, text in asked[1::2]]
    assert [model for model, _ in asked[::2]] == ["small", "large"] * (ROWS // 2)


def test_each_repeat_is_asked_anew(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        comparing, _ = asyncio.run(compared(handler, order(tmp_path, handler, repeats=3)))
    assert server.calls == 3 * 2 * ROWS
    assert {o.repeat for o in comparing.comparison().observations} == {0, 1, 2}


def test_the_same_comparison_is_not_paid_twice_and_tells_the_same(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        folder = configured(tmp_path, server)
        handler = loaded(folder)
        first, _ = asyncio.run(compared(handler, order(folder, handler)))
        again = loaded(folder)
        second, seen = asyncio.run(compared(again, order(folder, again)))
    assert server.calls == 2 * ROWS
    assert all(one.before and one.bill_nano == 0 for one in seen)
    assert second.id == first.id
    assert second.comparison().observations == first.comparison().observations


def test_fresh_asks_again(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        asyncio.run(compared(handler, order(tmp_path, handler)))
        asyncio.run(compared(handler, order(tmp_path, handler, salt="today")))
    assert server.calls == 4 * ROWS


def test_one_that_is_stopped_goes_on_from_there(tmp_path: Path) -> None:
    async def begin(handler: Handler) -> None:
        async with handler:
            comparing = Comparing(handler, order(tmp_path, handler, concurrency=1))
            async with aclosing(comparing.observations()) as seen:
                async for _ in seen:
                    if server.calls >= 4:
                        return

    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        asyncio.run(begin(handler))
        paid = server.calls
        assert paid < 2 * ROWS
        again = loaded(tmp_path)
        comparing, _ = asyncio.run(compared(again, order(tmp_path, again)))
    # At most the one that was in the air is asked again.
    assert server.calls <= 2 * ROWS + 1
    assert len(comparing.comparison().observations) == 2 * ROWS


def test_wrong_forms_refusals_and_failures_are_told_apart_and_score_nothing(
    tmp_path: Path,
) -> None:
    def answers(request: dict[str, Any]) -> Scripted:
        if request["model"] == "large":
            return Scripted("bug")
        return Scripted(status=400) if "invoice 1" in text_of(request) else Scripted("who knows")

    with FakeServer(answers) as server:
        handler = loaded(configured(tmp_path, server))
        comparing, _ = asyncio.run(compared(handler, order(tmp_path, handler)))
    seen = comparing.comparison().observations
    small = {o.item: o for o in seen if o.deployment == "small"}
    assert small["data.jsonl:2"].outcome == "failed"
    assert small["data.jsonl:1"].outcome == "invalid"
    assert all(o.scores == {"exact": 0.0} and o.error for o in small.values())
    with handler.read_ledger() as ledger:
        # Nobody is asked to decide what was only asked to see who is good at it.
        assert ledger.queries.open_reviews() == []


def test_a_refusal_is_told_as_one(tmp_path: Path) -> None:
    with FakeServer(Scripted("no", finish="content_filter")) as server:
        handler = loaded(configured(tmp_path, server))
        wanted = order(tmp_path, handler, scorers=("exact", "refusal"))
        comparing, _ = asyncio.run(compared(handler, wanted))
    seen = comparing.comparison().observations
    assert {(o.outcome, o.scores["exact"], o.scores["refusal"]) for o in seen} == {
        ("refused", 0.0, 0.0)
    }


def test_what_failed_is_asked_again_the_next_time(tmp_path: Path) -> None:
    down = [True]

    def answers(request: dict[str, Any]) -> Scripted:
        if down[0] and request["model"] == "small":
            return Scripted(status=400)
        return Scripted("bug")

    with FakeServer(answers) as server:
        handler = loaded(configured(tmp_path, server))
        asyncio.run(compared(handler, order(tmp_path, handler)))
        down[0] = False
        comparing, seen = asyncio.run(compared(handler, order(tmp_path, handler)))
    assert server.calls == 3 * ROWS
    assert {o.outcome for o in comparing.comparison().observations} == {"answered"}
    assert sum(one.before for one in seen) == ROWS


def test_data_that_may_not_go_somewhere_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    with FakeServer(right) as server:
        folder = configured(tmp_path, server)
        line = {"input": "button 9", "expected": "bug", "class": "confidential"}
        rows = (folder / "data.jsonl").read_text()
        (folder / "data.jsonl").write_text(f"{rows}\n{json.dumps(line)}")
        handler = loaded(folder)
        with pytest.raises(PolicyDenied, match=r"1 of 7 items are confidential.*'large'.*vendor"):
            asyncio.run(compared(handler, order(folder, handler)))
    assert server.calls == 0


def test_a_deployment_without_its_key_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    keyed = CONFIGURATION.replace("provider: acme", 'provider: acme, key: "${{ACME_KEY}}"')
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server, keyed))
        with pytest.raises(InputError, match="ACME_KEY"):
            asyncio.run(compared(handler, order(tmp_path, handler)))
    assert server.calls == 0


PRICED = CONFIGURATION.replace(
    "hosting: self}}\n  large", "hosting: self, price: {{input: 0, output: 0}}}}\n  large"
)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_budget_is_never_passed_and_what_was_seen_stands(
    tmp_path: Path, concurrency: int
) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server, PRICED))
        limit = 5_000_000
        wanted = order(tmp_path, handler, budget_nano=limit, concurrency=concurrency, repeats=40)
        comparing, seen = asyncio.run(compared(handler, wanted))
    spent = sum(one.bill_nano for one in seen)
    assert 0 < spent <= limit
    assert len(seen) < comparing.total
    assert comparing.stopped.startswith("the budget of $0.005 is used up: $0.0")
    assert len(comparing.comparison().observations) == len(seen)
    with handler.read_ledger() as ledger:
        (row,) = [r for r in ledger.queries.costs("deployment") if r.key == "large"]
    assert row.marginal_nano == spent


def test_a_budget_that_is_too_small_sends_nothing_that_costs(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server, PRICED))
        comparing, seen = asyncio.run(compared(handler, order(tmp_path, handler, budget_nano=1)))
    assert {one.observation.deployment for one in seen} <= {"small"}
    assert comparing.stopped


def test_a_budget_needs_prices_and_a_bound(tmp_path: Path) -> None:
    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        with pytest.raises(InputError, match="what deployment 'small' may cost"):
            asyncio.run(compared(handler, order(tmp_path, handler, budget_nano=10**9)))
        unbound = PRICED.replace("    max_output_tokens: 10\n", "")
        handler = loaded(configured(tmp_path, server, unbound))
        with pytest.raises(InputError, match="what deployment 'large' may cost"):
            asyncio.run(compared(handler, order(tmp_path, handler, budget_nano=10**9)))
    assert server.calls == 0


def test_what_waits_for_money_gets_it_back_from_others() -> None:
    async def run() -> list[bool]:
        purse = Purse(10)
        assert await purse.hold(8)
        waiting = asyncio.create_task(purse.hold(5))
        await asyncio.sleep(0)
        assert not waiting.done()
        await purse.settle(8, 2)
        # 2 spent, 5 held: four more do not fit, and will not once the five are spent.
        got = await waiting
        never = asyncio.create_task(purse.hold(4))
        await asyncio.sleep(0)
        await purse.settle(5, 5)
        return [got, await never, await purse.hold(3)]

    assert asyncio.run(run()) == [True, False, True]


def test_what_was_compared_can_be_kept(tmp_path: Path) -> None:
    from aihandler.evaluation.findings import findings

    async def run(handler: Handler) -> None:
        async with handler:
            comparing = Comparing(handler, order(tmp_path, handler))
            async for _ in comparing.observations():
                pass
            comparison = comparing.comparison()
            keep(handler, comparison, findings(comparison))

    with FakeServer(right) as server:
        handler = loaded(configured(tmp_path, server))
        asyncio.run(run(handler))
    with handler.read_ledger() as ledger:
        (record,) = ledger.queries.comparisons("triage")
        assert ledger.queries.comparisons("another") == []
    assert [(d.deployment, d.n, d.score) for d in record.deployments] == [
        ("small", 6, 0.5),
        ("large", 6, 1.0),
    ]
    assert record.deployments[0].verdict == "baseline"
    assert "invoice" not in json.dumps(record.findings)
