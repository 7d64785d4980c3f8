"""Labelled texts to a trained, calibrated model."""

from collections.abc import Mapping, Sequence

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
from aihandler.linear.fit import Fitting, Sparse, fit, heads_of, predict, softmax
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
    labels = {name: _labels(given) for name, given in answers.items()}
    sizes = [len(own) for own in labels.values()]
    targets = np.stack([_numbers(given, labels[name]) for name, given in answers.items()], axis=1)
    fold = folds(_joint(targets, sizes), seed=how.seed)
    temperatures, judged = _judge(
        _held_out(data, targets, fold, sizes=sizes, how=how), targets, sizes
    )
    squash = fit_squash(judged)
    confidences = np.array([squash(raw) for raw in judged.raw.tolist()])
    weights = fit(data, targets, sizes=sizes, chosen=np.arange(len(texts)), how=how)
    matrix, scale = quantise(weights, sizes)
    return LinearModel(
        space=space,
        heads=tuple(map(Head, labels, labels.values(), temperatures)),
        squash=squash,
        curve=trust_curve(confidences, judged.right),
        learned=Learned(
            examples=len(texts),
            accuracy=float(judged.right.mean()),
            calibration_error=calibration_error(confidences, judged.right),
            folds=int(fold.max()) + 1,
        ),
        rare=rare,
        scale=scale,
        matrix=matrix,
        bias=weights.bias,
    )


def _labels(given: Sequence[str | None]) -> tuple[str | None, ...]:
    return tuple(sorted(set(given), key=lambda label: (label is None, label or "")))


def _numbers(given: Sequence[str | None], labels: Sequence[str | None]) -> NDArray[np.int64]:
    number = {label: place for place, label in enumerate(labels)}
    return np.array([number[label] for label in given], np.int64)


def _joint(targets: NDArray[np.int64], sizes: Sequence[int]) -> NDArray[np.int64]:
    """One number for each combination of answers."""
    joint = np.zeros(len(targets), np.int64)
    for number, size in enumerate(sizes):
        joint = np.unique(joint * size + targets[:, number], return_inverse=True)[1]
    return joint


def _judge(
    logits: NDArray[np.float32], targets: NDArray[np.int64], sizes: Sequence[int]
) -> tuple[list[float], Judged]:
    """The temperature of each head, and how the likeliest answers of all heads together fare."""
    temperatures = []
    raw, right = np.ones(len(targets)), np.ones(len(targets), np.bool_)
    for number, own in enumerate(heads_of(logits, sizes)):
        truth = targets[:, number]
        temperatures.append(fit_temperature(own, truth))
        right &= own.argmax(axis=1) == truth
        raw *= softmax(own / np.float32(temperatures[-1])).max(axis=1)
    return temperatures, Judged(raw, right)


def _held_out(
    data: Sparse,
    targets: NDArray[np.int64],
    fold: NDArray[np.int64],
    *,
    sizes: Sequence[int],
    how: Fitting,
) -> NDArray[np.float32]:
    """Logits of every row by a model that was fitted on the other folds."""
    logits = np.zeros((len(targets), sum(sizes)), np.float32)
    for number in range(int(fold.max()) + 1):
        rest, own = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        weights = fit(data, targets, sizes=sizes, chosen=rest, how=how)
        logits[own] = predict(data, weights, chosen=own)
    return logits
