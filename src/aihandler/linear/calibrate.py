"""Scores to probabilities, and the confidence above which a wanted accuracy holds.

Everything here is learned from predictions for rows that the predicting model was not fitted on
(`folds` says which rows are held out together), never from a test part.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from aihandler.linear.fit import softmax

__all__ = [
    "Curve",
    "Judged",
    "Squash",
    "calibration_error",
    "fit_squash",
    "fit_temperature",
    "folds",
    "trust_curve",
]

# A confidence that no answer reaches; `Squash` stays below it.
NEVER = 1.0


class Squash(msgspec.Struct, frozen=True):
    """Raw confidence to a probability: a straight line between their log-odds (Platt 1999).

    No probability is above `most`.
    """

    slope: float = 1.0
    offset: float = 0.0
    most: float = 0.9999

    def __call__(self, raw: float) -> float:
        """A probability below 1."""
        odds = self.slope * _log_odds(np.float64(raw)) + self.offset
        return min(float(1 / (1 + np.exp(-odds))), self.most)


class Curve(msgspec.Struct, frozen=True):
    """What cross-validation saw: of the answers at or above each of `confidences` (falling)...

    `coverage` is the share of all answers that they are; `accuracy` is a cautious estimate of
    the share of them that is right: the lower Wilson bound of one standard error.
    """

    confidences: tuple[float, ...] = ()
    coverage: tuple[float, ...] = ()
    accuracy: tuple[float, ...] = ()

    def threshold_for(self, accuracy: float) -> tuple[float, float]:
        """The lowest confidence that holds `accuracy`, and the share of texts that reach it.

        (1.0, 0.0) when none does: no answer is ever that confident.
        """
        for place in range(len(self.confidences) - 1, -1, -1):
            if self.accuracy[place] >= accuracy:
                return self.confidences[place], self.coverage[place]
        return NEVER, 0.0

    def coverage_at(self, confidence: float) -> float:
        """The share of texts that reach `confidence`."""
        reached = (
            share
            for value, share in zip(self.confidences, self.coverage, strict=True)
            if value >= confidence
        )
        return max(reached, default=0.0)


class Judged(NamedTuple):
    """Predictions of held-out rows: the raw confidence in each, and whether it was right."""

    raw: NDArray[np.float64]
    right: NDArray[np.bool_]


def folds(targets: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """The fold of each row, each class spread evenly. Fewer rows: more folds.

    A model fitted on less than all rows is weaker than the one that is used, and the fewer rows
    there are, the more that matters.
    """
    rows = len(targets)
    count = 3 if rows >= 4_000 else 5 if rows >= 200 else 10
    count = min(count, rows)
    shuffled = np.random.default_rng(seed).permutation(rows)
    by_class = shuffled[np.argsort(targets[shuffled], kind="stable")]
    fold = np.empty(rows, np.int64)
    fold[by_class] = np.arange(rows) % count
    return fold


def fit_temperature(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """The divisor of the logits that makes the targets most likely (Guo et al. 2017)."""
    low, high = np.log(0.02), np.log(50.0)
    # Golden section: the loss has one valley in the log of the temperature.
    ratio = (np.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(logits, targets, np.exp(left)) <= _loss(logits, targets, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def fit_squash(judged: Judged, rounds: int = 50) -> Squash:
    """Slope and offset by Newton's method, held near (1, 0) as if by a few rows more.

    n rows, all of them right, show no more than (n + 1) / (n + 2): nothing is surer than that.
    """
    rows = len(judged.raw)
    inputs = np.stack([_log_odds(judged.raw), np.ones(rows)], axis=1)
    prior = np.array([1.0, 0.0])
    found = prior.copy()
    hits = int(judged.right.sum())
    # Platt's own targets: as if one more row had been right and one more wrong.
    right = np.where(judged.right, (hits + 1) / (hits + 2), 1 / (rows - hits + 2))
    for _ in range(rounds):
        probability = 1 / (1 + np.exp(-inputs @ found))
        gradient = inputs.T @ (probability - right) + (found - prior)
        spread = inputs * (probability * (1 - probability))[:, None]
        change = np.linalg.solve(inputs.T @ spread + np.eye(2), gradient)
        found -= np.clip(change, -1.0, 1.0)
        if np.abs(change).max() < 1e-8:
            break
    # A falling line would call the surest answers the worst: then confidence says nothing.
    return Squash(max(float(found[0]), 0.0), float(found[1]), (rows + 1) / (rows + 2))


def trust_curve(
    confidences: NDArray[np.float64], right: NDArray[np.bool_], points: int = 400
) -> Curve:
    """The curve of held-out answers, at `points` places."""
    order = np.argsort(-confidences, kind="stable")
    values, hits = confidences[order], np.cumsum(right[order])
    # Answers of equal confidence are taken together: a threshold cannot part them.
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    if len(last) > points:
        last = last[np.linspace(0, len(last) - 1, points).round().astype(np.int64)]
    given = last + 1
    lower = _wilson(hits[last] / given, given)
    return Curve(
        tuple(values[last].tolist()), tuple((given / len(values)).tolist()), tuple(lower.tolist())
    )


def calibration_error(
    confidences: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 15
) -> float:
    """Expected calibration error over bins of equal width: mean |confidence - accuracy|."""
    place = np.minimum((confidences * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, confidences - right, minlength=bins)
    return float(np.abs(gap).sum() / max(len(confidences), 1))


def _loss(
    logits: NDArray[np.float32], targets: NDArray[np.int64], temperature: np.float64
) -> float:
    probability = softmax(logits / np.float32(temperature))
    given = probability[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def _log_odds(raw: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    inside = np.clip(raw, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def _wilson(rate: NDArray[np.float64], given: NDArray[np.int64]) -> NDArray[np.float64]:
    """Lower bound of a rate, one standard error down (Wilson 1927, z = 1)."""
    spread = np.sqrt(rate * (1 - rate) / given + 1 / (4 * given**2))
    return np.asarray((rate + 1 / (2 * given) - spread) / (1 + 1 / given))
