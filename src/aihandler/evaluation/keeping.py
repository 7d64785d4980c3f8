"""What of a comparison goes into the ledger, as evidence for routing, `explain` and advice."""

from typing import TYPE_CHECKING

import msgspec

from aihandler.evaluation.findings import DeploymentFindings, Findings
from aihandler.evaluation.observations import Comparison
from aihandler.ledger import ComparedDeployment, ComparisonRecord

if TYPE_CHECKING:
    from aihandler.handler import Handler


def keep(handler: "Handler", comparison: Comparison, findings: Findings) -> ComparisonRecord:
    """Keeps it in the open ledger, and returns what was kept."""
    record = record_of(handler, comparison, findings)
    handler.ledger.keep_comparison(record)
    return record


def record_of(handler: "Handler", comparison: Comparison, findings: Findings) -> ComparisonRecord:
    """The figures of a comparison, without any text of it."""
    return ComparisonRecord(
        comparison.id,
        comparison.made_at,
        comparison.task,
        handler.task(comparison.task).version,
        comparison.dataset.name,
        comparison.dataset.digest,
        comparison.scorer,
        comparison.repeats,
        comparison.stopped,
        msgspec.to_builtins(findings),
        tuple(
            _compared(found, findings, identity=handler.deployment(found.deployment).identity)
            for found in findings.deployments
            if found.score is not None
        ),
    )


def _compared(
    found: DeploymentFindings, findings: Findings, *, identity: str
) -> ComparedDeployment:
    pair = findings.pair(found.deployment)
    return ComparedDeployment(
        found.deployment,
        identity,
        n=found.items,
        score=found.score or 0.0,
        low=found.interval.low,
        high=found.interval.high,
        cost_nano=None if found.unpriced else found.cost_per_item_nano_usd,
        latency_ms=found.latency_p50_ms,
        verdict="baseline" if pair is None else pair.verdict,
    )
