"""Coverage by simulation: intervals called 95 % hold the truth in 93 to 97 % of samples."""

from collections.abc import Callable

import numpy as np
import pytest

from aihandler.evaluation.statistics.means import score_interval
from aihandler.evaluation.statistics.paired import paired_difference

Sample = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray | None]]

SHORT, LONG = 700, 5_000


def _alone(items: int, rate: float) -> Sample:
    return lambda random: ((random.random(items) < rate) * 1.0, None)


def _clustered(clusters: int, size: int, rate: float, alike: float) -> Sample:
    """Right and wrong; items of one cluster are correlated by `alike`."""
    a, b = rate * (1 - alike) / alike, (1 - rate) * (1 - alike) / alike
    names = np.repeat(np.arange(clusters), size)

    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        chances = np.repeat(random.beta(a, b, clusters), size)
        return (random.random(len(names)) < chances) * 1.0, names

    return draw


def _partial(items: int, a: float, b: float) -> Sample:
    return lambda random: (random.beta(a, b, items), None)


SCORES = {
    "20 items, 90 % right": (_alone(20, 0.9), 0.9),
    "120 items, 90 % right": (_alone(120, 0.9), 0.9),
    "120 items, 98 % right": (_alone(120, 0.98), 0.98),
    "500 items, 60 % right": (_alone(500, 0.6), 0.6),
    "15 clusters of 8": (_clustered(15, 8, 0.8, 0.2), 0.8),
    "40 clusters of 5": (_clustered(40, 5, 0.9, 0.2), 0.9),
    "100 clusters of 4": (_clustered(100, 4, 0.7, 0.3), 0.7),
    "30 partial scores": (_partial(30, 8, 2), 0.8),
    "120 partial scores": (_partial(120, 2, 0.5), 0.8),
}


def _covered_scores(name: str, rounds: int) -> float:
    draw, truth = SCORES[name]
    random, held = np.random.default_rng(11), 0
    for _ in range(rounds):
        values, clusters = draw(random)
        found = score_interval(values, clusters)
        held += found.low <= truth <= found.high
    return held / rounds


def _pair_alone(items: int, lost: float, won: float) -> Sample:
    def draw(random: np.random.Generator) -> tuple[np.ndarray, None]:
        draws = random.random(items)
        return np.where(draws < lost, -1.0, np.where(draws < lost + won, 1.0, 0.0)), None

    return draw


def _pair_clustered(clusters: int, size: int, lost: float, won: float) -> Sample:
    names = np.repeat(np.arange(clusters), size)
    share = lost + won

    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        differs = random.random(len(names)) < np.repeat(
            random.beta(4 * share, 4 * (1 - share), clusters), size
        )
        up = random.random(len(names)) < won / share
        return np.where(differs, np.where(up, 1.0, -1.0), 0.0), names

    return draw


PAIRS = {
    "120 items, 10 % differ": (_pair_alone(120, 0.05, 0.05), 0.0),
    "120 items, 16 % differ, 8 points lost": (_pair_alone(120, 0.12, 0.04), -0.08),
    "500 items, 4 % differ": (_pair_alone(500, 0.03, 0.01), -0.02),
    "1,500 items, 10 % differ": (_pair_alone(1_500, 0.05, 0.05), 0.0),
    "60 clusters of 4": (_pair_clustered(60, 4, 0.1, 0.05), -0.05),
    "30 clusters of 10": (_pair_clustered(30, 10, 0.1, 0.1), 0.0),
    "120 partial scores": (lambda random: (random.normal(-0.02, 0.1, 120), None), -0.02),
}


def _covered_pairs(name: str, rounds: int) -> float:
    draw, truth = PAIRS[name]
    random, held = np.random.default_rng(12), 0
    for _ in range(rounds):
        apart, clusters = draw(random)
        found = paired_difference(np.zeros(len(apart)), apart, clusters).interval()
        held += found.low <= truth <= found.high
    return held / rounds


@pytest.mark.parametrize("name", SCORES)
def test_score_intervals_hold_the_truth_about_as_often_as_they_say(name: str) -> None:
    # 700 rounds: 0.95 +- three standard errors.
    assert 0.925 <= _covered_scores(name, SHORT) <= 0.977


@pytest.mark.parametrize("name", PAIRS)
def test_difference_intervals_hold_the_truth_about_as_often_as_they_say(name: str) -> None:
    assert 0.925 <= _covered_pairs(name, SHORT) <= 0.981


@pytest.mark.nightly
@pytest.mark.parametrize("name", SCORES)
def test_score_intervals_cover_93_to_97_of_100(name: str) -> None:
    covered = _covered_scores(name, LONG)
    print(f"{name}: {covered:.4f}")
    assert 0.93 <= covered <= 0.97


@pytest.mark.nightly
@pytest.mark.parametrize("name", PAIRS)
def test_difference_intervals_cover_93_to_97_of_100(name: str) -> None:
    covered = _covered_pairs(name, LONG)
    print(f"{name}: {covered:.4f}")
    assert 0.93 <= covered <= 0.975
