"""`python -m bench [--items N] [--data FOLDER]`: every benchmark, one after the other."""

import argparse
import os
import platform
import subprocess
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="items of the executor run")
    parser.add_argument("--data", help="folder of labelled documents, for classify and extract")
    chosen = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    runs = [
        ["bench.startup", "--wheels"],
        ["bench.transport"],
        ["bench.journal"],
        ["bench.downlevel"],
        ["bench.chat_templates"],
        ["bench.prices"],
        ["bench.rollups"],
        ["bench.advice"],
        ["bench.executor", "--items", str(chosen.items)],
        ["bench.gateway"],
    ]
    if chosen.data:
        runs += [
            ["bench.classify", "--data", chosen.data],
            ["bench.extract", "--data", chosen.data],
        ]
    failed = 0
    for run in runs:
        print(f"\n== {run[0]}", flush=True)
        failed += subprocess.run([sys.executable, "-m", *run], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
