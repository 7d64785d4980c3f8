"""Means of scores, with standard errors that know which items belong together."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from aihandler.evaluation.statistics.distributions import normal_quantile, t_quantile

__all__ = ["Interval", "Mean", "cluster_numbers", "clustered_mean", "score_interval", "wilson"]


class Interval(msgspec.Struct, frozen=True):
    """From `low` to `high`, in the unit of what it is about."""

    low: float
    high: float


class Mean(NamedTuple):
    """A mean, its standard error, and how many items and clusters it rests on.

    `error` is infinite where one cluster, or none, says nothing of its own spread.
    """

    value: float
    error: float
    items: int
    clusters: int


def cluster_numbers(names: ArrayLike | None, items: int) -> NDArray[np.int64]:
    """Names of clusters (shape n) to numbers from 0; items without names stand alone."""
    if names is None:
        return np.arange(items)
    return np.unique(np.asarray(names), return_inverse=True)[1].reshape(items)


def clustered_mean(values: ArrayLike, clusters: ArrayLike | None = None) -> Mean:
    """The mean of `values` (shape n, one per item) with its clustered standard error.

    `clusters` (shape n) names the cluster of each item. The error is the sandwich estimate with
    the factor G / (G - 1) (Liang and Zeger 1986; for evaluations: Miller 2024, arXiv 2411.00640);
    with items that stand alone it is the usual s / sqrt(n).
    """
    numbers = np.asarray(values, np.float64)
    n = len(numbers)
    if n == 0:
        return Mean(float("nan"), float("inf"), 0, 0)
    mean = float(numbers.mean())
    residuals = np.bincount(cluster_numbers(clusters, n), numbers - mean)
    count = len(residuals)
    if count < 2:
        return Mean(mean, float("inf"), n, count)
    variance = count / (count - 1) * float(residuals @ residuals) / n**2
    return Mean(mean, float(np.sqrt(variance)), n, count)


def wilson(rate: float, items: float, *, level: float = 0.95) -> Interval:
    """The interval of a rate seen on `items` (Wilson 1927). `items` may be an effective number."""
    if items <= 0:
        return Interval(0.0, 1.0)
    z = normal_quantile(0.5 + level / 2)
    middle = rate + z * z / (2 * items)
    half = z * float(np.sqrt(rate * (1 - rate) / items + z * z / (4 * items**2)))
    scale = 1 + z * z / items
    # At the ends the formula is exact on paper only.
    low = max(0.0, (middle - half) / scale) if rate > 0 else 0.0
    return Interval(low, min(1.0, (middle + half) / scale) if rate < 1 else 1.0)


def score_interval(
    values: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95
) -> Interval:
    """The interval of a mean score: `values` (shape n) are between 0 and 1.

    Wilson's, on as many items as would give the clustered error if each were right or wrong by
    itself (Korn and Graubard 1998): for right and wrong without clusters it is Wilson's own. Never
    outside 0..1, and of honest width when all are right.
    """
    mean = clustered_mean(values, clusters)
    if mean.clusters < 2:
        return wilson(mean.value, mean.clusters, level=level) if mean.items else Interval(0.0, 1.0)
    spread = mean.value * (1 - mean.value)
    if mean.error < 1e-12 or spread < 1e-12:
        return wilson(mean.value, mean.clusters, level=level)
    effective = spread / mean.error**2
    # Few clusters know their own spread badly.
    upper = 0.5 + level / 2
    effective *= (normal_quantile(upper) / t_quantile(upper, mean.clusters - 1)) ** 2
    return wilson(mean.value, effective, level=level)
