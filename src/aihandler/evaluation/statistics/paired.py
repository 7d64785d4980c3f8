"""Two deployments on the same items: how much they differ, and what that shows."""

import math

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from aihandler.evaluation.statistics.distributions import t_quantile, t_tail
from aihandler.evaluation.statistics.means import Interval, cluster_numbers, clustered_mean

__all__ = ["Difference", "McNemar", "mcnemar", "paired_difference"]


class McNemar(msgspec.Struct, frozen=True):
    """Items that only one of two got right, and how often chance alone divides them so unevenly.

    `exact` never claims too much; `mid_p` is less cautious and holds its level in practice.
    """

    only_first: int
    only_second: int
    exact: float
    mid_p: float


class Difference(msgspec.Struct, frozen=True):
    """By how much the second scores above the first, as a share of 1.

    `value` is what was seen. `centre`, `error` and `degrees` are those of the interval, which
    holds two items more than were seen (see `paired_difference`); `farthest` is the largest
    difference of one item that must be reckoned with.
    """

    value: float
    centre: float
    error: float
    degrees: int
    items: int
    farthest: float = 1.0

    @property
    def known(self) -> bool:
        """False where one cluster, or none, was seen: then nothing can be shown."""
        return self.degrees >= 1

    @property
    def spread(self) -> float:
        """Variance of one item's difference, design effect included; at most 1 when unknown."""
        return min(1.0, self.error**2 * (self.items + 2)) if self.known else 1.0

    def interval(self, level: float = 0.95) -> Interval:
        """Where the true difference is with this confidence; everything when nothing is known."""
        if not self.known:
            return Interval(-1.0, 1.0)
        half = t_quantile(0.5 + level / 2, self.degrees) * self.error
        return Interval(max(-1.0, self.centre - half), min(1.0, self.centre + half))

    def above(self, bound: float) -> float:
        """The one-sided p-value against "the true difference is at most `bound`"."""
        return self._tail(self.centre - bound, bound)

    def below(self, bound: float) -> float:
        """The one-sided p-value against "the true difference is at least `bound`"."""
        return self._tail(bound - self.centre, bound)

    def least(self, level: float = 0.05) -> float:
        """The lowest true difference that is not refuted: `above` it has p = `level`."""
        low, high = -1.0, min(self.centre, 1.0)
        if self.above(low) > level:
            return low
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self.above(middle) <= level else (low, middle)
        return low

    def _tail(self, distance: float, bound: float) -> float:
        if not self.known:
            return 1.0
        edge = abs(bound)
        # Were the true difference at the bound, at least so many items would have to differ: a
        # handful of equal answers must not look like proof (the idea of Tango 1998). Half an item
        # is taken off because items come whole. The false claims then stay at the level, counted
        # over all outcomes of right and wrong (tests/evaluation).
        floor = max(0.0, edge * (self.farthest - edge) / self.items)
        distance -= min(edge, self.farthest / (2 * self.items))
        return t_tail(distance / max(self.error, math.sqrt(floor)), self.degrees)


def paired_difference(
    first: ArrayLike, second: ArrayLike, clusters: ArrayLike | None = None
) -> Difference:
    """The mean of `second` minus `first` (shape n each, scores of the same items, 0 to 1).

    The error is clustered. Two items are added, one for each side, as far apart as the farthest
    seen: for right and wrong this is the interval of Bonett and Price (2012, J. Educ. Behav. Stat.
    37:479), which keeps its level with few items and with no disagreement at all, where the plain
    error is 0 and everything looks proven. t with one degree less than there are clusters.
    """
    apart = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    n = len(apart)
    if n == 0:
        return Difference(0.0, 0.0, float("inf"), 0, 0)
    farthest = float(np.abs(apart).max()) or 1.0
    numbers = cluster_numbers(clusters, n)
    seen = int(numbers.max()) + 1
    mean = clustered_mean(
        np.concatenate([apart, [farthest, -farthest]]), np.concatenate([numbers, [seen, seen + 1]])
    )
    return Difference(float(apart.mean()), mean.value, mean.error, seen - 1, n, farthest)


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """McNemar's test (1947) of `first` against `second` (shape n, right or not, same items).

    Exact: the binomial of the discordant items at one half, both sides. Mid-p: half of the chance
    of what was seen is taken off (Fagerland, Lydersen and Laake 2013, BMC Med. Res. Meth. 13:91).
    """
    one, two = np.asarray(first, bool), np.asarray(second, bool)
    only_first, only_second = int((one & ~two).sum()), int((two & ~one).sum())
    n, least = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return McNemar(0, 0, 1.0, 1.0)
    at = [_half_binomial(n, k) for k in range(least + 1)]
    exact = min(1.0, 2 * math.fsum(at))
    mid = 1.0 if 2 * least == n else 2 * math.fsum(at) - at[-1]
    return McNemar(only_first, only_second, exact, min(1.0, mid))


def _half_binomial(n: int, k: int) -> float:
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
    return math.exp(log)
