"""`python -m bench.faults [--short] [--only WORD] [--write]`: the fault matrix.

Breaks servers and ourselves, one fault after the other, looks after each whether the promises hold,
and prints the table. `--write` puts it into docs/faults.md. Ends with 1 where a promise is broken.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from bench.faults import ourselves, table, upstream
from bench.faults.outcome import Outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="less of everything")
    parser.add_argument("--only", default="", help="faults whose name has this word")
    parser.add_argument("--write", action="store_true", help="put the table into docs/faults.md")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aihandler-faults-") as folder:
        found = asyncio.run(_run(Path(folder), only=chosen.only, short=chosen.short))
    wrong = sum(bool(outcome.broken) for outcome in found)
    print(f"\n{len(found)} faults, {wrong} with a broken promise; load {os.getloadavg()[0]:.1f}")
    if chosen.write:
        table.write(Path("docs/faults.md"), found)
    return 1 if wrong else 0


async def _run(folder: Path, *, only: str, short: bool) -> list[Outcome]:
    found: list[Outcome] = []
    servers = [fault for fault in upstream.faults() if only in fault.name]
    if servers:
        found += await upstream.run(folder / "servers", servers, rounds=1 if short else 4)
        for outcome in found:
            table.show(outcome)
    for number, (name, tried) in enumerate(ourselves.faults().items()):
        if only in name:
            outcome = await tried(folder / f"ours-{number}", short=short)
            table.show(outcome)
            found.append(outcome)
    return found


if __name__ == "__main__":
    sys.exit(main())
