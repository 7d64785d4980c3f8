"""Texts to hashed counts: words and word pairs, and runs of characters inside words.

No vocabulary is kept: a gram's bucket is a hash of its characters, so a model is of a fixed size
and a word that was never seen still shares its character runs with words that were.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "Space", "count", "count_all"]

# Odd multipliers of the hash of a run; whoever changes them changes what every saved model reads.
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_HIGH_BITS = np.uint64(40)
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Space(msgspec.Struct, frozen=True):
    """Where grams go: `words` buckets, then `chars` buckets (runs of 2 to `longest`).

    `text_chars` bounds how much of a text is read, so that a huge one costs no more than that.
    """

    words: int = 16_384
    chars: int = 16_384
    longest: int = 4
    text_chars: int = 20_000

    @property
    def size(self) -> int:
        """All buckets."""
        return self.words + self.chars


class Rows(NamedTuple):
    """Sparse rows: row i holds `counts[a:b]` in `buckets[a:b]`, a, b = starts[i], starts[i + 1]."""

    starts: NDArray[np.int64]
    buckets: NDArray[np.int32]
    counts: NDArray[np.float32]

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.starts) - 1


def count(text: str, space: Space) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The buckets of one text in rising order, and how often each one is hit."""
    padded = _normalise(text, space)
    runs, _ = _chars(padded, space)
    buckets = np.concatenate([np.array(_words(padded, space), np.int64), runs])
    buckets.sort()
    first = _firsts(buckets)
    counts = np.empty(len(first), np.float32)
    np.subtract(first[1:], first[:-1], out=counts[:-1], casting="unsafe")
    counts[-1:] = len(buckets) - first[-1:]
    return buckets[first], counts


def count_all(texts: Sequence[str], space: Space) -> Rows:
    """The same for many texts; a million characters at a time, so that memory stays bounded."""
    starts = [np.zeros(1, np.int64)]
    buckets, counts = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    for part in _parts(texts, space):
        rows, found, hits = _count_part(part, space)
        starts.append(starts[-1][-1] + np.cumsum(np.bincount(rows, minlength=len(part))))
        buckets.append(found)
        counts.append(hits)
    return Rows(np.concatenate(starts), np.concatenate(buckets), np.concatenate(counts))


def _normalise(text: str, space: Space) -> str:
    """Lower case, tokens apart by one blank, a blank at both ends."""
    return f" {' '.join(_TOKEN.findall(text[: space.text_chars].lower()))} "


def _words(padded: str, space: Space) -> list[int]:
    """The buckets of all words and of all pairs of neighbours."""
    buckets = []
    before = None
    for word in padded.encode("utf-8", "surrogatepass").split():
        single = zlib.crc32(word)
        buckets.append(single % space.words)
        if before is not None:
            # The blank keeps "on line" apart from "online".
            buckets.append(zlib.crc32(b" " + word, before) % space.words)
        before = single
    return buckets


def _chars(padded: str, space: Space) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """The buckets of all runs without a blank inside, and, length by length, where they begin.

    `padded` may be several normalised texts in a row: two blanks part them, and no run holds both.
    """
    points = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), np.uint32)
    letters = points.astype(np.uint64)
    ink = points != ord(" ")
    clean = ink[:-1] | ink[1:]
    run = letters
    hashes, places = [], []
    for length in range(2, space.longest + 1):
        run = run[:-1] * _BASE + letters[length - 1 :]
        if length > 2:
            inside = ink[length - 2 : -1]
            clean = inside if length == 3 else clean[:-1] & inside
        place = clean.nonzero()[0]
        hashes.append(run[place])
        places.append(place)
    mixed = np.concatenate(hashes)
    # Low bits of a product depend on low bits only, so the bucket is made of high ones.
    mixed *= _MIX
    mixed >>= _HIGH_BITS
    buckets = mixed.view(np.int64)
    buckets %= space.chars
    buckets += space.words
    return buckets, places


def _parts(texts: Iterable[str], space: Space, chars: int = 1_000_000) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(_normalise(text, space))
        size += len(part[-1])
        if size >= chars:
            yield part
            part, size = [], 0
    if part:
        yield part


def _count_part(
    part: list[str], space: Space
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Row, bucket and count of everything that a part holds, in that order."""
    words = [_words(padded, space) for padded in part]
    runs, places = _chars("".join(part), space)
    ends = np.cumsum([len(padded) for padded in part])
    rows = np.concatenate(
        [
            np.repeat(np.arange(len(part)), [len(buckets) for buckets in words]),
            np.searchsorted(ends, np.concatenate(places), side="right"),
        ]
    )
    flat = np.array([bucket for buckets in words for bucket in buckets], np.int64)
    keys = rows * space.size + np.concatenate([flat, runs])
    keys.sort()
    first = _firsts(keys)
    hits = np.diff(first, append=len(keys)).astype(np.float32)
    keys = keys[first]
    return keys // space.size, (keys % space.size).astype(np.int32), hits


def _firsts(ordered: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each new value begins."""
    changes = np.empty(len(ordered), np.bool_)
    changes[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return changes.nonzero()[0]
