"""One deployment against the first, on the items that both answered."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from aihandler.evaluation.cells import Cells, clusters_of, score_of
from aihandler.evaluation.observations import Comparison
from aihandler.evaluation.statistics.means import Interval
from aihandler.evaluation.statistics.multiplicity import holm
from aihandler.evaluation.statistics.paired import (
    Difference,
    McNemar,
    mcnemar,
    paired_difference,
)
from aihandler.evaluation.statistics.power import items_needed, margin_shown

__all__ = ["PairFindings", "Verdict", "adjusted", "adjusted_over_tasks", "compared"]

Verdict = Literal["better", "not worse", "worse", "not enough evidence"]

LEVEL = 0.05


class PairFindings(msgspec.Struct, frozen=True):
    """`deployment` minus `baseline`, in shares of 1 over the `items` that both have.

    `interval` is 95 %; `at_worst` is the one-sided 95 % bound that "not worse" is judged by. The
    p-values are `p_difference` (two-sided, of no difference) and `p_not_worse` (one-sided, of
    being worse by the margin or more), each with its Holm adjustment over the deployments, by
    which the verdict is given. `mcnemar` is None where scores are not only right and wrong.
    """

    deployment: str
    baseline: str
    items: int
    clusters: int
    difference: Difference
    interval: Interval
    at_worst: float
    higher: int
    lower: int
    mcnemar: McNemar | None
    p_difference: float
    p_not_worse: float
    margin: float
    margin_shown: float
    items_needed: int
    p_difference_adjusted: float = 1.0
    p_not_worse_adjusted: float = 1.0
    verdict: Verdict = "not enough evidence"

    @property
    def reach(self) -> str:
        """What these items can show, in a sentence."""
        return (
            f"{self.items:,} examples can show a margin of {_points(self.margin_shown)}; "
            f"{_points(self.margin)} need{'s' if _points(self.margin) == '1 point' else ''} "
            f"{self.items_needed:,}"
        )


def compared(
    comparison: Comparison, names: tuple[str, str], first: Cells, second: Cells, *, margin: float
) -> PairFindings:
    """The second of `names` against the first, before any adjustment."""
    of = clusters_of(comparison)
    shared = [item for item in first if item in second]
    one = [score_of(first[item], comparison.scorer) for item in shared]
    two = [score_of(second[item], comparison.scorer) for item in shared]
    found = paired_difference(one, two, [of[item] for item in shared])
    return PairFindings(
        deployment=names[1],
        baseline=names[0],
        items=len(shared),
        clusters=len({of[item] for item in shared}),
        difference=found,
        interval=found.interval(),
        at_worst=found.least(LEVEL),
        higher=sum(b > a for a, b in zip(one, two, strict=True)),
        lower=sum(b < a for a, b in zip(one, two, strict=True)),
        mcnemar=_mcnemar([*first.values(), *second.values()], one, two),
        p_difference=min(1.0, 2 * min(found.above(0.0), found.below(0.0))),
        p_not_worse=found.above(-margin),
        margin=margin,
        margin_shown=margin_shown(len(shared), found.spread),
        items_needed=items_needed(margin, found.spread),
    )


def adjusted(pairs: Sequence[PairFindings]) -> tuple[PairFindings, ...]:
    """The pairs with Holm-adjusted p-values and, by them, their verdicts."""
    different = holm([pair.p_difference for pair in pairs])
    not_worse = holm([pair.p_not_worse for pair in pairs])
    return tuple(
        msgspec.structs.replace(
            pair,
            p_difference_adjusted=p,
            p_not_worse_adjusted=q,
            verdict=_verdict(pair, p, q),
        )
        for pair, p, q in zip(pairs, different, not_worse, strict=True)
    )


def adjusted_over_tasks(
    tasks: Sequence[Sequence[PairFindings]],
) -> tuple[tuple[PairFindings, ...], ...]:
    """As `adjusted`, over the pairs of several tasks together: one claim in all may be false."""
    flat = iter(adjusted([pair for pairs in tasks for pair in pairs]))
    return tuple(tuple(next(flat) for _ in pairs) for pairs in tasks)


def _verdict(pair: PairFindings, p_difference: float, p_not_worse: float) -> Verdict:
    different = p_difference <= LEVEL
    if different and pair.difference.centre > 0:
        return "better"
    # Worse for certain, but by less than the margin: that is what the margin forgives.
    if p_not_worse <= LEVEL:
        return "not worse"
    return "worse" if different else "not enough evidence"


def _mcnemar(
    rows: Sequence[Sequence[object]], one: list[float], two: list[float]
) -> McNemar | None:
    """Of single answers that are right or wrong; repeats have no such table."""
    if not one or any(len(row) > 1 for row in rows):
        return None
    if not all(score in (0.0, 1.0) for score in (*one, *two)):
        return None
    return mcnemar([score == 1.0 for score in one], [score == 1.0 for score in two])


def _points(share: float) -> str:
    points = round(share * 100, 1)
    return f"{points:g} point{'' if points == 1 else 's'}"
