"""What was measured of one deployment: score, validity, cost, latency, by tag."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from aihandler.evaluation.cells import Cells, clusters_of, score_of
from aihandler.evaluation.consistency import Consistency, consistency
from aihandler.evaluation.observations import Comparison, Observation
from aihandler.evaluation.statistics.bootstrap import draw_means, percentile
from aihandler.evaluation.statistics.means import Interval, score_interval
from aihandler.evaluation.statistics.paired import paired_difference

__all__ = ["DeploymentFindings", "Rate", "TagFindings", "measured"]


class Rate(msgspec.Struct, frozen=True):
    """`count` of `of`, the interval of the share (95 %), and one whose ends are each 95 % sure."""

    count: int
    of: int
    interval: Interval
    one_sided: Interval

    @property
    def share(self) -> float | None:
        """None of nothing."""
        return self.count / self.of if self.of else None


class TagFindings(msgspec.Struct, frozen=True):
    """The score on the items of one tag, and how far from the first deployment on them.

    Intervals are 95 %, each for itself: of twenty tags, one is expected to mislead.
    """

    tag: str
    items: int
    score: float
    interval: Interval
    difference: float | None = None
    difference_interval: Interval | None = None


class DeploymentFindings(msgspec.Struct, frozen=True):
    """One deployment. Scores are shares of 1, their intervals 95 %; `one_sided` is 90 %.

    Costs are nano-dollars, over answers of known price; None: no price is known. Latencies are
    of single answers, in milliseconds.
    """

    deployment: str
    items: int
    answers: int
    score: float | None
    interval: Interval
    one_sided: Interval
    scores: dict[str, float]
    valid: Rate
    outcomes: dict[str, int]
    cost_nano_usd: int | None
    cost_per_item_nano_usd: int | None
    cost_interval_nano_usd: tuple[int, int] | None
    unpriced: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    by_tag: tuple[TagFindings, ...] = ()
    consistency: Consistency | None = None


def measured(
    comparison: Comparison, name: str, rows: Cells, *, first: Cells | None, seed: int
) -> DeploymentFindings:
    """Sums one deployment up; `first` are the cells it is compared with, None for the first."""
    seen = [one for row in rows.values() for one in row]
    means = {item: score_of(row, comparison.scorer) for item, row in rows.items()}
    of = clusters_of(comparison)
    groups = [of[item] for item in means]
    priced = [one.cost_nano_usd for one in seen if one.cost_nano_usd is not None]
    times = [one.latency_ms for one in seen if one.latency_ms is not None]
    return DeploymentFindings(
        deployment=name,
        items=len(rows),
        answers=len(seen),
        score=sum(means.values()) / len(means) if means else None,
        interval=score_interval(list(means.values()), groups),
        one_sided=score_interval(list(means.values()), groups, level=0.9),
        scores=_scores(comparison, rows),
        valid=_valid(rows, of),
        outcomes=dict(Counter(one.outcome for one in seen)),
        cost_nano_usd=sum(priced) if priced else None,
        cost_per_item_nano_usd=round(sum(priced) / len(priced)) if priced else None,
        cost_interval_nano_usd=_cost_interval(rows, of, seed),
        unpriced=len(seen) - len(priced),
        latency_p50_ms=_quantile(times, 0.5),
        latency_p95_ms=_quantile(times, 0.95),
        by_tag=tuple(_by_tag(comparison, means, _means(first, comparison.scorer))),
        consistency=consistency(rows, comparison.scorer),
    )


def _means(rows: Cells | None, scorer: str) -> dict[str, float] | None:
    return None if rows is None else {item: score_of(row, scorer) for item, row in rows.items()}


def _scores(comparison: Comparison, rows: Cells) -> dict[str, float]:
    if not rows:
        return {}
    return {
        scorer: sum(score_of(row, scorer) for row in rows.values()) / len(rows)
        for scorer in comparison.scorers
    }


def _valid(rows: Cells, of: dict[str, str]) -> Rate:
    shares = [sum(one.outcome == "answered" for one in row) / len(row) for row in rows.values()]
    count = sum(one.outcome == "answered" for row in rows.values() for one in row)
    total = sum(len(row) for row in rows.values())
    groups = [of[item] for item in rows]
    return Rate(
        count, total, score_interval(shares, groups), score_interval(shares, groups, level=0.9)
    )


def _cost_interval(rows: Cells, of: dict[str, str], seed: int) -> tuple[int, int] | None:
    costs = {item: _priced(row) for item, row in rows.items()}
    known = {item: sum(paid) / len(paid) for item, paid in costs.items() if paid}
    if len({of[item] for item in known}) < 2:
        return None
    if len(set(known.values())) == 1:
        same = round(next(iter(known.values())))
        return same, same
    drawn = draw_means(list(known.values()), [of[item] for item in known], seed=seed)
    interval = percentile(drawn)
    return round(interval.low), round(interval.high)


def _priced(row: Sequence[Observation]) -> list[int]:
    return [one.cost_nano_usd for one in row if one.cost_nano_usd is not None]


def _quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share do not exceed (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    # -(-a // 1) rounds up: the rank counts from 1.
    return ordered[max(0, int(-(-share * len(ordered) // 1)) - 1)]


def _by_tag(
    comparison: Comparison, means: dict[str, float], first: dict[str, float] | None
) -> Iterator[TagFindings]:
    of = clusters_of(comparison)
    tags = sorted({tag for item in comparison.dataset.items for tag in item.tags})
    for tag in tags:
        items = [i.id for i in comparison.dataset.items if tag in i.tags and i.id in means]
        if not items:
            continue
        scores = [means[item] for item in items]
        difference = interval = None
        shared = [item for item in items if first is not None and item in first]
        if first is not None and shared:
            found = paired_difference(
                [first[item] for item in shared],
                [means[item] for item in shared],
                [of[item] for item in shared],
            )
            difference, interval = found.value, found.interval()
        yield TagFindings(
            tag,
            len(items),
            sum(scores) / len(scores),
            score_interval(scores, [of[item] for item in items]),
            difference,
            interval,
        )
