"""`python -m bench.memory [--requests N]`: what a gateway holds while a million requests pass.

One worker before a static server, 32 connections, texts kept. After each round the memory that is
each process's own (USS: what would be free if it ended; the spool and other shared pages are not
in it).
"""

import argparse
import contextlib
import os
import tempfile
from pathlib import Path

from bench.gateway import targets
from bench.gateway.__main__ import measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each round")
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aihandler-bench-")))
        target = targets.aihandler(folder, stack.enter_context(targets.upstream()))
        stack.callback(targets.stop, target)
        done = errors = 0
        while done < chosen.requests:
            result = measure(target, {"connections": 32}, chosen.seconds).measured
            done, errors = done + result.requests, errors + result.errors
            own = ", ".join(f"{p.memory_full_info().uss / 1e6:.1f}" for p in target.processes())
            told = f"{done:>9,} requests, {errors} errors: {own} MB (supervisor, worker)"
            print(f"{told}; load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
