"""Rented by the hour, under a contract, by spot, by night, or bought; measured, bounded or not."""

from typing import Any

import msgspec
import pytest

from aihandler.advisor.company import Hosting, Profile, TaskFacts, demo_profile
from aihandler.advisor.costing import Costing, cost_task
from aihandler.advisor.economics import lines
from aihandler.advisor.economics.inputs import OF_RENT, RULES
from aihandler.errors import InputError


def profile(hosting: dict[str, Any] | None = None, **costs: float | tuple[float, ...]) -> Profile:
    whole = demo_profile()
    task = whole.tasks["documents"]
    stated = {n: v if isinstance(v, tuple) else (float(v),) for n, v in costs.items()}
    changed: TaskFacts = msgspec.structs.replace(
        task,
        costs={**task.costs, **stated},
        hosting=msgspec.structs.replace(task.hosting or Hosting, **(hosting or {})),
    )
    return msgspec.structs.replace(whole, tasks={"documents": changed})


def costed(hosting: dict[str, Any] | None = None, **costs: float | tuple[float, ...]) -> Costing:
    return cost_task(profile(hosting, **costs), "documents", seed=1, runs=50)


def figures(found: Costing) -> dict[str, float]:
    assert found.total is not None
    return {name: figure.value for name, figure in found.total.figures.items()}


def assumed(found: Costing) -> set[str]:
    assert found.total is not None
    return {one.name for one in found.total.assumed}


def first_year(found: Costing, option: str = "self_host") -> dict[str, float]:
    assert found.total is not None
    return next(total.lines_usd for total in found.total.totals if total.option == option)


def test_the_middle_of_the_sampled_prices_is_the_hour() -> None:
    found = costed()
    assert figures(found)["usd_per_gpu_hour"] == 2.95
    assert found.total is not None
    assert "nebius" in found.total.figures["usd_per_gpu_hour"].source


def test_a_contract_takes_off_its_discount_and_says_that_it_was_assumed() -> None:
    found = costed({"rent": "reserved"})
    assert figures(found)["usd_per_gpu_hour"] == pytest.approx(2.95 * 0.6)
    assert "reserved_discount" in assumed(found)
    stated = costed({"rent": "reserved", "usd_per_gpu_hour": 4.0}, reserved_discount=0.25)
    assert figures(stated)["usd_per_gpu_hour"] == pytest.approx(3.0)
    assert "reserved_discount" not in assumed(stated)


def test_spot_costs_less_and_loses_work() -> None:
    found = costed({"rent": "spot"})
    assert figures(found)["usd_per_gpu_hour"] == 1.25
    assert figures(found)["spot_loss_share"] == 0.1
    assert "spot_loss_share" in assumed(found)


def test_a_nightly_job_needs_its_hours_and_has_no_peak() -> None:
    lacking = costed({"rent": "nightly"})
    assert any("nightly_hours" in note for note in lacking.notes)
    found = costed({"rent": "nightly"}, nightly_hours=3.0)
    assert figures(found)["hours_per_month"] == pytest.approx(730 / 24 * (3 + 10 / 60))
    assert figures(found)["peak_to_mean"] == 1.0
    assert {"cold_start_minutes", "peak_to_mean"} <= assumed(found)


def test_what_is_bought_costs_its_life_and_its_energy() -> None:
    lacking = costed({"rent": "owned"})
    assert any("purchase_usd_per_gpu" in note for note in lacking.notes)
    found = costed({"rent": "owned"}, purchase_usd_per_gpu=29_200.0, usd_per_kwh=0.2)
    by_life, energy = 29_200 / (48 * 730), 0.7 * 0.2 * 1.6
    assert figures(found)["usd_per_gpu_hour"] == pytest.approx(by_life + energy)
    assert figures(found)["power_w"] == 700
    assert {"life_months", "energy_overhead"} <= assumed(found)
    assert "usd_per_kwh" not in assumed(found)


