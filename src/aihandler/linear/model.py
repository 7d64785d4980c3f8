"""A trained linear model: small, read-only, and quick at one text.

A model answers one or more questions (heads) about a text with shared features. Weights are
int8; each bucket has a scale for each head, which is multiplied into the value of the bucket.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from aihandler.linear.calibrate import Curve, Squash
from aihandler.linear.features import Space, count
from aihandler.linear.fit import Weights, heads_of
from aihandler.linear.weigh import weigh

__all__ = ["Head", "Learned", "LinearModel", "Scored", "quantise", "score"]


class Head(msgspec.Struct, frozen=True):
    """One question: its possible answers (None: no answer is one of them)."""

    name: str
    labels: tuple[str | None, ...]
    temperature: float = 1.0


class Learned(msgspec.Struct, frozen=True):
    """What cross-validation says of a model (an answer is right when all heads are)."""

    examples: int
    accuracy: float
    calibration_error: float
    folds: int


class Scored(msgspec.Struct, frozen=True):
    """The likeliest answer to each head, and the probability that all of them are right.

    `largest_logit` is the first head's: small for a text unlike all that the model was shown.
    `known` is False for a text without a single gram: the answer is then only the commonest one.
    """

    labels: tuple[str | None, ...]
    confidence: float
    largest_logit: float
    known: bool = True


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Weights of all heads side by side.

    `matrix` is buckets x labels, `scale` is buckets x heads, `rare` is one value for each bucket.
    """

    space: Space
    heads: tuple[Head, ...]
    squash: Squash
    curve: Curve
    learned: Learned
    rare: NDArray[np.float32]
    scale: NDArray[np.float32]
    matrix: NDArray[np.int8]
    bias: NDArray[np.float32]

    def threshold_for(self, accuracy: float) -> tuple[float, float]:
        """The confidence that holds `accuracy`, and the share of texts that reach it.

        Computed from cross-validation on the training examples: the lowest confidence for which
        the answers at or above it were right at a rate whose lower Wilson bound (one standard
        error) is at least `accuracy`. (1.0, 0.0) when no confidence is enough.
        """
        return self.curve.threshold_for(accuracy)


def score(model: LinearModel, text: str) -> Scored:
    """Answers every head about one text, of which `space.text_chars` characters are read."""
    buckets, counts = count(text, model.space)
    logits = _logits(model, buckets, counts)
    labels: list[str | None] = []
    raw, begin = 1.0, 0
    for head in model.heads:
        own = logits[begin : begin + len(head.labels)]
        begin += len(head.labels)
        best = own.argmax()
        labels.append(head.labels[best])
        raw /= float(np.exp((own - own[best]) / head.temperature).sum())
    largest = float(logits[: len(model.heads[0].labels)].max())
    if not len(buckets):
        return Scored(tuple(labels), 0.0, largest, known=False)
    return Scored(tuple(labels), model.squash(raw), largest)


def quantise(
    weights: Weights, sizes: Sequence[int]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights as int8, and the scale of each bucket for each head: weight = int8 * scale."""
    matrix = np.empty(weights.matrix.shape, np.int8)
    scale = np.empty((len(matrix), len(sizes)), np.float32)
    pairs = zip(heads_of(weights.matrix, sizes), heads_of(matrix, sizes), strict=True)
    for number, (own, steps) in enumerate(pairs):
        scale[:, number] = np.abs(own).max(axis=1) / 127
        divisor = np.where(scale[:, number] == 0, np.float32(1), scale[:, number])
        steps[:] = np.rint(own / divisor[:, None])
    return matrix, scale


def _logits(
    model: LinearModel, buckets: NDArray[np.int64], counts: NDArray[np.float32]
) -> NDArray[np.float32]:
    values = weigh(buckets, counts, model.rare, model.space.words)
    rows = model.matrix.take(buckets, axis=0).astype(np.float32)
    scales = model.scale.take(buckets, axis=0)
    logits = model.bias.copy()
    begin = 0
    for place, head in enumerate(model.heads):
        end = begin + len(head.labels)
        logits[begin:end] += (values * scales[:, place]) @ rows[:, begin:end]
        begin = end
    return logits
