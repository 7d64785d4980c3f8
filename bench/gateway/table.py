"""What was measured, as tables of Markdown."""

import os
import platform
import statistics
from collections.abc import Sequence

import msgspec

from bench.gateway.load import Measured
from bench.gateway.targets import Target

NOTE = """
Fair use: nginx reads no body and keeps nothing; this gateway reads requests and answers, checks a
key, a clearance and the route, and writes every attempt with its texts; LiteLLM and Portkey are
run without a database and do much that is not asked of them here. CPU is that of the target's own
processes, each request of a chat of 1.5 KB. Client, server and target share the cores, so requests
a second say less than CPU and ratios do. At a low rate every request pays its own wake-ups.
Portkey's gateway 1.15.2 answers every stream with an error of its own under Node 20 ("immutable").
"""


class Sample(msgspec.Struct, frozen=True):
    """One target, one way of asking, one round."""

    measured: Measured
    cpu_s: Sequence[float]
    memory_mb: Sequence[float]

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU for each request, of all processes."""
        return sum(self.cpu_s) / max(1, self.measured.requests) * 1e6


Samples = dict[str, dict[str, list[Sample]]]


def machine(rounds: int, seconds: float) -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}, "
        f"{rounds} interleaved rounds of {seconds:g} s; medians (min..max)"
    )


def show(way: str, targets: Sequence[Target], samples: Samples) -> str:
    """One way of asking, a row for each target; ratios are to nginx and to this gateway."""
    found = samples[way]
    bases = [_middle([s.cpu_us for s in found.get(name, [])]) for name in ("nginx", "aihandler")]
    direct = found.get("direct", [])
    lines = [
        f"\n### {way}\n",
        "| target | CPU us a request | by process | x nginx | x aihandler | requests/s |"
        " added p50 ms | added p99 ms | first byte p50 / p99 ms | errors |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_row(target, found[target.name], bases, direct) for target in targets]
    return "\n".join(lines)


def standing(targets: Sequence[Target], samples: Samples) -> str:
    """What it takes to be there."""
    lines = [
        "\n### Standing\n",
        "| target | version | cold start s | PSS MB by process | does |",
        "| --- | --- | --- | --- | --- |",
    ]
    for target in targets:
        last = [rounds[target.name][-1] for rounds in samples.values() if rounds.get(target.name)]
        memory = " + ".join(f"{mb:.0f}" for mb in last[-1].memory_mb) if last else ""
        cold = f"{target.cold_s:.2f}" if target.cold_s else ""
        lines.append(f"| {target.name} | {target.version} | {cold} | {memory} | {target.does} |")
    return "\n".join(lines)


def _row(target: Target, found: list[Sample], bases: list[float], direct: list[Sample]) -> str:
    errors = sum(sample.measured.errors for sample in found)
    if not any(sample.measured.requests for sample in found):
        return f"| {target.name} | answers none of these |" + " |" * 7 + f" {errors} |"
    cpu = [sample.cpu_us for sample in found]
    has_cpu = bool(found[-1].cpu_s)
    ratios = " | ".join(f"{_middle(cpu) / base:.1f}" if base and has_cpu else "" for base in bases)
    added = [
        _spread(_above(found, direct, field), 2) if target.name != "direct" else ""
        for field in ("p50_ms", "p99_ms")
    ]
    first = " / ".join(
        f"{_middle([getattr(s.measured, name) for s in found]):.2f}"
        for name in ("first_p50_ms", "first_p99_ms")
    )
    speed = _spread([s.measured.requests / s.measured.seconds for s in found], 0)
    used = _spread(cpu, 0) if has_cpu else ""
    return (
        f"| {target.name} | {used} | {_by_process(found)} | {ratios} |"
        f" {speed} | {added[0]} | {added[1]} | {first} | {errors} |"
    )


def _above(found: list[Sample], direct: list[Sample], field: str) -> list[float]:
    """Of each round, how much later than the server itself."""
    pairs = zip(found, direct, strict=False)
    return [getattr(a.measured, field) - getattr(b.measured, field) for a, b in pairs]


def _by_process(found: list[Sample]) -> str:
    count = min(len(sample.cpu_s) for sample in found)
    if count < 2:
        return ""
    each = (
        _middle([s.cpu_s[place] / max(1, s.measured.requests) * 1e6 for s in found])
        for place in range(count)
    )
    return " + ".join(f"{us:.0f}" for us in each)


def _middle(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return ""
    middle, least, most = _middle(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f}..{most:.{digits}f})"
