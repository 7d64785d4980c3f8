"""Intervals by drawing clusters again, for what has no formula of its own."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aihandler.evaluation.statistics.distributions import normal_quantile
from aihandler.evaluation.statistics.means import Interval, cluster_numbers

__all__ = ["Draws", "bca", "draw_means", "percentile"]

_BLOCK = 2_000_000


class Draws(NamedTuple):
    """A mean, the means of the samples drawn again (shape draws), and without each cluster."""

    value: float
    means: NDArray[np.float64]
    left_out: NDArray[np.float64]


def draw_means(
    values: ArrayLike, clusters: ArrayLike | None = None, *, seed: int, draws: int = 2_000
) -> Draws:
    """Draws whole clusters with replacement (Davison and Hinkley 1997, 3.8), `draws` times.

    `values` has shape n, one per item, in any unit; at least one.
    """
    numbers = np.asarray(values, np.float64)
    of = cluster_numbers(clusters, len(numbers))
    sums, sizes = np.bincount(of, numbers), np.bincount(of).astype(np.float64)
    count = len(sums)
    random = np.random.default_rng(seed)
    means = np.empty(draws)
    # In blocks, so that memory is bounded.
    block = max(1, _BLOCK // count)
    for start in range(0, draws, block):
        chosen = random.integers(count, size=(min(block, draws - start), count))
        means[start : start + block] = sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    rest = sizes.sum() - sizes
    without = np.divide(sums.sum() - sums, rest, out=np.full(count, numbers.mean()), where=rest > 0)
    return Draws(float(numbers.mean()), means, without)


def percentile(draws: Draws, *, level: float = 0.95) -> Interval:
    """The middle `level` of the drawn means (Efron 1979)."""
    low, high = np.quantile(draws.means, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))


def bca(draws: Draws, *, level: float = 0.95) -> Interval:
    """Bias-corrected and accelerated (Efron 1987): the percentiles moved for bias and skew."""
    if np.ptp(draws.means) == 0:
        return percentile(draws, level=level)
    # Ties count half, or few distinct values would look like bias.
    below = np.mean(draws.means < draws.value) + np.mean(draws.means == draws.value) / 2
    edge = 1 / (len(draws.means) + 1)
    bias = normal_quantile(float(np.clip(below, edge, 1 - edge)))
    away = draws.left_out.mean() - draws.left_out
    spread = float((away**2).sum()) ** 1.5
    skew = float((away**3).sum()) / (6 * spread) if spread > 0 else 0.0
    ends = []
    for end in (0.5 - level / 2, 0.5 + level / 2):
        moved = bias + normal_quantile(end)
        moved = bias + moved / max(1 - skew * moved, 1e-9)
        ends.append(NormalDist().cdf(moved))
    low, high = np.quantile(draws.means, ends)
    return Interval(float(low), float(high))
