"""Labelled texts to a trained, calibrated model."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aihandler.linear.calibrate import (
    Judged,
    calibration_error,
    fit_squash,
    fit_temperature,
    folds,
    trust_curve,
)
from aihandler.linear.features import Space, count_all
from aihandler.linear.fit import Fitting, Sparse, fit, predict, softmax
from aihandler.linear.model import Head, Learned, LinearModel, quantise
from aihandler.linear.weigh import rarity, weigh_all

__all__ = ["learn"]


def learn(
    texts: Sequence[str],
    answers: Mapping[str, Sequence[str | None]],
    *,
    space: Space | None = None,
    how: Fitting | None = None,
) -> LinearModel:
    """Learns to answer every head of `answers` (one answer for each text).

    The same input gives the same bytes. Calibration costs as many further fits as there are
    folds; the rarity of buckets is taken from all texts, which labels play no part in.
    """
    space, how = space or Space(), how or Fitting()
    rows = count_all(texts, space)
    rare = rarity(rows, space)
    data = Sparse(rows, weigh_all(rows, rare, space), space.size)
    heads = [_learn_head(name, given, data, how) for name, given in answers.items()]
    joint = Judged(
        np.prod([head.judged.raw for head in heads], axis=0),
        np.all([head.judged.right for head in heads], axis=0),
    )
    squash = fit_squash(joint)
    confidences = np.array([squash(raw) for raw in joint.raw.tolist()])
    learned = Learned(
        examples=len(texts),
        accuracy=float(joint.right.mean()),
        calibration_error=calibration_error(confidences, joint.right),
        folds=max(head.folds for head in heads),
    )
    return LinearModel(
        space=space,
        heads=tuple(head.head for head in heads),
        squash=squash,
        curve=trust_curve(confidences, joint.right),
        learned=learned,
        rare=rare,
        scale=np.stack([head.scale for head in heads], axis=1),
        matrix=np.concatenate([head.matrix for head in heads], axis=1),
        bias=np.concatenate([head.bias for head in heads]),
    )


class _Fitted(NamedTuple):
    head: Head
    judged: Judged
    matrix: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    folds: int


def _learn_head(name: str, given: Sequence[str | None], data: Sparse, how: Fitting) -> _Fitted:
    labels = tuple(sorted(set(given), key=lambda label: (label is None, label or "")))
    place = {label: number for number, label in enumerate(labels)}
    targets = np.array([place[label] for label in given], np.int64)
    fold = folds(targets, seed=how.seed)
    logits = _held_out(data, targets, fold, classes=len(labels), how=how)
    temperature = fit_temperature(logits, targets)
    judged = Judged(
        softmax(logits / np.float32(temperature)).max(axis=1).astype(np.float64),
        logits.argmax(axis=1) == targets,
    )
    weights = fit(data, targets, classes=len(labels), chosen=np.arange(len(targets)), how=how)
    matrix, scale = quantise(weights)
    head = Head(name, labels, temperature)
    return _Fitted(head, judged, matrix, scale, weights.bias, int(fold.max()) + 1)


def _held_out(
    data: Sparse,
    targets: NDArray[np.int64],
    fold: NDArray[np.int64],
    *,
    classes: int,
    how: Fitting,
) -> NDArray[np.float32]:
    """Logits of every row by a model that was fitted on the other folds."""
    logits = np.zeros((len(targets), classes), np.float32)
    for number in range(int(fold.max()) + 1):
        rest, own = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        weights = fit(data, targets, classes=classes, chosen=rest, how=how)
        logits[own] = predict(data, weights, chosen=own)
    return logits
