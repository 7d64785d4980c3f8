"""What comparisons in the ledger say of quality: open against closed, on the same examples."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from aihandler.advisor.company import TaskFacts
from aihandler.advisor.outcomes import Cascaded, GoodEnough, Quality, Shown
from aihandler.ledger.comparisons import ComparedDeployment, ComparisonRecord

# Time, money, refusals and the right shape say nothing of how right an answer is.
_NO_QUALITY = ("latency", "cost", "refusal", "valid")


class _Interval(msgspec.Struct, frozen=True):
    low: float | None = None
    high: float | None = None


class _Cascade(msgspec.Struct, frozen=True):
    """As `evaluation.pairs.Cascade` keeps it."""

    share: float
    interval: _Interval
    difference: _Interval
    at_worst: float | None = None


class _Pair(msgspec.Struct, frozen=True):
    """What `aihandler compare` keeps of one deployment against the first, in shares of 1."""

    deployment: str
    baseline: str
    items: int
    interval: _Interval
    at_worst: float | None = None
    higher: int = 0
    lower: int = 0
    margin: float | None = None
    verdict: str = ""
    cascade: _Cascade | None = None

    def turned(self) -> "_Pair":
        """The other way round: its bound and verdict are of one side, and are not told of both."""
        low, high = self.interval.low, self.interval.high
        turned = _Interval(None if high is None else -high, None if low is None else -low)
        return _Pair(
            self.baseline,
            self.deployment,
            self.items,
            turned,
            None,
            self.lower,
            self.higher,
            self.margin,
        )


def quality_of(
    facts: TaskFacts, records: Sequence[ComparisonRecord], *, task: str
) -> Quality | None:
    """Open minus closed in the newest comparison of both by a scorer of quality; None: none is.

    The difference is the paired one that the comparison kept. Where both were only held against a
    third, it comes from the two intervals, too wide but never too narrow.
    """
    if facts.closed is None or facts.open is None:
        return None
    for record in sorted(records, key=lambda record: -record.at):
        if record.task != task or record.scorer.split(":")[0] in _NO_QUALITY:
            continue
        found = _paired(facts, record) or _apart(facts, record)
        if found is not None:
            return found
    return None


def _paired(facts: TaskFacts, record: ComparisonRecord) -> Quality | None:
    pair = _pair(record, str(facts.open), str(facts.closed))
    margin = _margin(facts, record)
    if pair is None or margin is None:
        return None
    low, high = _points(pair.interval.low), _points(pair.interval.high)
    if low is None or high is None:
        return None
    told = f"paired, {pair.items:,} examples"
    return Quality(
        low,
        high,
        margin,
        _source(record, told),
        shown=_shown(pair, margin, low=low, high=high),
        comparison=record.id,
        on=_day(record),
        good_enough=_good_enough(pair),
        cascade=_cascaded(pair, margin),
    )


def _apart(facts: TaskFacts, record: ComparisonRecord) -> Quality | None:
    by_name = {one.deployment: one for one in record.deployments}
    closed, opened = by_name.get(str(facts.closed)), by_name.get(str(facts.open))
    margin = _margin(facts, record)
    if closed is None or opened is None or margin is None:
        return None
    low, high = _least(opened, closed), _least(closed, opened)
    if low is None or high is None:
        return None
    told = f"not paired, {opened.n:,} examples"
    source = _source(record, told)
    return Quality(low, -high, margin, source, comparison=record.id, on=_day(record))


def _pair(record: ComparisonRecord, opened: str, closed: str) -> _Pair | None:
    found = record.findings.get("pairs") if isinstance(record.findings, dict) else None
    try:
        pairs = msgspec.convert(found or [], list[_Pair])
    except msgspec.ValidationError:
        # An older ledger kept less; the two intervals are still there.
        return None
    for pair in pairs:
        if (pair.deployment, pair.baseline) == (opened, closed):
            return pair
        if (pair.deployment, pair.baseline) == (closed, opened):
            return pair.turned()
    return None


def _margin(facts: TaskFacts, record: ComparisonRecord) -> Decimal | None:
    """That of the task; else the one that the comparison was made with."""
    if facts.margin is not None:
        return facts.margin
    kept = record.findings.get("margin") if isinstance(record.findings, dict) else None
    return _points(kept) if isinstance(kept, float) else None


def _shown(pair: _Pair, margin: Decimal, *, low: Decimal, high: Decimal) -> Shown:
    if high < -margin:
        return "worse"
    if pair.verdict and _points(pair.margin) == margin:
        # It knows how many deployments were compared, which an interval does not.
        return "good_enough" if pair.verdict in ("better", "not worse") else "open"
    worst = _points(pair.at_worst)
    return "good_enough" if (low if worst is None else worst) >= -margin else "open"


def _good_enough(pair: _Pair) -> GoodEnough | None:
    if not pair.items:
        return None
    # numpy comes with the statistics, and nobody waits for it who has no comparison.
    from aihandler.evaluation.statistics.means import wilson

    share = 1 - pair.lower / pair.items
    found = wilson(share, pair.items)
    return GoodEnough(round(share, 4), round(found.low, 4), round(found.high, 4), pair.items)


def _cascaded(pair: _Pair, margin: Decimal) -> Cascaded | None:
    found = pair.cascade
    if found is None:
        return None
    low, high = _points(found.difference.low), _points(found.difference.high)
    least, most = found.interval.low, found.interval.high
    if low is None or high is None or least is None or most is None:
        return None
    worst = _points(found.at_worst)
    return Cascaded(
        round(found.share, 4),
        round(min(least, found.share), 4),
        round(max(most, found.share), 4),
        (low, high),
        (low if worst is None else worst) >= -margin,
    )


def _least(one: ComparedDeployment, other: ComparedDeployment) -> Decimal | None:
    """The least by which the first may lead the other."""
    low, high = _points(one.low), _points(other.high)
    return None if low is None or high is None else low - high


def _source(record: ComparisonRecord, told: str) -> str:
    return f"comparison {record.id} of {_day(record)} by {record.scorer}, {told}"


def _day(record: ComparisonRecord) -> str:
    return datetime.fromtimestamp(record.at, UTC).date().isoformat()


def _points(share: float | None) -> Decimal | None:
    if share is None or not math.isfinite(share):
        return None
    return Decimal(str(round(share * 100, 2)))
