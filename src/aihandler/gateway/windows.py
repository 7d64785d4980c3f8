"""Sliding windows of a minute, counted by all workers together in shared memory.

Each worker writes its own region and reads all of them, so no lock is needed and no count is lost:
what a worker sees is exact but for requests that others admit in the same moment. A window is
twelve buckets of five seconds; a bucket is three numbers: when it began, requests, tokens.
"""

import hashlib
import mmap
import os
import struct
from pathlib import Path

from aihandler.errors import StorageError

WINDOW_S = 60
BUCKET_S = 5
_BUCKETS = WINDOW_S // BUCKET_S
_ROWS = 2048
_BUCKET = struct.Struct("<qqq")
_NAME = struct.Struct("<Q")
_ROW_BYTES = _NAME.size + _BUCKETS * _BUCKET.size
_REGION_BYTES = _ROWS * _ROW_BYTES


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
        self._rows: dict[tuple[int, int], int] = {}

    def add(self, scope: str, now: float, *, requests: int = 0, tokens: int = 0) -> None:
        """Counts for a scope, in this worker's region."""
        row = self._row(self._slot, _number(scope), make=True)
        if row is None:
            # More scopes in a minute than there are rows: these are not counted here.
            return
        began = int(now) // BUCKET_S
        at = row + _NAME.size + (began % _BUCKETS) * _BUCKET.size
        when, seen_requests, seen_tokens = _BUCKET.unpack_from(self._memory, at)
        if when != began:
            seen_requests = seen_tokens = 0
        _BUCKET.pack_into(self._memory, at, began, seen_requests + requests, seen_tokens + tokens)

    def take_back(self, scope: str, at: float, *, tokens: int) -> None:
        """Gives back what was counted at a moment. Where that has left the window so has this: else
        it would open a hole in the minute that is.
        """
        row = self._row(self._slot, _number(scope), make=False)
        if row is None:
            return
        began = int(at) // BUCKET_S
        place = row + _NAME.size + (began % _BUCKETS) * _BUCKET.size
        when, requests, seen = _BUCKET.unpack_from(self._memory, place)
        if when == began:
            _BUCKET.pack_into(self._memory, place, began, requests, seen - tokens)

    def total(self, scope: str, now: float) -> tuple[int, int]:
        """Requests and tokens of the last minute, of all workers."""
        number, latest = _number(scope), int(now) // BUCKET_S
        requests = tokens = 0
        for region in self._regions:
            row = self._row(region, number, make=False)
            if row is None:
                continue
            for place in range(_BUCKETS):
                at = row + _NAME.size + place * _BUCKET.size
                when, some_requests, some_tokens = _BUCKET.unpack_from(self._memory, at)
                if latest - _BUCKETS < when <= latest:
                    requests += some_requests
                    tokens += some_tokens
        return requests, tokens

    def close(self) -> None:
        """Lets go of the memory."""
        self._memory.close()

    def _row(self, region: int, number: int, *, make: bool) -> int | None:
        """Where the row of a scope begins: open addressing, a region has one writer."""
        known = self._rows.get((region, number))
        if known is not None:
            return known
        for step in range(_ROWS):
            place = region * _REGION_BYTES + (number + step) % _ROWS * _ROW_BYTES
            (found,) = _NAME.unpack_from(self._memory, place)
            if found == 0 and not make:
                return None
            if found in {0, number}:
                if found == 0:
                    _NAME.pack_into(self._memory, place, number)
                self._rows[region, number] = place
                return place
        return None


def make_windows(path: Path, *, workers: int) -> None:
    """Makes empty windows for so many workers, readable by their owner alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.ftruncate(descriptor, workers * _REGION_BYTES)
    finally:
        os.close(descriptor)


def _number(scope: str) -> int:
    # Zero marks an empty row.
    digest = hashlib.blake2b(scope.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
