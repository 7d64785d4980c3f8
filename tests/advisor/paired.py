"""Comparisons as `aihandler compare` keeps them: llama against gpt."""

from typing import Any

from aihandler.ledger.comparisons import ComparedDeployment, ComparisonRecord


def pair(low: float, high: float, **changes: Any) -> dict[str, Any]:
    """Llama against gpt, as `aihandler compare` keeps it."""
    return {
        "deployment": "llama",
        "baseline": "gpt",
        "items": 400,
        "interval": {"low": low, "high": high},
        "at_worst": low,
        "higher": 20,
        "lower": 40,
        "margin": 0.02,
        "verdict": "not enough evidence",
        **changes,
    }


def compared(
    *pairs: dict[str, Any], at: float = 1_790_000_000.0, **changes: Any
) -> ComparisonRecord:
    """A comparison on the task `mail`, of 2026-09-21."""
    rows = tuple(ComparedDeployment(n, "i", 400, 0.9, 0.88, 0.92) for n in ("gpt", "llama"))
    findings = {"margin": 0.02, "pairs": list(pairs)}
    known: dict[str, Any] = {"scorer": "exact", "id": "c1", "task": "mail", **changes}
    return ComparisonRecord(
        known["id"], at, known["task"], "v", "d", "x", known["scorer"], 1, "", findings, rows
    )
