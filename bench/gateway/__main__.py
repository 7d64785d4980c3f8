"""`python -m bench.gateway [--rounds N] [--seconds S] [--peers] [--nginx PATH]`.

A static server, and the ways to it: direct, nginx, this gateway with one worker and with two, and
with `--peers` LiteLLM's proxy and Portkey's gateway. Rounds are interleaved, so that a busy minute
of the machine falls on all of them.
"""

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.gateway import table, targets
from bench.gateway.load import Job, Measured
from bench.gateway.targets import Skipped, Target

# Streams are 200 ms long: eight at once are 2,000 chunks a second.
WAYS = {
    "closed loop, 32 connections": {"connections": 32},
    "streams of 50 chunks, 8 at once": {"connections": 8, "streamed": True},
    "open loop, 200 requests/s": {"connections": 64, "rate": 200.0},
    "open loop, 4 requests/s": {"connections": 4, "rate": 4.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round and target")
    parser.add_argument("--peers", action="store_true", help="LiteLLM and Portkey too")
    parser.add_argument("--nginx", default="nginx", help="the program")
    chosen = parser.parse_args()
    # Ended from outside, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aihandler-bench-")))
        port = stack.enter_context(targets.upstream())
        found = _targets(stack, folder, port, peers=chosen.peers, nginx=chosen.nginx)
        samples: table.Samples = {way: {t.name: [] for t in found} for way in WAYS}
        # One round for caches and connections, which counts nowhere.
        for number in range(chosen.rounds + 1):
            for way, settings in WAYS.items():
                for target in found:
                    sample = measure(target, settings, chosen.seconds if number else 1.0)
                    if number:
                        samples[way][target.name].append(sample)
        print(table.machine(chosen.rounds, chosen.seconds))
        for way in WAYS:
            print(table.show(way, found, samples))
        print(table.standing(found, samples))
        print(table.NOTE)


def _targets(
    stack: contextlib.ExitStack, folder: Path, port: int, *, peers: bool, nginx: str
) -> list[Target]:
    makers: list[Callable[[], Target]] = [
        lambda: targets.nginx(folder / "nginx", port, program=nginx),
        lambda: targets.aihandler(folder / "one", port),
        lambda: targets.aihandler(folder / "two", port, workers=2),
    ]
    if peers:
        from bench.gateway.peers import litellm, portkey

        makers += [
            lambda: litellm(folder / "litellm", port),
            lambda: portkey(folder / "portkey", port),
        ]
    found = [targets.direct(port)]
    for make in makers:
        try:
            target = make()
        except Skipped as why:
            print(f"skipped: {why}", flush=True)
            continue
        stack.callback(targets.stop, target)
        found.append(target)
    return found


def measure(target: Target, settings: dict[str, object], seconds: float) -> table.Sample:
    """One round, in a process of its own."""
    about = {"headers": target.headers, "model": target.model, **settings}
    job = msgspec.convert({"port": target.port, "seconds": seconds, **about}, Job)
    before = target.cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", "bench.gateway.load"],
        input=msgspec.json.encode(job), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    after = target.cpu_s()
    # A worker that died in between has no pair.
    used = [b - a for a, b in zip(before, after, strict=False)]
    measured = msgspec.json.decode(done.stdout, type=Measured)
    if measured.errors and not target.failed:
        target.failed = True
        print(f"{target.name}: {measured.errors} errors, the first: {measured.told!r}", flush=True)
    return table.Sample(measured, used, target.memory_mb())


if __name__ == "__main__":
    main()
