"""On which share of the examples two deployments differ, as comparisons in the ledger have it."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.ledger.comparisons import ComparisonRecord

# These judge time, money or manners; an example more or less shows nothing of quality there.
_NOT_QUALITY = ("latency:", "cost:", "refusal")


class Spread(msgspec.Struct, frozen=True):
    """Variance of one example's paired difference, and where it was measured or guessed."""

    value: float
    source: str


def measured_spreads(records: Sequence[ComparisonRecord]) -> Mapping[str, Spread]:
    """The widest pair of the newest comparison of each task: sizes that follow are safe."""
    found: dict[str, Spread] = {}
    for record in sorted(records, key=lambda record: record.at):
        if record.scorer.startswith(_NOT_QUALITY):
            continue
        spread = _of(record)
        if spread is not None:
            found[record.task] = spread
    return found


def _of(record: ComparisonRecord) -> Spread | None:
    # The statistics need numpy, which nobody waits for who has no comparison.
    from aihandler.evaluation.pairs import PairFindings

    kept = record.findings.get("pairs") if isinstance(record.findings, dict) else None
    try:
        pairs = msgspec.convert(kept, tuple[PairFindings, ...])
    except msgspec.ValidationError:
        # A record of another version has figures of another form; a guess is labelled as one.
        return None
    known = [pair for pair in pairs if pair.difference.known and pair.difference.spread > 0]
    if not known:
        return None
    widest = max(known, key=lambda pair: pair.difference.spread)
    source = (
        f"comparison {record.id}: {widest.deployment} against {widest.baseline}, "
        f"{widest.items:,} examples"
    )
    return Spread(round(widest.difference.spread, 4), source)
