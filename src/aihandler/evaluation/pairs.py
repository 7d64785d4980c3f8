"""One deployment against the first, on the items that both answered."""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

import msgspec

from aihandler.evaluation.cells import Cells, clusters_of, score_of
from aihandler.evaluation.observations import Comparison, Observation
from aihandler.evaluation.statistics.means import Interval, score_interval
from aihandler.evaluation.statistics.multiplicity import holm
from aihandler.evaluation.statistics.paired import (
    Difference,
    McNemar,
    mcnemar,
    paired_difference,
)
from aihandler.evaluation.statistics.power import items_needed, margin_shown

__all__ = ["Cascade", "PairFindings", "Verdict", "adjusted", "adjusted_over_tasks", "compared"]

Verdict = Literal["better", "not worse", "worse", "not enough evidence"]

LEVEL = 0.05


class Cascade(msgspec.Struct, frozen=True):
    """The deployment asked first, and the baseline where it gave no answer of its own (not valid,
    not sure enough): what a cascade of the two really does.

    `share` of the answers stayed with the deployment; `difference` is that of the cascade minus the
    baseline, with its 95 % interval, and `at_worst` its one-sided bound.
    """

    share: float
    interval: Interval
    difference: Interval
    at_worst: float


class PairFindings(msgspec.Struct, frozen=True):
    """`deployment` minus `baseline`, in shares of 1 over the `items` that both have.

    `interval` is 95 %; `at_worst` is the one-sided 95 % bound that "not worse" is judged by. The
    p-values are `p_difference` (two-sided, of no difference) and `p_not_worse` (one-sided, of
    being worse by the margin or more), each with its Holm adjustment over the deployments, by
    which the verdict is given. `cascade` is of the deployment before the baseline.
    `mcnemar` is None where scores are not only right and wrong.
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
    cascade: Cascade | None = None

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
        cascade=_cascade([second[item] for item in shared], one, two, [of[i] for i in shared]),
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


def _cascade(
    rows: Sequence[Sequence[Observation]],
    one: Sequence[float],
    two: Sequence[float],
    clusters: Sequence[str],
) -> Cascade | None:
    """None where nothing is handed on: then it is the deployment alone."""
    kept = [fmean(seen.outcome == "answered" for seen in row) for row in rows]
    if not kept or min(kept) == 1:
        return None
    # What was not answered has no score of its own: there the baseline's stands.
    both = [b + (1 - share) * a for a, b, share in zip(one, two, kept, strict=True)]
    found = paired_difference(one, both, clusters)
    interval = score_interval(kept, clusters)
    return Cascade(fmean(kept), interval, found.interval(), found.least(LEVEL))


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
