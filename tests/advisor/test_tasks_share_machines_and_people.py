"""The whole company in the same runs: what several tasks have in common is paid for once."""

from typing import Any

import numpy as np
import pytest

from aihandler.advisor.advice import advise
from aihandler.advisor.company import Profile, demo_profile, parse_profile
from aihandler.advisor.economics import machines
from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.machines import Pooled
from aihandler.advisor.economics.runs import draw
from aihandler.advisor.frameworks.reading import shipped
from aihandler.advisor.whole import Whole

TASK = """
  {name}:
    closed: gpt
    open: llama
    margin: 2
    data_may_leave: {leaves}
    open_licence_allowed: true
    frontier_needed: false
    input_tokens_per_month: 2048000000
    output_tokens_per_month: 256000000
    costs:
      requests_per_month: [1000000]
      input_usd_per_million: [2.5]
      output_usd_per_million: [10]
      managed_input_usd_per_million: [0.4]
      managed_output_usd_per_million: [0.6]
    hosting: {{model: llama-3.1-8b, gpu: {gpu}, precision: {precision}, latency_s: 10}}
"""


def company(*tasks: str, precision: str = "unstated") -> Profile:
    """Two tasks whose data may not leave, on the same GPUs or on others."""
    text = "company: {}\ntasks:\n"
    for name in tasks:
        gpu = "h200_sxm" if name == "far" else "h100_sxm"
        fits = "fp8" if name == "far" else precision
        text += TASK.format(name=name, leaves="false", gpu=gpu, precision=fits)
    return parse_profile(text)


def whole(profile: Profile, *, seed: int = 1, runs: int = 400) -> Whole:
    found = advise(profile, shipped(), seed=seed, runs=runs).whole
    assert found is not None
    return found


def test_tasks_on_the_same_machines_share_spare_ones_and_people() -> None:
    one, both = whole(company("mail")), whole(company("mail", "notes"))
    assert [shared.tasks for shared in both.decided.shared] == [("mail", "notes")]
    assert both.decided.usd.median < 2 * one.decided.usd.median
    # Staff of a fifth of an engineer, four months of building and a spare replica are saved.
    assert both.decided.sharing_usd > 100_000


def test_tasks_on_other_machines_share_nothing() -> None:
    apart = whole(company("mail", "far"))
    assert len(apart.decided.shared) == 2
    assert apart.decided.sharing_usd == 0


def test_a_pool_of_one_costs_what_the_task_costs_alone() -> None:
    profile = company("mail")
    advice = advise(profile, shipped(), seed=1, runs=400)
    total = advice.tasks["mail"].costing.total
    assert total is not None
    assert advice.whole is not None
    alone = next(each.usd for each in total.totals if each.option == "self_host")
    assert advice.whole.decided.usd == alone


def test_loads_are_added_before_whole_replicas_are_counted() -> None:
    def part(requests: float) -> Pooled:
        x = {
            name: np.full((1, 1), value)
            for name, value in {
                "retry_share": 0.0,
                "peak_to_mean": 1.0,
                "requests_per_replica_s": 1.0,
                "utilisation": 1.0,
                "hours_per_month": 730.0,
                "spare_replicas": 1.0,
            }.items()
        }
        return Pooled(x, np.ones((1, 1)), np.full((1, 1), requests * 730 * 3600), np.ones((1, 1)))

    assert float(machines.replicas([part(0.4)])[0, 0]) == 2
    assert float(machines.replicas([part(0.4), part(0.4)])[0, 0]) == 2
    assert float(machines.replicas([part(0.7), part(0.7)])[0, 0]) == 3


def test_what_is_one_thing_for_all_tasks_is_one_draw() -> None:
    def drawn(name: str, task: str) -> Any:
        return draw({name: Figure(2, 1, 3, "", "a test")}, seed=1, runs=50, task=task)[name]

    for shared in ("staff_usd_per_year", "growth_per_month", "usd_per_gpu_hour"):
        assert (drawn(shared, "mail") == drawn(shared, "notes")).all()
    for own in ("requests_per_month", "escalation_share"):
        assert (drawn(own, "mail") != drawn(own, "notes")).any()


def test_two_figures_of_what_is_shared_rise_together() -> None:
    low = draw({"growth_per_month": Figure(0.02, 0, 0.05, "", "")}, seed=1, runs=50, task="mail")
    high = draw({"growth_per_month": Figure(0.1, 0.05, 0.2, "", "")}, seed=1, runs=50, task="notes")
    order = low["growth_per_month"].ravel().argsort()
    assert (np.diff(high["growth_per_month"].ravel()[order]) >= 0).all()


def test_the_whole_says_what_moves_and_what_it_comes_to() -> None:
    found = whole(demo_profile())
    assert found.decided.says.startswith(
        "keep documents and chat closed until compared; keep code closed, by seats; "
        "move triage to own machines; $"
    )
    assert " in 36 months (9 of 10 runs: $" in found.decided.says
    assert found.possible is not None
    assert found.possible.says.startswith("move documents and chat to managed-open; ")
    assert found.possible.usd.median < found.decided.usd.median < found.today.median
    assert found.possible.back.month is not None


def test_the_whole_is_told_under_other_prices_too() -> None:
    found = whole(demo_profile()).decided
    rises, falls = found.scenarios
    assert falls.today.median < rises.today.median
    assert falls.saved.usd.median < found.saved.usd.median < rises.saved.usd.median


def test_today_is_the_sum_of_all_vendors() -> None:
    profile = demo_profile()
    advice = advise(profile, shipped(), seed=1, runs=400)
    likely = 0.0
    for task in advice.tasks.values():
        assert task.costing.total is not None
        likely += next(t.usd.likely for t in task.costing.total.totals if t.option == "closed")
    assert advice.whole is not None
    assert advice.whole.today.likely == pytest.approx(likely, rel=0.01)


def test_a_task_without_a_cost_is_left_out_and_named() -> None:
    text = "company: {}\ntasks:\n  other: {}\n" + TASK.format(
        name="mail", leaves="true", gpu="h100_sxm", precision="unstated"
    )
    assert whole(parse_profile(text)).left_out == ("other",)
    assert advise(parse_profile("company: {}\ntasks: {a: {}}\n"), (), seed=1).whole is None


def test_a_move_that_cannot_be_costed_is_counted_as_today_and_said() -> None:
    text = TASK.format(name="mail", leaves="false", gpu="tpu", precision="fp8")
    found = whole(parse_profile("company: {}\ntasks:\n" + text))
    assert found.decided.options == {"mail": "closed"}
    assert found.notes == ("mail: self_host has no cost, so it is counted as today",)


def test_the_same_seed_gives_the_same_whole() -> None:
    profile = demo_profile()
    one, same, other = (whole(profile, seed=seed) for seed in (1, 1, 2))
    assert one == same != other
