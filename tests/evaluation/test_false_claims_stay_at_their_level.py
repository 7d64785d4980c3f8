"""Claims that are not true: at most 5 %, over simulated comparisons and over all outcomes."""

import math

import numpy as np
import pytest
from comparisons import drawn
from scipy import stats

from aihandler.evaluation.findings import findings
from aihandler.evaluation.gates import check, parse_gate
from aihandler.evaluation.pairs import PairFindings
from aihandler.evaluation.statistics.paired import Difference

# 5 % of 500, and twice the standard error of such a count (4.9).
MOST_OF_500 = 35
MOST_OF_100 = 10


def _claims(rounds: int, *, items: int, lost: float, won: float, others: int) -> list[str]:
    """The worst claim of each comparison whose deployments all differ by `won` - `lost`."""
    random, false = np.random.default_rng(21), []
    for seed in range(rounds):
        found = findings(drawn(random, items, lost=lost, won=won, others=others), seed=seed)
        verdicts = {pair.verdict for pair in found.pairs}
        false.append(" ".join(sorted(verdicts)))
    return false


def _no_difference(rounds: int, items: int, others: int) -> int:
    said = _claims(rounds, items=items, lost=0.05, won=0.05, others=others)
    return sum("better" in s or s.replace("not worse", "").count("worse") > 0 for s in said)


def _worse_by_the_margin(rounds: int, items: int) -> int:
    """The hardest case: a difference of exactly 2 points, which "not worse" must not forgive."""
    said = _claims(rounds, items=items, lost=0.04, won=0.02, others=1)
    return sum("not worse" in s or "better" in s for s in said)


@pytest.mark.parametrize("others", [1, 3])
def test_equal_deployments_are_rarely_called_better_or_worse(others: int) -> None:
    assert _no_difference(100, 120, others) <= MOST_OF_100


def test_a_deployment_worse_by_the_margin_is_rarely_called_not_worse() -> None:
    assert _worse_by_the_margin(100, 400) <= MOST_OF_100


@pytest.mark.nightly
@pytest.mark.parametrize("others", [1, 3])
@pytest.mark.parametrize("items", [60, 400])
def test_equal_deployments_are_called_different_in_5_of_100_at_most(
    items: int, others: int
) -> None:
    false = _no_difference(500, items, others)
    print(f"equal, {items} items, {others} others: {false} of 500")
    assert false <= MOST_OF_500


@pytest.mark.nightly
@pytest.mark.parametrize("items", [120, 400, 1_500])
def test_a_loss_of_the_margin_is_forgiven_in_5_of_100_at_most(items: int) -> None:
    false = _worse_by_the_margin(500, items)
    print(f"worse by 2 points, {items} items: {false} of 500")
    assert false <= MOST_OF_500


def _all_outcomes(items: int, margin: float, won: float) -> float:
    """The chance of a false "not worse" at the margin: every outcome, by its own chance."""
    lost, most = won + margin, min(items, 110)
    b, c = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
    fits = b + c <= items
    b, c = b[fits], c[fits]
    chance = stats.multinomial.pmf(
        np.stack([b, c, items - b - c], -1), items, [lost, won, 1 - lost - won]
    )
    likely = chance > 1e-9
    false = 0.0
    for lose, win, weight in zip(b[likely], c[likely], chance[likely], strict=True):
        false += weight * (_seen(int(lose), int(win), items).above(-margin) <= 0.05)
    return false


def _seen(lost: int, won: int, items: int) -> Difference:
    """As `paired_difference` of so many lost and won items, without building them."""
    n = items + 2
    centre = (won - lost) / n
    spread = ((lost + won + 2) - n * centre**2) / (n * (n - 1))
    return Difference((won - lost) / items, centre, math.sqrt(spread), items - 1, items)


@pytest.mark.parametrize("items", [45, 120, 135, 400])
def test_over_all_outcomes_a_loss_of_the_margin_is_forgiven_in_5_of_100(items: int) -> None:
    for won in (0.0, 0.01):
        assert _all_outcomes(items, 0.02, won) <= 0.0505


@pytest.mark.nightly
@pytest.mark.parametrize("margin", [0.01, 0.02, 0.05, 0.1])
def test_over_all_outcomes_and_many_sizes(margin: float) -> None:
    worst = max(
        (_all_outcomes(items, margin, won), items, won)
        for items in (20, 30, 60, 90, 120, 135, 180, 250, 400)
        for won in (0.0, 0.005, 0.01, 0.03)
    )
    print(f"margin {margin}: {worst[0]:.4f} at {worst[1]} items, {worst[2]} won")
    assert worst[0] <= 0.052


def _verdict(found: PairFindings | None) -> str:
    assert found
    return found.verdict


def test_a_planted_difference_is_found() -> None:
    random = np.random.default_rng(5)
    seen = [
        _verdict(findings(drawn(random, 400, lost=0.16, won=0.04)).pair("b0")) for _ in range(20)
    ]
    assert seen.count("worse") >= 18
    better = [
        _verdict(findings(drawn(random, 400, lost=0.04, won=0.16)).pair("b0")) for _ in range(20)
    ]
    assert better.count("better") >= 18


def test_gates_on_equal_deployments_rarely_pass_better() -> None:
    random, passed = np.random.default_rng(6), 0
    gate = parse_gate("b0 better than a")
    for _ in range(100):
        found = findings(drawn(random, 120, lost=0.05, won=0.05))
        passed += check(gate, found).verdict == "pass"
    assert passed <= MOST_OF_100
