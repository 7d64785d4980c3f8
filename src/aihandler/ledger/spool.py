"""A ring of records in a memory-mapped file: one process appends, another takes.

What is appended is in the page cache at once and survives the death of the process, also by
`kill -9`; the loss of the machine takes what was not taken yet. The taker commits to the ledger and
then moves the mark of what is taken, so a record is taken at least once; entry ids make that once.

Layout: a head of 64 bytes (magic, size of the ring, taken, appended, closed), then the ring. A
record is its length and its checksum, four bytes each, and the payload, padded to eight bytes. The
length is written last: a record that was being written when the writer died does not count.
"""

import fcntl
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from aihandler.errors import StorageError

_MAGIC = b"AHSPOOL1"
_HEAD = 64
_SIZE = struct.Struct("q")
# The head as words: each is written and read in one step. `pack_into` fills with zeros before it
# writes, and the other side has read such a zero.
_SIZE_AT, _TAKEN, _APPENDED, _CLOSED = 1, 2, 3, 4
_RECORD = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
# Stands where a record would not fit before the end of the ring: go on at its beginning.
_WRAP = 0xFFFF_FFFF
# So much may be appended after an early turn before the other side must have followed: seconds of
# a disk that does not answer. What is passed over counts as full until then.
_TURN_AT_BYTES = 36 * 1024 * 1024
_TURN_WITHIN_BYTES = 4 * 1024 * 1024
# Pages behind the writer that its process still holds.
_HELD_BYTES = 16 * 1024 * 1024
USUAL_BYTES = 64 * 1024 * 1024


class Spool:
    """One side of a ring. Positions only ever grow; a place is the position modulo the size."""

    def __init__(self, path: Path, memory: mmap.mmap) -> None:
        self.path = path
        self._memory = memory
        self._head = memoryview(memory)[:_HEAD].cast("q")
        self._ring = self._head[_SIZE_AT]

    @property
    def taken(self) -> int:
        """Everything before this position is in the ledger."""
        return self._head[_TAKEN]

    @property
    def appended(self) -> int:
        """Everything before this position has been appended."""
        return self._head[_APPENDED]

    @property
    def closed(self) -> bool:
        """True when the writer ended in order, and will append no more."""
        return bool(self._head[_CLOSED])

    def close(self) -> None:
        """Lets go of the memory; the file stays."""
        self._head.release()
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SpoolWriter(Spool):
    """The side that appends."""

    _held_from = 0

    def append(self, payload: bytes, *, leave: int = 0) -> int:
        """Returns the position behind the record. Raises StorageError when the ring is full, or
        would have less than `leave` bytes left."""
        memory, head, ring, length = self._memory, self._head, self._ring, len(payload)
        room = (length + 15) & ~7
        taken, position = head[_TAKEN], head[_APPENDED]
        place = position % ring
        skipped = 0
        if place + room > ring or (
            place > _TURN_AT_BYTES and _may_turn(position - taken, ring, place, room + leave)
        ):
            skipped = ring - place
        if position + skipped + room + leave - taken > ring:
            raise StorageError(
                f"the spool {str(self.path)!r} is full: nothing takes from it",
                hint="the supervisor is gone or its disk is; no call is taken until it is back",
            )
        if skipped:
            _LENGTH.pack_into(memory, _HEAD + place, _WRAP)
            position, place = position + skipped, 0
        if not 0 <= place - self._held_from < _HELD_BYTES:
            self._held_from = place
            self._let_go()
        at = _HEAD + place
        memory[at + 8 : at + 8 + length] = payload
        _RECORD.pack_into(memory, at, length, zlib.crc32(payload))
        head[_APPENDED] = position = position + room
        return position

    def _let_go(self) -> None:
        # The pages stay in the system's cache; this process need not hold them.
        if hasattr(mmap, "MADV_DONTNEED"):
            self._memory.madvise(mmap.MADV_DONTNEED)

    def end(self) -> None:
        """Says that no more will come."""
        self._head[_CLOSED] = 1


class SpoolReader(Spool):
    """The side that takes."""

    def waiting(self, *, most: int = 4096) -> Iterator[tuple[int, bytes]]:
        """Up to `most` records that were not taken, each with the position behind it.

        Ends at a record that is torn or damaged: what a dead writer had not finished.
        """
        position, end = self.taken, self.appended
        for _ in range(most):
            place = position % self._ring
            if position >= end:
                return
            (length,) = _LENGTH.unpack_from(self._memory, _HEAD + place)
            if length == _WRAP:
                position += self._ring - place
                continue
            if _padded(length) > self._ring - place:
                return
            at = _HEAD + place
            length, checksum = _RECORD.unpack_from(self._memory, at)
            payload = self._memory[at + 8 : at + 8 + length]
            if zlib.crc32(payload) != checksum:
                return
            position += _padded(length)
            yield position, payload

    def take(self, position: int) -> None:
        """Everything before `position` is in the ledger; its room may be used again."""
        self._head[_TAKEN] = position


def make_spool(path: Path, *, size: int = USUAL_BYTES) -> None:
    """Makes an empty spool, readable by its owner alone. Raises StorageError when it is there."""
    size = _padded(size - 8)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _not_made(path, error) from error
    try:
        try:
            # Room is taken now: a full disk must not kill a worker amid a write to its memory.
            os.posix_fallocate(descriptor, 0, _HEAD + size) if hasattr(
                os, "posix_fallocate"
            ) else os.ftruncate(descriptor, _HEAD + size)
            os.pwrite(descriptor, _MAGIC + _SIZE.pack(size), 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Half a spool would keep the next gateway from starting.
        path.unlink()
        raise _not_made(path, error) from error


def write_spool(path: Path) -> SpoolWriter:
    """The side of the one process that appends. It holds the file until it is closed or dead."""
    return SpoolWriter(path, _mapped(path, held=True))


def read_spool(path: Path) -> SpoolReader:
    """The side of the one process that takes."""
    return SpoolReader(path, _mapped(path))


def is_written(path: Path) -> bool:
    """Whether a process that appends is alive."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _mapped(path: Path, *, held: bool = False) -> mmap.mmap:
    try:
        descriptor = os.open(path, os.O_RDWR)
        try:
            if held:
                # The memory has a copy of the descriptor, and the lock lives as long as that does.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            memory = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"the spool {str(path)!r} cannot be used: {error}", hint="check that it is readable"
        ) from error
    if memory[: 2 * _SIZE.size] != _MAGIC + _SIZE.pack(len(memory) - _HEAD):
        memory.close()
        raise StorageError(
            f"{str(path)!r} is no spool of this version", hint="move it away and start again"
        )
    return memory


def _not_made(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the spool {str(path)!r} cannot be made: {error.strerror}",
        hint="check the folder of the ledger and the room on its disk",
    )


def _may_turn(waiting: int, ring: int, place: int, wanted: int) -> bool:
    # Memory that was used just now is nearer to the processor than what comes next in the ring.
    # The ring is as large as it is for the moment in which the disk does not answer, so there must
    # be room without what is passed over.
    return waiting < _TURN_WITHIN_BYTES and waiting + (ring - place) + wanted <= ring


def _padded(length: int) -> int:
    return (length + 8 + 7) & ~7
