"""Where data may go: labels, rules, clearances, and the proof for a whole configuration."""

from aihandler.policy.clear import clear
from aihandler.policy.findings import Finding, Proof, Row
from aihandler.policy.labels import check_key, labels_for, raised, task_sources
from aihandler.policy.proof import prove

__all__ = [
    "Finding",
    "Proof",
    "Row",
    "check_key",
    "clear",
    "labels_for",
    "prove",
    "raised",
    "task_sources",
]
