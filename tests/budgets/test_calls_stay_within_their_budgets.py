"""A program's calls are made while their budgets hold them, and say so when they do not."""

import asyncio
import multiprocessing
import sqlite3
import time
from contextlib import closing

import pytest

from aihandler import Handler
from aihandler.errors import AllAttemptsFailed, BudgetExceeded
from aihandler.testing import FakeServer, Scripted
from budgets.spending import configured, priced


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def far():
    with FakeServer("From afar.") as server:
        yield server


def asked(path, *, times=1, **more):
    """The answers' routes, or the error of the call that had none."""

    async def go():
        async with Handler.load(path) as handler:
            return [(await handler.run("say", text="hi", **more)).route for _ in range(times)]

    return asyncio.run(go())


def budgets(path):
    return {state.scope: state for state in Handler.load(path).budgets()}


def test_what_a_call_has_cost_is_spent_and_nothing_stays_reserved(tmp_path, near):
    path = configured(tmp_path, {"near": near}, "budgets: [{task: say, usd: 0.001, per: day}]")
    assert budgets(path)["task:say"].left_nano == 1_000_000
    asked(path, times=3)
    state = budgets(path)["task:say"]
    with closing(sqlite3.connect(tmp_path / ".aihandler" / "ledger.sqlite")) as ledger:
        cost = ledger.execute("SELECT sum(marginal_nano) FROM entry").fetchone()[0]
    assert state.spent_nano == cost > 0
    assert state.reserved_nano == 0
    assert state.left_nano == 1_000_000 - cost


def test_nothing_is_sent_that_the_budget_cannot_hold(tmp_path, near):
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 0.0000001, per: month}]")
    with pytest.raises(BudgetExceeded) as raised:
        asked(path)
    error = raised.value
    assert near.calls == 0
    assert error.http_status == 402
    assert error.scope == "all"
    assert error.left_nano == 100
    assert error.ends_at is not None
    assert "'all' has $0.0000001 left of $0.0000001 in 20" in error.message
    assert "'near' may cost" in error.message


def test_a_cheaper_candidate_is_asked_in_place_of_a_dear_one(tmp_path, near, far):
    path = configured(
        tmp_path,
        {"far": far, "near": near},
        "budgets: [{usd: 0.00001, per: total}]",
        prices={"far": priced("10")},
    )
    assert asked(path) == ["near"]
    assert (far.calls, near.calls) == (0, 1)


def test_a_call_that_runs_out_of_candidates_names_those_that_were_too_dear(tmp_path, near, far):
    near._constant = Scripted(status=500)
    path = configured(
        tmp_path,
        {"far": far, "near": near},
        "budgets: [{usd: 0.00001, per: total}]",
        prices={"far": priced("10")},
    )
    with pytest.raises(AllAttemptsFailed, match="budget 'all' has"):
        asked(path)
    assert far.calls == 0
    assert budgets(path)["all"].spent_nano == 0


def test_a_budget_is_for_whom_it_names(tmp_path, near):
    rows = "budgets: [{team: poor, usd: 0, per: day}, {user: '*', usd: 0.0000003, per: day}]"
    path = configured(tmp_path, {"near": near}, rows)
    assert asked(path, tags={"team": "rich"}) == ["near"]
    with pytest.raises(BudgetExceeded, match="team:poor"):
        asked(path, tags={"team": "poor"})
    assert asked(path, tags={"user": "ann"}) == ["near"]
    # Each user has as much.
    assert asked(path, tags={"user": "bob"}) == ["near"]
    assert {"user:ann", "user:bob"} <= set(budgets(path))


def test_a_key_of_the_configuration_has_its_budget(tmp_path, near):
    rows = "keys: {ci: {}, poor: {}}\nbudgets: [{key: poor, usd: 0}]"
    path = configured(tmp_path, {"near": near}, rows)
    assert asked(path, key="ci") == ["near"]
    with pytest.raises(BudgetExceeded, match="key:poor"):
        asked(path, key="poor")


def test_a_deployment_without_a_price_is_not_asked_unless_the_budget_allows_it(tmp_path, near):
    row = "budgets: [{deployment: near, usd: 5, unpriced: %s}]"
    path = configured(tmp_path, {"near": near}, row % "refuse", prices={"near": ""})
    with pytest.raises(BudgetExceeded, match="price is not known"):
        asked(path)
    assert near.calls == 0
    path = configured(tmp_path, {"near": near}, row % "allow", prices={"near": ""})
    assert asked(path) == ["near"]


