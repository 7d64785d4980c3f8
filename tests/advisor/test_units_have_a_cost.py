import msgspec
import pytest

from aihandler.advisor.advice import advise
from aihandler.advisor.company import Profile, demo_profile
from aihandler.advisor.costing import cost_task
from aihandler.advisor.frameworks.reading import shipped
from aihandler.advisor.units import by_tag
from aihandler.ledger.costs import UnitCost


def profile() -> Profile:
    whole = demo_profile()
    task = msgspec.structs.replace(whole.tasks["documents"], units={"contract": 25_000.0})
    costs = {**task.costs, "growth_per_month": (0.0,), "api_price_change_per_year": (0.0,)}
    task = msgspec.structs.replace(task, costs=costs)
    return msgspec.structs.replace(whole, tasks={"documents": task}, units={"customer": 300.0})


def test_a_contract_has_a_cost_by_each_option() -> None:
    found = {one.unit: one for one in cost_task(profile(), "documents", seed=1, runs=50).units}
    # Twenty requests a contract, of $0.012 each.
    assert found["request"].usd["closed"].likely == pytest.approx(0.012)
    assert found["contract"].usd["closed"].likely == pytest.approx(0.24)
    assert set(found["contract"].usd) == {"closed", "managed", "self_host"}
    assert "documents" in found["contract"].source


def test_a_customer_has_a_cost_over_all_tasks_today_and_afterwards() -> None:
    whole = advise(profile(), shipped(), seed=1, runs=50, units={"user": 6000.0}).whole
    assert whole is not None
    found = {one.unit: one for one in whole.units}
    assert found["customer"].usd["today"].likely == pytest.approx(20.0)
    assert found["user"].usd["today"].likely == pytest.approx(1.0)
    assert found["customer"].usd["possible"].median < found["customer"].usd["today"].median


def test_the_ledger_tells_what_each_customer_has_cost() -> None:
    rows = [
        UnitCost(key=key, calls=10, documents=0, nano=nano, unpriced=unpriced)
        for key, nano, unpriced in (("", 99, 0), ("a", 10, 0), ("b", 50, 2), ("c", 30, 0))
    ]
    found = by_tag(rows, "customer")
    assert found is not None
    assert (found.units, found.total_nano, found.mean_nano) == (3, 90, 30)
    assert (found.middle_nano, found.most_nano, found.dearest) == (30, 50, "b")
    assert found.unpriced == 2
    assert by_tag(rows[:1], "customer") is None
