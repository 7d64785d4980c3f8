"""What memory bandwidth and arithmetic let a GPU serve at most, where nothing was measured.

A step of decoding reads all active weights and the caches of all requests once; a prompt costs two
operations for each active weight and token. Real servers reach a part of that limit: which part, is
taken from the measured points of models whose shape is known, and is wide.
"""

import math
from collections.abc import Iterable

import msgspec

from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.memory import fit
from aihandler.advisor.economics.reference import BYTES_PER_WEIGHT, POINTS_AS_OF, Gpu, Point, Shape
from aihandler.advisor.economics.throughput import (
    Lengths,
    NotMeasured,
    Target,
    Throughput,
    frontier,
)

_FEW = 10


class Efficiency(msgspec.Struct, frozen=True):
    """Measured over possible: tenth, half and nine tenths of `n` set-ups."""

    n: int
    low: float
    middle: float
    high: float


def limit(
    model: Shape,
    machine: Gpu,
    *,
    precision: str,
    gpus: int,
    lengths: Lengths,
    target: Target,
) -> float | None:
    """Requests a second that physics lets `gpus` GPUs serve; None when they cannot at all.

    The more requests at once, the more each read of the weights serves: the number is bounded by
    memory and by the target's speed.
    """
    memory = fit(model, machine, precision=precision, gpus=gpus, tokens=sum(lengths))
    if not memory.fits or not memory.requests:
        return None
    load = _Load(model, machine, precision, gpus, lengths)
    prompt_s = load.prompt_s
    best = None
    # A step may only last as long as the target lets a user wait for a token.
    longest_s = 1 / target.tokens_per_s if target.tokens_per_s else math.inf
    for at_once in _numbers(memory.requests):
        step_s = load.step_s(at_once)
        alone_s = prompt_s + lengths[1] * step_s
        if step_s > longest_s or _too_slow(target, prompt_s, alone_s):
            continue
        rate = at_once / (at_once * prompt_s + lengths[1] * step_s)
        best = max(best or 0.0, rate)
    return best


def efficiency(
    points: Iterable[Point], shapes: Iterable[Shape], machines: dict[str, Gpu], target: Target
) -> Efficiency | None:
    """What part of the limit measured set-ups reach; None where there are too few."""
    known = {shape.measured_as: shape for shape in shapes if shape.layers and shape.measured_as}
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for point in points:
        if point.model in known and point.gpu in machines and point.precision in BYTES_PER_WEIGHT:
            groups.setdefault((point.model, point.gpu, point.precision), []).append(point)
    shares = []
    for (name, machine, precision), own in groups.items():
        for lengths, served in frontier(own, target).items():
            most = served and limit(
                known[name],
                machines[machine],
                precision=precision,
                gpus=served.gpus,
                lengths=lengths,
                target=target,
            )
            if served and most:
                shares.append(served.requests_per_gpu_s * served.gpus / most)
    if len(shares) < _FEW:
        return None
    ranked = sorted(shares)
    n = len(ranked)
    return Efficiency(n, ranked[n // 10], ranked[n // 2], ranked[n * 9 // 10])


def bounded(
    model: Shape,
    machine: Gpu,
    *,
    precision: str,
    lengths: Lengths,
    target: Target,
    reached: Efficiency | None,
) -> Throughput | NotMeasured:
    """A labelled bound in place of a measurement, on the least GPUs that hold the model."""
    if model.cache_bytes_per_token() is None:
        return NotMeasured(f"the cache of {model.model} has no known size, so nothing bounds it")
    if reached is None:
        return NotMeasured("too few measured points reach that target to say what part is real")
    memory = fit(model, machine, precision=precision, tokens=sum(lengths))
    gpus = memory.least_gpus
    most = limit(model, machine, precision=precision, gpus=gpus, lengths=lengths, target=target)
    if most is None:
        return NotMeasured(
            f"{gpus} x {machine.name} cannot reach that target with {model.model}, by arithmetic"
        )
    each = most / gpus
    source = f"not measured: {reached.low:.0%} to {reached.high:.0%} of what memory bandwidth and "
    source += f"arithmetic allow, as {reached.n} measured set-ups reach; {machine.source}"
    figure = Figure(
        each * reached.middle,
        each * reached.low,
        each * reached.high,
        "requests/GPU/s",
        source,
        POINTS_AS_OF,
    )
    return Throughput(figure, gpus, "any", "bound, not measured")


class _Load(msgspec.Struct, frozen=True):
    model: Shape
    machine: Gpu
    precision: str
    gpus: int
    lengths: Lengths

    @property
    def prompt_s(self) -> float:
        return 2 * self.model.active_parameters * self.lengths[0] / self._flops

    def step_s(self, at_once: int) -> float:
        context = self.lengths[0] + self.lengths[1] / 2
        cache = (self.model.cache_bytes_per_token() or 0) * context * at_once
        # Of a mixture of experts, many requests together read nearly all experts.
        share = self.model.active_parameters / self.model.parameters
        weights = float(self.model.weight_bytes(self.precision)) * (1 - (1 - share) ** at_once)
        bandwidth_s = (weights + cache) / (self.machine.bandwidth_bytes_s * self.gpus)
        return max(bandwidth_s, 2 * self.model.active_parameters * at_once / self._flops)

    @property
    def _flops(self) -> float:
        return self.machine.flops(self.precision) * self.gpus


def _too_slow(target: Target, prompt_s: float, alone_s: float) -> bool:
    late = target.ttft_s is not None and prompt_s > target.ttft_s
    return late or (target.latency_s is not None and alone_s > target.latency_s)


def _numbers(most: int) -> list[int]:
    powers = [2**k for k in range(most.bit_length()) if 2**k < most]
    return [*powers, most]
