"""The board of a gateway: shared memory with a region for each worker, which it alone writes.

Layout: the names of the subjects, one a line, behind how many bytes of them there are; then a
region for each slot, with a row for each subject. The supervisor alone writes names, and only adds
to them, so a subject has the same place for workers of every configuration.
"""

import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from aihandler.config.configuration import Configuration
from aihandler.domain.board import CELLS, HEALTH, RETRIES, Numbers, health_of, places_of
from aihandler.errors import StorageError

__all__ = ["BoardKeeper", "SharedBoard", "make_board", "subjects_of"]

_NAMES_BYTES = 1024 * 1024
# Beyond so many names in a gateway's life a subject is of each worker alone.
_SUBJECTS = 4096
_WORD = 8
_USED = struct.Struct("=q")
_REGION = _SUBJECTS * CELLS


class SharedBoard:
    """The board as the worker of a slot has it."""

    def __init__(self, path: Path, *, slot: int) -> None:
        memory = _mapped(path)
        self._cells = _cells(memory)
        self._slot = slot
        self._places = {name: place for place, name in enumerate(_names(memory))}

    def numbers(self, subject: str) -> Numbers:
        """The rows of a subject in all slots."""
        place = self._places.get(subject)
        if place is None or place >= _SUBJECTS:
            return Numbers([0] * CELLS)
        rows = [_row(self._cells, slot, place) for slot in _slots(self._cells)]
        return Numbers(rows.pop(self._slot), rows)


class BoardKeeper:
    """The supervisor's side: gives names their places, and clears up after the dead."""

    def __init__(self, path: Path) -> None:
        self._memory = _mapped(path)
        self._cells = _cells(self._memory)
        self._known: dict[str, int] = {}

    def name(self, subjects: Iterable[str]) -> None:
        """Gives places to the subjects that have none. Raises StorageError."""
        for subject in subjects:
            if subject not in self._known:
                self._add(subject)
                self._known[subject] = len(self._known)

    def clear(self, slot: int) -> None:
        """Sets free what a dead worker held. What it knew of health stays: it is still true."""
        for subject, place in self._known.items():
            kind, _, _ = subject.partition(" ")
            if kind != HEALTH and place < _SUBJECTS:
                row = _row(self._cells, slot, place)
                for cell in range(CELLS):
                    row[cell] = 0

    def _add(self, subject: str) -> None:
        line = subject.replace("\n", " ").encode() + b"\n"
        (used,) = _USED.unpack_from(self._memory)
        begins = _WORD + used
        if begins + len(line) > _NAMES_BYTES:
            raise StorageError(
                f"the names of more than {len(self._known)} subjects find no room",
                hint="start the gateway again",
            )
        self._memory[begins : begins + len(line)] = line
        # Last, so that nobody reads half a name; copied, because `pack_into` writes zeros first.
        self._memory[:_WORD] = _USED.pack(used + len(line))


def make_board(path: Path, *, slots: int) -> BoardKeeper:
    """Makes an empty board for so many workers, readable by their owner alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        # Pages that nobody writes take no room.
        os.ftruncate(descriptor, _NAMES_BYTES + slots * _REGION * _WORD)
    finally:
        os.close(descriptor)
    return BoardKeeper(path)


def subjects_of(configuration: Configuration) -> Iterator[str]:
    """What the workers of a configuration have in common."""
    yield RETRIES
    yield HEALTH
    for deployment in configuration.deployments.values():
        yield places_of(deployment)
        yield health_of(deployment)


def _mapped(path: Path) -> mmap.mmap:
    try:
        descriptor = os.open(path, os.O_RDWR)
        try:
            return mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"the board {str(path)!r} cannot be used: {error}", hint="start again"
        ) from error


def _cells(memory: mmap.mmap) -> "memoryview[int]":
    # One machine word a cell: a reader never sees half of a number.
    return memoryview(memory)[_NAMES_BYTES:].cast("q")


def _slots(cells: "memoryview[int]") -> range:
    return range(len(cells) // _REGION)


def _row(cells: "memoryview[int]", slot: int, place: int) -> "memoryview[int]":
    begins = slot * _REGION + place * CELLS
    return cells[begins : begins + CELLS]


def _names(memory: mmap.mmap) -> list[str]:
    (used,) = _USED.unpack_from(memory)
    return memory[_WORD : _WORD + used].decode().split("\n")[:-1]
