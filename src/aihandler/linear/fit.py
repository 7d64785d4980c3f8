"""Multinomial logistic regression over sparse rows, in numpy and on one thread.

AdaGrad (Duchi, Hazan, Singer 2011) in mini-batches. A batch touches few of the buckets, so its
columns are packed into a small dense matrix and the work is two products of that with the
weights it touches.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from aihandler.linear.features import Rows

__all__ = ["Fitting", "Sparse", "Weights", "fit", "heads_of", "predict", "softmax"]

Columns = TypeVar("Columns", NDArray[np.float32], NDArray[np.int8])


class Fitting(msgspec.Struct, frozen=True):
    """How weights are fitted. `step` shrinks to nothing over the epochs.

    There are `epochs` of them, and more (up to `most_epochs`) while that makes fewer than
    `updates` updates, because a few dozen rows are one batch.
    """

    epochs: int = 10
    most_epochs: int = 60
    updates: int = 200
    batch: int = 64
    step: float = 0.2
    decay: float = 1e-6
    seed: int = 0

    def rounds(self, rows: int) -> int:
        """How many epochs `rows` rows get."""
        batches = -(-rows // self.batch)
        return max(self.epochs, min(self.most_epochs, self.updates // max(batches, 1)))


class Weights(NamedTuple):
    """`matrix` is buckets x classes; a logit is values @ matrix + bias."""

    matrix: NDArray[np.float32]
    bias: NDArray[np.float32]


class Sparse(NamedTuple):
    """Rows with the value of each of their buckets."""

    rows: Rows
    values: NDArray[np.float32]
    size: int


class _Packer:
    """Packs some rows into a dense matrix of only those buckets that they hit."""

    def __init__(self, data: Sparse) -> None:
        self._data = data
        self._hit = np.zeros(data.size, np.bool_)
        self._column = np.zeros(data.size, np.int64)

    def pack(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        starts = self._data.rows.starts
        lengths = starts[chosen + 1] - starts[chosen]
        before = np.cumsum(lengths) - lengths
        taken = np.arange(int(lengths.sum())) + np.repeat(starts[chosen] - before, lengths)
        buckets = self._data.rows.buckets[taken]
        self._hit[:] = False
        self._hit[buckets] = True
        used = np.flatnonzero(self._hit)
        self._column[used] = np.arange(len(used))
        dense = np.zeros((len(chosen), len(used)), np.float32)
        row = np.repeat(np.arange(len(chosen)), lengths)
        dense[row, self._column[buckets]] = self._data.values[taken]
        return used, dense


def fit(
    data: Sparse,
    targets: NDArray[np.int64],
    *,
    sizes: Sequence[int],
    chosen: NDArray[np.int64],
    how: Fitting,
) -> Weights:
    """Weights that answer every head for the `chosen` rows as `targets` (rows x heads) does.

    Head h has `sizes[h]` classes; the classes of all heads lie side by side.
    """
    classes = sum(sizes)
    weights = Weights(np.zeros((data.size, classes), np.float32), np.zeros(classes, np.float32))
    # Squared gradients so far; the small start keeps the first division finite.
    seen = np.full_like(weights.matrix, 1e-6)
    packer = _Packer(data)
    random = np.random.default_rng(how.seed)
    epochs = how.rounds(len(chosen))
    for epoch in range(epochs):
        order = random.permutation(chosen)
        step = how.step * (1 - epoch / epochs)
        for begin in range(0, len(order), how.batch):
            part = order[begin : begin + how.batch]
            used, dense = packer.pack(part)
            matrix = weights.matrix[used]
            error = _error(dense @ matrix + weights.bias, targets[part], sizes)
            squares = seen[used]
            _descend(matrix, dense.T @ error + how.decay * matrix, squares, step=step)
            weights.matrix[used] = matrix
            seen[used] = squares
            # Every row moves the bias, so it would run ahead of weights that few rows move.
            weights.bias[:] -= 0.1 * step * error.sum(axis=0)
    return weights


def predict(
    data: Sparse, weights: Weights, *, chosen: NDArray[np.int64], batch: int = 64
) -> NDArray[np.float32]:
    """Logits of the `chosen` rows, rows x classes."""
    packer = _Packer(data)
    logits = np.empty((len(chosen), len(weights.bias)), np.float32)
    for begin in range(0, len(chosen), batch):
        used, dense = packer.pack(chosen[begin : begin + batch])
        logits[begin : begin + batch] = dense @ weights.matrix[used] + weights.bias
    return logits


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of each row of logits, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def heads_of(logits: Columns, sizes: Sequence[int]) -> Iterator[Columns]:
    """The columns of each head in turn, without a copy."""
    begin = 0
    for size in sizes:
        yield logits[..., begin : begin + size]
        begin += size


def _error(
    logits: NDArray[np.float32], targets: NDArray[np.int64], sizes: Sequence[int]
) -> NDArray[np.float32]:
    """Probability less truth, by head, as a mean over the rows; in place of the logits."""
    rows = np.arange(len(logits))
    for number, own in enumerate(heads_of(logits, sizes)):
        softmax(own)
        own[rows, targets[:, number]] -= 1
    logits /= len(logits)
    return logits


def _descend(
    matrix: NDArray[np.float32],
    gradient: NDArray[np.float32],
    squares: NDArray[np.float32],
    *,
    step: float,
) -> None:
    """One AdaGrad update of `matrix` and of its sum of `squares`, both in place."""
    squares += gradient * gradient
    gradient /= np.sqrt(squares)
    gradient *= step
    matrix -= gradient
