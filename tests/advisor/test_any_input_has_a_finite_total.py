"""Inputs at their ends and far out: sums stay finite, and the same twice."""

import math
import random

import msgspec
import pytest

from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.inputs import OF_RENT, RULES, case
from aihandler.advisor.economics.runs import Order, run
from aihandler.advisor.economics.total_cost import TotalCost, of_runs
from aihandler.advisor.economics.turns import turns

ALWAYS = {
    "requests_per_month",
    "input_tokens",
    "output_tokens",
    "input_usd_per_million",
    "output_usd_per_million",
}
DIVIDES = {"requests_per_replica_s", "utilisation", "hours_per_month"}


def drawn(name: str, chance: random.Random) -> Figure:
    unit = RULES[name].unit
    if unit == "share":
        most = 0.99 if "loss" in name else 1.0
        ends = [min(chance.choice([0.0, chance.random(), 1.0]), most) for _ in range(3)]
    elif unit.startswith("share/"):
        ends = [chance.uniform(-0.9, 1.5) for _ in range(3)]
    else:
        ends = [chance.choice([0.0, 10 ** chance.uniform(-3, 7)]) for _ in range(3)]
    if name in DIVIDES:
        ends = [max(end, 1e-6) for end in ends]
    low, value, high = sorted(ends if chance.random() < 0.6 else ends[:1] * 3)
    return Figure(value, low, high, unit, "a test")


def total(seed: int) -> TotalCost:
    chance = random.Random(seed)  # a test
    names = [name for name in RULES if name not in OF_RENT]
    given = {n: drawn(n, chance) for n in names if n in ALWAYS or chance.random() < 0.7}
    # Read from a cache and written to it are parts of one input.
    given.pop("cache_write_share", None)
    runs = run(case(given), Order(seed, runs=40))
    found = of_runs(runs)
    for each in found.differences:
        assert all(str(turn) for turn in turns(runs, each.option, each.than))
    return found


def check(seed: int) -> None:
    found = total(seed)
    for each in found.differences:
        assert 0.5 <= each.cheaper_share <= 1
        assert all(math.isfinite(usd) for usd in msgspec.structs.astuple(each.usd))
    for one in found.totals:
        assert 0 <= one.usd.low <= one.usd.median <= one.usd.high
    assert msgspec.json.encode(found) == msgspec.json.encode(total(seed))


@pytest.mark.parametrize("seed", range(6))
def test_a_total_is_finite_whatever_goes_in(seed: int) -> None:
    check(seed)


@pytest.mark.nightly
def test_many_totals_are_finite_whatever_goes_in() -> None:
    for seed in range(200):
        check(seed)
