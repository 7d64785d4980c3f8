"""What a scorer sees of one answer."""

from collections.abc import Callable

import msgspec

from aihandler.domain.task import Json
from aihandler.evaluation.observations import Item, OutcomeKind


class Case(msgspec.Struct, frozen=True):
    """An item, and what became of it at one deployment."""

    item: Item
    outcome: OutcomeKind
    answer: Json = None
    cost_nano: int | None = None
    latency_ms: float | None = None


Score = Callable[[Case], float]


class Scorer(msgspec.Struct, frozen=True):
    """A named measure between 0 (wrong) and 1 (right).

    `needs_expected`: an item without a right answer cannot be scored. `of_all`: also an answer
    that did not come, or was not valid, is looked at; by all others it is worth 0.
    """

    name: str
    score: Score
    needs_expected: bool = True
    of_all: bool = False

    def __call__(self, case: Case) -> float:
        """The score of one case."""
        if case.outcome != "answered" and not self.of_all:
            return 0.0
        return min(1.0, max(0.0, self.score(case)))
