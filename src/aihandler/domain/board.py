"""Numbers that several processes have in common: each writes a row of its own, all read all.

No lock and no lost count: a sum over rows is exact but for what is being written at that moment.
"""

from collections.abc import Sequence
from typing import Protocol

from aihandler.domain.deployment import Deployment

CELLS = 16

# Subjects that every process knows.
RETRIES = "retries"
HEALTH = "health"


class Row(Protocol):
    """`CELLS` numbers: a list, or a piece of shared memory."""

    def __getitem__(self, cell: int, /) -> int: ...

    def __setitem__(self, cell: int, number: int, /) -> None: ...


class Numbers:
    """The rows of one subject. `own` is written by this process alone, `others` by the others."""

    def __init__(self, own: Row, others: Sequence[Row] = ()) -> None:
        self.own = own
        self.others = tuple(others)
        self.all = (own, *self.others)

    def total(self, cell: int) -> int:
        """The sum of one cell over all processes."""
        return sum(row[cell] for row in self.all)


class Board(Protocol):
    """Where the rows are."""

    def numbers(self, subject: str) -> Numbers:
        """The rows of a subject; `CELLS` numbers each, zero at first."""
        ...


class Alone:
    """The board of a process that shares with nobody."""

    def numbers(self, subject: str) -> Numbers:  # noqa: ARG002 - a Board's shape
        """Rows that nobody else sees."""
        return Numbers([0] * CELLS)


def places_of(deployment: Deployment) -> str:
    """The subject of a deployment's places: of its name, whatever else changes."""
    return f"places {deployment.name}"


def health_of(deployment: Deployment) -> str:
    """The subject of a deployment's health: at another address it begins afresh."""
    return f"health {deployment.name} {' '.join(deployment.urls)}"
