"""The table of faults and outcomes, on the screen and in the docs."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from bench.faults.outcome import Outcome

_BEGIN = "<!-- made by `make faults`: do not edit between these lines -->"
_END = "<!-- end of what is made -->"


def show(outcome: Outcome) -> None:
    """One line now, and one for each promise that is broken."""
    mark = "BROKEN" if outcome.broken else "holds"
    print(f"{mark:7} {outcome.kind:7} {outcome.fault:40} {outcome.happened}", flush=True)
    for line in outcome.broken:
        print(f"        - {line}", flush=True)


def write(path: Path, found: Sequence[Outcome]) -> None:
    """Puts the table between its marks."""
    text = path.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    path.write_text(f"{before}{_BEGIN}\n\n{_table(found)}\n{_END}{after}", "utf-8")


def _table(found: Sequence[Outcome]) -> str:
    head = (
        f"{len(found)} faults; Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}.\n\n"
        "| where | fault | what clients get | promises |\n| --- | --- | --- | --- |\n"
    )
    return head + "".join(map(_row, found))


def _row(outcome: Outcome) -> str:
    promises = "hold" if not outcome.broken else "**broken**: " + "; ".join(outcome.broken)
    happened = outcome.happened.replace("|", "/")
    return f"| {outcome.kind} | {outcome.fault} | {happened} | {promises} |\n"
