"""A comparison in a terminal: two tables and what the data can show."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aihandler.evaluation.findings import DeploymentFindings, Findings, PairFindings, Verdict
from aihandler.evaluation.gates import GateResult
from aihandler.evaluation.pages.answer import answer
from aihandler.evaluation.pages.words import (
    MARKS,
    between,
    dollars,
    milliseconds,
    p_value,
    percent,
    points,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["terminal_table"]

_COLOURS: dict[Verdict, str] = {
    "better": "green",
    "not worse": "cyan",
    "worse": "red",
    "not enough evidence": "yellow",
}


def terminal_table(
    findings: Findings,
    gates: Sequence[GateResult] = (),
    *,
    width: int = 120,
    colour: bool = False,
) -> str:
    """The findings as text, `width` characters wide; plain without `colour`."""
    from rich.console import Console

    out = io.StringIO()
    # No colour also means no emphasis: a file or a pipe gets the characters alone.
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    console.print(_title(findings), style="bold" if colour else "")
    console.print(_scores(findings))
    if findings.pairs:
        console.print(_pairs(findings))
        for pair in findings.pairs:
            console.print(f"{pair.deployment}: {pair.reach}")
        console.print(answer(findings))
    if any(found.consistency for found in findings.deployments):
        console.print(_steadiness(findings))
    if findings.stopped:
        console.print(f"stopped: {findings.stopped}", style="yellow" if colour else "")
    _print_gates(console, gates, colour)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _title(findings: Findings) -> str:
    repeats = f", {findings.repeats} times each" if findings.repeats > 1 else ""
    count = len(findings.disagreements)
    return (
        f"{findings.task}: {findings.items:,} examples of {findings.dataset}{repeats}; "
        f"the deployments differ on {count:,}"
    )


def _table(*columns: str, numbers: int) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="")
    for place, column in enumerate(columns):
        right = 0 < place <= numbers
        # A name that is cut cannot be copied: it folds.
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _scores(findings: Findings) -> "Table":
    table = _table(
        "deployment",
        findings.scorer,
        "95 %",
        "valid",
        "cost / item",
        "p50",
        "p95",
        "examples",
        numbers=7,
    )
    for found in findings.deployments:
        table.add_row(
            _plain(found.deployment),
            percent(found.score),
            between(found.interval) if found.items else "-",
            percent(found.valid.share),
            _cost(found),
            milliseconds(found.latency_p50_ms),
            milliseconds(found.latency_p95_ms),
            f"{found.items:,}",
        )
    return table


def _pairs(findings: Findings) -> "Table":
    from rich.text import Text

    first = _plain(findings.deployments[0].deployment)
    table = _table(
        f"against {first}", "points", "95 %", "at worst", "won : lost", "p", "verdict", numbers=5
    )
    for pair in findings.pairs:
        table.add_row(
            _plain(pair.deployment),
            points(pair.difference.value),
            f"{points(pair.interval.low)} to {points(pair.interval.high)}",
            points(pair.at_worst),
            f"{pair.higher:,} : {pair.lower:,}",
            p_value(_decisive(pair)),
            Text(f"{MARKS[pair.verdict]} {_said(pair)}", style=_COLOURS[pair.verdict]),
        )
    return table


def _decisive(pair: PairFindings) -> float:
    """The p-value that the verdict rests on."""
    if pair.verdict in ("better", "worse"):
        return pair.p_difference_adjusted
    return pair.p_not_worse_adjusted


def _said(pair: PairFindings) -> str:
    if pair.verdict == "not worse":
        return f"not worse by {pair.margin * 100:g} points"
    return pair.verdict


def _steadiness(findings: Findings) -> "Table":
    table = _table("asked again", "agreement", "flips", "always valid", "within", numbers=4)
    for found in findings.deployments:
        if steady := found.consistency:
            share = steady.spread.same if steady.spread else None
            table.add_row(
                _plain(found.deployment),
                percent(steady.agreement),
                percent(steady.flips),
                percent(steady.always_valid),
                "-" if share is None else f"{percent(1 - share)} of variance",
            )
    return table


def _print_gates(console: "Console", gates: Sequence[GateResult], colour: bool) -> None:
    styles = {"pass": "green", "fail": "red", "not enough evidence": "yellow"}
    for gate in gates:
        style = styles[gate.verdict] if colour else ""
        console.print(f"gate {gate.gate}: {gate.verdict} ({gate.reason})", style=style)


def _cost(found: DeploymentFindings) -> str:
    cost = dollars(found.cost_per_item_nano_usd)
    some = found.unpriced and found.cost_per_item_nano_usd is not None
    return f"{cost} ({found.unpriced:,} unpriced)" if some else cost


def _plain(text: str) -> str:
    # A name is data: a control character in it may not steer the terminal.
    return "".join(c if c.isprintable() else " " for c in text)
