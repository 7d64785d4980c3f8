"""Sliding windows of a minute, counted by all workers together in shared memory.

Each worker writes its own region and reads all of them, so no lock is needed and no count is lost:
what a worker sees is exact but for requests that others admit in the same moment. A window is
twelve buckets of five seconds; a bucket is three numbers: when it began, requests, tokens. A region
is a table of such rows; a row whose minute is over is given to the next scope that needs one.
"""

import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from aihandler.errors import StorageError

WINDOW_S = 60
BUCKET_S = 5
_BUCKETS = WINDOW_S // BUCKET_S
# Of one worker, in a minute: 5 MB if all are used, and nothing while they are not.
_ROWS = 16_384
# A scope has so many places where its row may be; at four fifths full one of a thousand has none.
_REACH = 32
# These are packed and then copied: `pack_into` fills with zeros before it writes, and others would
# read an empty bucket now and then.
_BUCKET = struct.Struct("<qqq")
_NAME = struct.Struct("<Q")
_ROW = struct.Struct("<Q" + "qqq" * _BUCKETS)
_EMPTY = (0,) * (3 * _BUCKETS)
_REGION_BYTES = _ROWS * _ROW.size

# The memory in which a row is, and where it begins there.
Row = tuple[mmap.mmap | bytearray, int]


class Windows:
    """The windows as one worker has them. `slot` is its region."""

    def __init__(self, path: Path, *, slot: int) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR)
            try:
                self._memory = mmap.mmap(descriptor, 0)
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:
            raise StorageError(
                f"the rate windows {str(path)!r} cannot be used: {error}", hint="start again"
            ) from error
        self._regions = range(len(self._memory) // _REGION_BYTES)
        self._slot = slot
        self._beside: dict[int, Row] = {}

    def add(self, scope: str, now: float, *, requests: int = 0, tokens: int = 0) -> Row:
        """Counts for a scope, in this worker's region. Says where."""
        began = int(now) // BUCKET_S
        memory, place = row = self._own(_number(scope), began)
        at = _bucket_at(place, began)
        when, seen_requests, seen_tokens = _BUCKET.unpack_from(memory, at)
        if when != began:
            seen_requests = seen_tokens = 0
        counted = _BUCKET.pack(began, seen_requests + requests, seen_tokens + tokens)
        memory[at : at + _BUCKET.size] = counted
        return row

    def take_back(self, row: Row, at: float, *, tokens: int) -> None:
        """Gives back what was counted there at a moment. Where that has left the window so has
        this: else it would open a hole in the minute that is.
        """
        memory, place = row
        began = int(at) // BUCKET_S
        place = _bucket_at(place, began)
        when, requests, seen = _BUCKET.unpack_from(memory, place)
        if when == began:
            memory[place : place + _BUCKET.size] = _BUCKET.pack(began, requests, seen - tokens)

    def total(self, scope: str, now: float) -> tuple[int, int]:
        """Requests and tokens of the last minute, of all workers."""
        requests = tokens = 0
        for _, some_requests, some_tokens in self._buckets(scope, now):
            requests += some_requests
            tokens += some_tokens
        return requests, tokens

    def leaving(self, scope: str, now: float) -> list[tuple[float, int, int]]:
        """In how many seconds which requests and tokens leave the window, the first first."""
        return [
            ((when + _BUCKETS) * BUCKET_S - now, requests, tokens)
            for when, requests, tokens in sorted(self._buckets(scope, now))
        ]

    def close(self) -> None:
        """Lets go of the memory."""
        self._memory.close()

    def _buckets(self, scope: str, now: float) -> Iterator[tuple[int, int, int]]:
        number, latest = _number(scope), int(now) // BUCKET_S
        for region in self._regions:
            row = self._find(region, number)
            if row is None:
                continue
            _, *cells = _ROW.unpack_from(*row)
            for at in range(0, len(cells), 3):
                if latest - _BUCKETS < cells[at] <= latest:
                    yield cells[at], cells[at + 1], cells[at + 2]

    def _find(self, region: int, number: int) -> Row | None:
        if region == self._slot and number in self._beside:
            return self._beside[number]
        for place in _places(region, number):
            found = self._name(place)
            if found == number:
                return self._memory, place
            if found == 0:
                # Rows are given on and never emptied, so nobody has gone further.
                return None
        return None

    def _own(self, number: int, latest: int) -> Row:
        """The row of a scope in this worker's region, made where there is none."""
        row = self._find(self._slot, number)
        if row is not None and number not in self._beside:
            return row
        for place in _places(self._slot, number):
            if not self._name(place) or not _counts((self._memory, place), latest):
                kept = self._beside.pop(number, None)
                cells = _ROW.unpack_from(*kept)[1:] if kept else _EMPTY
                self._memory[place : place + _ROW.size] = _ROW.pack(number, *cells)
                return self._memory, place
        if row is not None:
            return row
        # All of its places are taken in this minute: each worker bounds it for itself.
        if len(self._beside) % _ROWS == _ROWS - 1:
            self._forget(latest)
        row = self._beside[number] = bytearray(_ROW.size), 0
        return row

    def _forget(self, latest: int) -> None:
        self._beside = {n: row for n, row in self._beside.items() if _counts(row, latest)}

    def _name(self, place: int) -> int:
        name: int = _NAME.unpack_from(self._memory, place)[0]
        return name


def make_windows(path: Path, *, workers: int) -> None:
    """Makes empty windows for so many workers, readable by their owner alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.ftruncate(descriptor, workers * _REGION_BYTES)
    finally:
        os.close(descriptor)


def _places(region: int, number: int) -> Iterator[int]:
    # An odd stride of its own leads each scope over all rows, and no two the same way.
    stride = number >> 32 | 1
    for step in range(_REACH):
        yield region * _REGION_BYTES + (number + step * stride) % _ROWS * _ROW.size


def _bucket_at(place: int, began: int) -> int:
    return place + _NAME.size + began % _BUCKETS * _BUCKET.size


def _counts(row: Row, latest: int) -> bool:
    _, *cells = _ROW.unpack_from(*row)
    return any(latest - _BUCKETS < when <= latest for when in cells[::3])


def _number(scope: str) -> int:
    # Zero marks a row that nobody has had.
    digest = hashlib.blake2b(scope.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