def test_what_a_replica_serves_may_be_given() -> None:
    found = costed(
        {"gpu": "tpu", "usd_per_gpu_hour": 1.0}, requests_per_replica_s=3.0, gpus_per_replica=2.0
    )
    assert figures(found)["requests_per_replica_s"] == 3.0
    assert not any("self-hosting" in note for note in found.notes)


def test_what_nothing_bounds_is_not_measured_and_said() -> None:
    found = costed({"model": "kimi-k2.5", "precision": "int4"})
    (note, *_) = found.notes
    assert note.startswith("self-hosting is not computed: ")
    assert "no known size" in note
    unknown = costed({"gpu": "tpu"})
    assert "the GPU 'tpu' has no known size" in unknown.notes[0]
    assert found.total is not None
    assert "self_host" not in [total.option for total in found.total.totals]


def test_another_gpu_than_the_measured_ones_has_a_bound() -> None:
    found = costed({"gpu": "l40s", "model": "llama-3.1-8b", "precision": "fp8"})
    assert found.notes[0].startswith("self-hosting stands on a bound, not measured")
    assert found.total is not None
    assert found.total.figures["requests_per_replica_s"].high > 5 * (
        found.total.figures["requests_per_replica_s"].low
    )


@pytest.mark.parametrize(
    ("option", "name", "value", "line"),
    [
        ("closed", "claims_per_year", 0.1, "risk beyond indemnity"),
        ("managed", "safety_usd_per_thousand", 0.5, "safety layer"),
        ("managed", "managed_staff_share", 0.3, "staff"),
        ("managed", "evaluation_usd", 5000.0, "evaluation"),
        ("self_host", "cold_starts_per_month", 60.0, "cold starts"),
        ("self_host", "autoscaling_lag_share", 0.3, "machines"),
        ("self_host", "spot_loss_share", 0.3, "machines"),
        ("self_host", "spare_replicas", 2.0, "machines"),
        ("self_host", "storage_usd_per_month", 500.0, "storage and egress"),
        ("self_host", "egress_usd_per_month", 500.0, "storage and egress"),
        ("self_host", "on_call_usd_per_month", 500.0, "on call"),
        ("self_host", "staff_share", 0.5, "staff"),
        ("self_host", "setup_months", 6.0, "staff"),
        ("self_host", "escalation_share", 0.5, "escalations"),
        ("self_host", "upgrade_usd_per_year", 9000.0, "upgrades"),
        ("self_host", "reprompting_usd", 9000.0, "prompts written again"),
        ("self_host", "recruiting_usd", 9000.0, "recruiting"),
    ],
)
def test_each_input_of_the_cost_moves_its_line(
    option: str, name: str, value: float, line: str
) -> None:
    more = {"claim_usd": 10_000_000.0} if name == "claims_per_year" else {}
    before, after = (
        first_year(costed(), option),
        first_year(costed(**{name: value}, **more), option),
    )
    assert after.get(line, 0.0) > before.get(line, 0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("cached_share", 0.9), ("batch_share", 0.5), ("api_price_change_per_year", -0.3)],
)
def test_caches_batches_and_falling_prices_make_a_vendor_cheaper(name: str, value: float) -> None:
    more = {"cache_read_usd_per_million": 0.3} if name == "cached_share" else {}
    after = first_year(costed(**{name: value}, **more), "closed")
    assert after["vendor tokens"] < first_year(costed(), "closed")["vendor tokens"]


def test_writing_a_cache_costs_more_than_reading_none() -> None:
    after = first_year(costed(cache_write_share=0.5, cache_write_usd_per_million=3.75), "closed")
    assert after["vendor tokens"] > first_year(costed(), "closed")["vendor tokens"]


def test_more_than_all_of_the_input_cannot_pass_through_a_cache() -> None:
    with pytest.raises(InputError, match="more than all of the input"):
        costed(cached_share=0.6, cache_write_share=0.5)


