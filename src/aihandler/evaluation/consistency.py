"""How steady a deployment is when it is asked the same again."""

import msgspec

from aihandler.evaluation.cells import Cells, answer_of
from aihandler.evaluation.statistics.repeats import (
    Spread,
    agreement,
    flip_rate,
    spread_of_scores,
)

__all__ = ["Consistency", "consistency"]


class Consistency(msgspec.Struct, frozen=True):
    """Over items that were asked more than once; all but `spread` are shares of 1.

    `agreement`: how often two answers to one item are equal. `flips`: items whose answers are not
    all equal (at temperature 0, the flip rate that vendors do not print). `always_valid`: items
    whose every answer was valid.
    """

    items: int
    agreement: float
    flips: float
    always_valid: float
    spread: Spread | None


def consistency(rows: Cells, scorer: str) -> Consistency | None:
    """What repeats show; None when nothing was repeated."""
    repeated = [row for row in rows.values() if len(row) > 1]
    answers = [[answer_of(seen) for seen in row] for row in repeated]
    agreed, flips = agreement(answers), flip_rate(answers)
    if agreed is None or flips is None:
        return None
    valid = sum(all(seen.outcome == "answered" for seen in row) for row in repeated)
    scores = [[seen.scores.get(scorer, 0.0) for seen in row] for row in repeated]
    return Consistency(
        len(repeated), agreed, flips, valid / len(repeated), spread_of_scores(scores)
    )
