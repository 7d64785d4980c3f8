"""Counts of all workers in shared memory: each slot has a region, which one process writes.

A region belongs to the slot and not to one life of its worker: who takes the place of a dead one
counts on, so no count ever goes back. An entry is its length in words, its name, and numbers; how
much of a region is used is written last, so that nobody reads half an entry.
"""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aihandler.errors import StorageError

__all__ = ["Name", "Tallies", "Tally", "make_tallies"]

# A metric and the values of its labels.
Name = tuple[str, ...]

_WORD = 8
_REGION_BYTES = 1024 * 1024
_WORDS = _REGION_BYTES // _WORD
# The first word says how many are used; what finds no room is counted after it, and not shown.
_USED, _NOWHERE, _FIRST = 0, 1, 64
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Name).decode


class Tally:
    """One region: `cells[place] += n` counts, where `place` is that of a name."""

    def __init__(self, cells: "memoryview[int] | None" = None) -> None:
        self.cells = memoryview(bytearray(_REGION_BYTES)).cast("q") if cells is None else cells
        self._places = {name: place for name, place, _ in self._entries()}

    def place(self, name: Name, width: int = 1) -> int:
        """Where the numbers of a name begin; made when it is new."""
        known = self._places.get(name)
        return self._add(name, width) if known is None else known

    def read(self) -> Iterator[tuple[Name, list[int]]]:
        """All names with their numbers, as they are now; also of another process's region."""
        for name, place, width in self._entries():
            yield name, list(self.cells[place : place + width])

    def _add(self, name: Name, width: int) -> int:
        text = _encode(name)
        words = -(-len(text) // _WORD)
        begins = max(self.cells[_USED], _FIRST)
        place = begins + 3 + words
        if place + width > _WORDS:
            return _NOWHERE
        self.cells[begins], self.cells[begins + 1], self.cells[begins + 2] = words, len(text), width
        padded = text.ljust(words * _WORD)
        self.cells[begins + 3 : place] = memoryview(padded).cast("q")
        self.cells[_USED] = place + width
        self._places[name] = place
        return place

    def _entries(self) -> Iterator[tuple[Name, int, int]]:
        at, used = _FIRST, self.cells[_USED]
        while at < used:
            words, length, width = self.cells[at : at + 3]
            place = at + 3 + words
            yield _decode(bytes(self.cells[at + 3 : place])[:length]), place, width
            at = place + width


class Tallies:
    """The regions of all slots, and one more: the supervisor's own."""

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR)
            try:
                cells = memoryview(mmap.mmap(descriptor, 0)).cast("q")
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:
            raise StorageError(
                f"the counts {str(path)!r} cannot be used: {error}", hint="start again"
            ) from error
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells) // _WORDS

    def of(self, slot: int) -> Tally:
        """The region of a slot; -1 is the supervisor's."""
        begins = slot % len(self) * _WORDS
        return Tally(self._cells[begins : begins + _WORDS])

    def all(self) -> Iterator[Tally]:
        """Every region."""
        return (self.of(slot) for slot in range(len(self)))


def make_tallies(path: Path, *, slots: int) -> Tallies:
    """Makes regions without counts for so many workers, readable by their owner alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.ftruncate(descriptor, (slots + 1) * _REGION_BYTES)
    finally:
        os.close(descriptor)
    return Tallies(path)
