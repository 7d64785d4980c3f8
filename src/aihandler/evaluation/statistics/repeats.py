"""The same item asked several times: how steady are the answers?"""

from collections.abc import Hashable, Sequence

import msgspec
import numpy as np

__all__ = ["Spread", "agreement", "flip_rate", "spread_of_scores"]


class Spread(msgspec.Struct, frozen=True):
    """Variance of scores, in squared score: `between` items, and `within` repeats of one item.

    `same` is the share that lies between items (the intraclass correlation); 1.0: repeats of an
    item always score alike. None where all scores are equal or nothing was repeated.
    """

    between: float
    within: float
    same: float | None


def agreement(answers: Sequence[Sequence[Hashable]]) -> float | None:
    """How often two answers to one item are equal: over all pairs of an item, then over items.

    `answers` holds the answers of each item; items with fewer than two are passed over. This is
    the observed agreement of Fleiss (1971). None when nothing was repeated.
    """
    shares = []
    for given in answers:
        n = len(given)
        if n < 2:
            continue
        alike = sum(given.count(answer) * (given.count(answer) - 1) for answer in set(given))
        shares.append(alike / (n * (n - 1)))
    return float(np.mean(shares)) if shares else None


def flip_rate(answers: Sequence[Sequence[Hashable]]) -> float | None:
    """The share of repeated items that did not get the same answer each time."""
    repeated = [len(set(given)) > 1 for given in answers if len(given) > 1]
    return float(np.mean(repeated)) if repeated else None


def spread_of_scores(scores: Sequence[Sequence[float]]) -> Spread | None:
    """Variance components of one-way ANOVA (Searle, Casella and McCulloch 1992, 3.6).

    `scores` holds the scores of the repeats of each item; unequal numbers of repeats are allowed.
    None with fewer than two items, or without repeats.
    """
    given = [np.asarray(item, np.float64) for item in scores if len(item)]
    sizes = np.array([len(item) for item in given], np.float64)
    total, groups = float(sizes.sum()), len(given)
    if groups < 2 or total <= groups:
        return None
    means = np.array([item.mean() for item in given])
    grand = float(sizes @ means) / total
    inside = sum(float(((item - mean) ** 2).sum()) for item, mean in zip(given, means, strict=True))
    within = inside / (total - groups)
    outside = float(sizes @ (means - grand) ** 2) / (groups - 1)
    typical = (total - float(sizes @ sizes) / total) / (groups - 1)
    between = max(0.0, (outside - within) / typical)
    whole = between + within
    return Spread(between, within, between / whole if whole > 1e-15 else None)