def test_an_exit_is_paid_in_the_last_month() -> None:
    before, after = costed(), costed(exit_usd=100_000.0)
    assert before.total is not None
    assert after.total is not None
    curves = [
        next(back.curve_usd for back in found.total.returns if back.option == "managed")
        for found in (before, after)
        if found.total is not None
    ]
    assert curves[0][34].likely == curves[1][34].likely
    assert curves[0][35].likely > curves[1][35].likely


def test_claims_beyond_the_cap_stay_with_the_user_and_all_of_them_for_an_open_model() -> None:
    found = costed(claims_per_year=0.1, claim_usd=10_000_000.0)
    closed, own = first_year(found, "closed"), first_year(found, "self_host")
    assert own["risk beyond indemnity"] > closed["risk beyond indemnity"]
    small = costed(claims_per_year=0.1, claim_usd=1000.0)
    assert "risk beyond indemnity" not in first_year(small, "closed")


def test_never_where_the_machines_that_can_be_had_are_passed_first() -> None:
    free = costed().break_even
    assert free is not None
    assert free.per_month is not None
    few = costed(gpus_at_most=2.0).break_even
    assert few is not None
    assert few.answer == "never"
    assert "what can be had serves" in few.reason
    assert few.capacity_per_month < free.per_month
    notes = costed(gpus_at_most=2.0).notes
    assert any("than the 2 GPUs that can be had from month" in note for note in notes)
    assert not any("GPUs that can be had" in note for note in costed(gpus_at_most=99.0).notes)


def test_the_month_in_which_the_volume_pays_is_told() -> None:
    found = costed(growth_per_month=0.1)
    assert found.break_even is not None
    assert found.break_even.per_month is not None
    assert found.reached is not None
    before = 500_000 * 1.1 ** (found.reached - 2)
    assert before < found.break_even.per_month <= 500_000 * 1.1 ** (found.reached - 1)
    assert costed(growth_per_month=0.0).reached is None


def test_a_managed_host_has_a_break_even_too() -> None:
    even = costed().managed_break_even
    assert even is not None
    assert even.per_month is not None
    assert even.per_month < 500_000


def test_every_input_is_read_by_a_line_or_makes_a_price() -> None:
    read: set[str] = set()

    class Seen(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            read.add(name)
            return super().__getitem__(name)

    import numpy as np

    x = Seen({name: np.full((1, 1), 0.5) for name in RULES})
    flow = lines.flow(x, np.ones((1, 1)), np.ones((1, 1)))
    for option in lines.OPTIONS.values():
        option(flow)
    assert set(RULES) - read - set(OF_RENT) == {"gpus_at_most"}


@pytest.mark.parametrize(
    ("name", "value"), [("utilisation", 0.0), ("routed_share", 1.2), ("growth_per_month", -1.0)]
)
def test_a_value_that_cannot_be_is_one_message(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name) as caught:
        costed(**{name: value})
    assert caught.value.hint


def test_a_task_that_names_its_model_takes_the_prices_of_the_list() -> None:
    whole = profile()
    task = whole.tasks["documents"]
    costs = {name: value for name, value in task.costs.items() if "usd" not in name}
    named = msgspec.structs.replace(task, costs=costs, price_model="claude-sonnet-4-5")
    found = cost_task(
        msgspec.structs.replace(whole, tasks={"documents": named}), "documents", seed=1, runs=50
    )
    assert found.total is not None
    price = found.total.figures["input_usd_per_million"]
    assert (price.value, price.source[:19]) == (3.0, "'claude-sonnet-4-5'")
    assert price.as_of >= "2026"
    assert figures(found)["cache_read_usd_per_million"] == 0.3
    unknown = msgspec.structs.replace(named, price_model="gpt-99")
    lacking = cost_task(
        msgspec.structs.replace(whole, tasks={"documents": unknown}), "documents", seed=1, runs=50
    )
    assert "costs.input_usd_per_million" in lacking.ask
    assert "'gpt-99'" in lacking.notes[0]
