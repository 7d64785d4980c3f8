"""Counts to values: how much each gram of a text says, at equal length for every text."""

import numpy as np
from numpy.typing import NDArray

from aihandler.linear.features import Rows, Space

__all__ = ["rarity", "weigh", "weigh_all"]


def rarity(rows: Rows, space: Space) -> NDArray[np.float32]:
    """How rare each bucket is among `rows`: smoothed inverse document frequency, at least 1."""
    hits = np.bincount(rows.buckets, minlength=space.size)
    return (np.log((1 + rows.height) / (1 + hits)) + 1).astype(np.float32)


def weigh(
    buckets: NDArray[np.int64],
    counts: NDArray[np.float32],
    rare: NDArray[np.float32],
    words: int,
) -> NDArray[np.float32]:
    """Values of one text: (1 + log count) * rarity; words and characters each of length 1."""
    values: NDArray[np.float32] = (1 + np.log(counts)) * rare[buckets]
    split = int(np.searchsorted(buckets, words))
    _to_length_one(values[:split])
    _to_length_one(values[split:])
    return values


def weigh_all(rows: Rows, rare: NDArray[np.float32], space: Space) -> NDArray[np.float32]:
    """The same for all rows."""
    values = (1 + np.log(rows.counts)) * rare[rows.buckets]
    block = np.repeat(np.arange(rows.height) * 2, np.diff(rows.starts))
    block += rows.buckets >= space.words
    length = np.sqrt(np.bincount(block, values * values, minlength=2 * rows.height))
    return (values / length[block]).astype(np.float32)


def _to_length_one(block: NDArray[np.float32]) -> None:
    if length := float(np.sqrt(np.dot(block, block))):
        block /= np.float32(length)