def test_what_costs_nothing_is_asked_when_all_is_spent(tmp_path, near):
    hour = "cost: {usd_per_hour: 4}"
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 0}]", prices={"near": hour})
    assert asked(path) == ["near"]


def test_a_budget_that_calls_under_way_hold_is_waited_for(tmp_path, near):
    near._constant = Scripted("Hello there.", delay_s=0.05)
    # Room for two reservations at once, and for the cost of all eight.
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 0.0000005, per: total}]")

    async def go():
        async with Handler.load(path) as handler:
            calls = (handler.run("say", text=f"hi {n}") for n in range(8))
            return await asyncio.gather(*calls)

    assert len(asyncio.run(go())) == 8


def test_a_stream_is_held_to_its_budget_too(tmp_path, near):
    path = configured(tmp_path, {"near": near}, "budgets: [{task: say, usd: 0.0000003}]")

    async def go():
        async with Handler.load(path) as handler:
            return [event async for event in handler.stream("say", text="hi")]

    assert asyncio.run(go())
    assert budgets(path)["task:say"].spent_nano > 0
    path = configured(tmp_path, {"near": near}, "budgets: [{task: say, usd: 0.0000001}]")
    with pytest.raises(BudgetExceeded):
        asyncio.run(go())


def test_a_call_that_is_cancelled_is_spent_at_its_bound(tmp_path, near):
    near._constant = Scripted("late", delay_s=30.0)
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 1}]")

    async def go():
        async with Handler.load(path) as handler:
            running = asyncio.ensure_future(handler.run("say", text="hi"))
            while near.calls == 0:
                await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.wait([running])

    asyncio.run(go())
    with closing(sqlite3.connect(tmp_path / ".aihandler" / "ledger.sqlite")) as ledger:
        state, doubt = ledger.execute("SELECT state, doubt_nano FROM entry").fetchone()
    assert state == "in_doubt"
    assert budgets(path)["all"].spent_nano == doubt > 100
    assert budgets(path)["all"].reserved_nano == 0


def run_and_wait(path):
    asyncio.run(Handler.load(path).run("say", text="hi"))


def test_a_program_that_is_killed_has_spent_what_was_under_way(tmp_path, near):
    near._constant = Scripted("late", delay_s=30.0)
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 1}]")
    process = multiprocessing.get_context("spawn").Process(target=run_and_wait, args=(path,))
    process.start()
    while near.calls == 0:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert budgets(path)["all"].reserved_nano > 0
    near._constant = Scripted("Hello.")
    assert asked(path) == ["near"]
    state = budgets(path)["all"]
    with closing(sqlite3.connect(tmp_path / ".aihandler" / "ledger.sqlite")) as ledger:
        row = ledger.execute("SELECT sum(marginal_nano), sum(doubt_nano) FROM entry").fetchone()
    assert row[1] > 100
    assert state.spent_nano == sum(row)
    assert state.reserved_nano == 0


def test_tokens_that_nobody_counted_are_spent_at_their_bound(tmp_path, near):
    near._constant = Scripted("Hello.", fault="no_usage")
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 1}]")

    async def go():
        async with Handler.load(path) as handler:
            return [event async for event in handler.stream("say", text="hi")]

    asyncio.run(go())
    assert budgets(path)["all"].spent_nano > 100


def test_a_limit_that_is_changed_holds_from_then_on(tmp_path, near):
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 0.0000003, per: total}]")
    asked(path)
    spent = budgets(path)["all"].spent_nano
    configured(tmp_path, {"near": near}, "budgets: [{usd: 0.0000001, per: total}]")
    with pytest.raises(BudgetExceeded):
        asked(path)
    configured(tmp_path, {"near": near}, "budgets: [{usd: 1, per: total}]")
    asked(path)
    assert budgets(path)["all"].spent_nano == 2 * spent


def test_a_plan_says_whom_a_budget_leaves_out(tmp_path, near, far):
    path = configured(
        tmp_path,
        {"far": far, "near": near},
        "budgets: [{usd: 0.00001, per: total}]",
        prices={"far": priced("10")},
    )
    plan = Handler.load(path).explain("say", text="hi")
    assert [c.deployment for c in plan.candidates] == ["near"]
    (exclusion,) = [e for e in plan.exclusions if e.gate == "budget"]
    assert exclusion.deployment == "far"
    assert "budget 'all' has $0.00001 left" in exclusion.reason
