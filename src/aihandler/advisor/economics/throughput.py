"""How many requests a replica serves at a latency target, out of measured points.

What counts is the latency end to end of each point, never its concurrency over its time per token:
in a queue the first token alone takes most of a request.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.reference import POINTS_AS_OF, POINTS_SOURCE, Point

Curve = tuple[Point, ...]
Lengths = tuple[int, int]
Place = tuple[float, float]
_FEW = 10
# Lengths this near to measured ones are taken for the same.
_SAME_LENGTH = math.log(1.03)


class Target(msgspec.Struct, frozen=True):
    """What a request may wait for; None is no limit.

    `tokens_per_s` is the least speed at which one user sees an answer grow.
    """

    ttft_s: float | None = None
    tokens_per_s: float | None = None
    latency_s: float | None = None


class Served(msgspec.Struct, frozen=True):
    """What one replica serves at a target, at one pair of lengths."""

    requests_per_gpu_s: float
    gpus: int
    server: str


class Throughput(msgspec.Struct, frozen=True):
    """`requests_per_gpu_s` within the error of interpolation; a replica takes `gpus_per_replica`.

    `basis` says which lengths it stands on.
    """

    requests_per_gpu_s: Figure
    gpus_per_replica: int
    server: str
    basis: str

    @property
    def requests_per_replica_s(self) -> float:
        """Of the smallest unit that can be rented for it."""
        return self.requests_per_gpu_s.value * self.gpus_per_replica


class NotMeasured(msgspec.Struct, frozen=True):
    """Why no throughput is told."""

    reason: str


def measured(
    points: Iterable[Point],
    *,
    model: str,
    gpu: str,
    precision: str,
    lengths: Lengths,
    target: Target,
    length_error: "Callable[[Target], Errors] | None" = None,
) -> Throughput | NotMeasured:
    """The best measured set-up at that target, interpolated over load and lengths in log space.

    Inside the measured lengths only. `points` are all there are: the errors of all tell the
    interval where a model has few of its own. `model` is the name in the points. `length_error`
    knows the errors between lengths at a target where they were asked for before.
    """
    every = tuple(points)
    own = [p for p in every if (p.model, p.gpu, p.precision) == (model, gpu, precision)]
    if not own:
        return NotMeasured(f"{model} in {precision} on {gpu} was not measured")
    cells = {cell: served for cell, served in frontier(own, target).items() if served is not None}
    if not cells:
        return NotMeasured(f"no measured set-up of {model} on {gpu} reaches that target")
    weights = _weights(list(cells), lengths)
    if weights is None:
        have = ", ".join(f"{i}/{o}" for i, o in sorted(cells))
        asked = f"{lengths[0]}/{lengths[1]}"
        return NotMeasured(
            f"{asked} tokens lie outside the lengths measured at that target: {have}"
        )
    value = _mixed(cells, weights)
    between = length_error or (lambda at: length_errors(every, at))
    spread = _spread(every, own, between(target) if len(weights) > 1 else None)
    nearest = max(weights, key=lambda cell: weights[cell])
    figure = Figure(
        value, value / spread, value * spread, "requests/GPU/s", POINTS_SOURCE, POINTS_AS_OF
    )
    basis = " + ".join(f"{i}/{o}" for i, o in sorted(weights))
    gpus = max(cells[cell].gpus for cell in weights)
    return Throughput(figure, gpus, cells[nearest].server, f"measured at {basis} tokens")


def frontier(points: Iterable[Point], target: Target) -> dict[Lengths, Served | None]:
    """For each measured pair of lengths the best a GPU serves; None where the target is missed."""
    found: dict[Lengths, Served | None] = {}
    for curve in curves(points):
        lengths = (curve[0].input_tokens, curve[0].output_tokens)
        best = found.setdefault(lengths, None)
        rate = most_at(curve, target)
        if rate is not None and (best is None or rate / curve[0].gpus > best.requests_per_gpu_s):
            server = f"{curve[0].server} {curve[0].version}"
            found[lengths] = Served(rate / curve[0].gpus, curve[0].gpus, server)
    return found


def curves(points: Iterable[Point]) -> list[Curve]:
    """Points of one set-up by load; of points measured twice the later one."""
    by_setup: dict[tuple[object, ...], dict[int, Point]] = defaultdict(dict)
    for p in sorted(points, key=lambda p: p.measured):
        key = (p.model, p.gpu, p.precision, p.server, p.version, p.gpus, p.layout)
        by_setup[*key, p.input_tokens, p.output_tokens][p.concurrency] = p
    return [tuple(sorted(c.values(), key=lambda p: p.concurrency)) for c in by_setup.values()]


def most_at(curve: Curve, target: Target) -> float | None:
    """The most requests a second of one set-up within the target; None when no load reaches it."""
    rates = [p.requests_per_s for p in curve if _admits(p, target)]
    for one, other in itertools.pairwise(curve):
        if _admits(one, target) != _admits(other, target):
            within, beyond = (one, other) if _admits(one, target) else (other, one)
            rates.append(_between(within, beyond, target))
    return max(rates, default=None)


class Errors(msgspec.Struct, frozen=True):
    """Leave-one-out errors as |ln(predicted / measured)|: 0.1 is about a tenth off."""

    n: int
    median: float
    p90: float


def load_errors(points: Iterable[Point]) -> Errors:
    """Each inner point of a curve is foretold from its neighbours at its own latency."""
    errors = []
    for curve in curves(points):
        for before, left_out, after in zip(curve, curve[1:], curve[2:], strict=False):
            foretold = most_at((before, after), Target(latency_s=left_out.latency_s))
            if foretold is not None:
                errors.append(abs(math.log(foretold / left_out.requests_per_s)))
    return _errors(errors)


def length_errors(points: Iterable[Point], target: Target) -> Errors:
    """Each measured pair of lengths that lies between others is foretold from them."""
    errors = []
    by_model: dict[tuple[str, str, str], list[Point]] = defaultdict(list)
    for p in points:
        by_model[p.model, p.gpu, p.precision].append(p)
    for own in by_model.values():
        cells = {cell: s for cell, s in frontier(own, target).items() if s is not None}
        for left_out, served in cells.items():
            others = {cell: other for cell, other in cells.items() if cell != left_out}
            weights = _weights(list(others), left_out)
            if weights is not None:
                foretold = _mixed(others, weights)
                errors.append(abs(math.log(foretold / served.requests_per_gpu_s)))
    return _errors(errors)


def _admits(point: Point, target: Target) -> bool:
    # Asked of every point again and again, so it makes no list.
    if target.ttft_s is not None and point.ttft_ms / 1000 > target.ttft_s:
        return False
    if target.tokens_per_s is not None and point.tpot_ms / 1000 > 1 / target.tokens_per_s:
        return False
    return target.latency_s is None or point.latency_s <= target.latency_s


def _limits(point: Point, target: Target) -> list[tuple[float, float]]:
    pairs = []
    if target.ttft_s is not None:
        pairs.append((point.ttft_ms / 1000, target.ttft_s))
    if target.tokens_per_s is not None:
        pairs.append((point.tpot_ms / 1000, 1 / target.tokens_per_s))
    if target.latency_s is not None:
        pairs.append((point.latency_s, target.latency_s))
    return pairs


def _between(within: Point, beyond: Point, target: Target) -> float:
    # How far one can go from the point within the target towards the one beyond it, in log space.
    share = 1.0
    for (here, limit), (there, _) in zip(
        _limits(within, target), _limits(beyond, target), strict=True
    ):
        if there > limit and there > here > 0:
            share = min(share, math.log(limit / here) / math.log(there / here))
    return _mix((within.requests_per_s, beyond.requests_per_s), (1 - share, share))


def _mixed(cells: Mapping[Lengths, Served], weights: Mapping[Lengths, float]) -> float:
    return _mix([cells[cell].requests_per_gpu_s for cell in weights], list(weights.values()))


def _mix(values: Sequence[float], weights: Sequence[float]) -> float:
    return math.exp(sum(w * math.log(v) for v, w in zip(values, weights, strict=True)))


def _weights(cells: Sequence[Lengths], at: Lengths) -> dict[Lengths, float] | None:
    # The smallest point, line or triangle of measured lengths around the one that is asked for.
    best: tuple[float, dict[Lengths, float]] | None = None
    for count in (1, 2, 3):
        for corners in itertools.combinations(sorted(cells), count):
            weights = _inside([_log(c) for c in corners], _log(at))
            if weights is None:
                continue
            size = sum(math.dist(_log(a), _log(at)) for a in corners)
            if best is None or size < best[0]:
                best = size, dict(zip(corners, weights, strict=True))
        if best is not None:
            return {cell: weight for cell, weight in best[1].items() if weight > 0}
    return None


def _log(lengths: Lengths) -> Place:
    return math.log(lengths[0]), math.log(lengths[1])


def _inside(corners: Sequence[Place], at: Place) -> tuple[float, ...] | None:
    if len(corners) == 1:
        near = max(abs(a - b) for a, b in zip(corners[0], at, strict=True)) <= _SAME_LENGTH
        return (1.0,) if near else None
    if len(corners) == 2:
        return _on_line(corners[0], corners[1], at)
    return _in_triangle((corners[0], corners[1], corners[2]), at)


def _on_line(a: Place, b: Place, at: Place) -> tuple[float, ...] | None:
    along = (b[0] - a[0], b[1] - a[1])
    share = ((at[0] - a[0]) * along[0] + (at[1] - a[1]) * along[1]) / math.hypot(*along) ** 2
    foot = (a[0] + share * along[0], a[1] + share * along[1])
    if not 0 <= share <= 1 or math.dist(foot, at) > _SAME_LENGTH:
        return None
    return 1 - share, share


def _in_triangle(corners: tuple[Place, Place, Place], at: Place) -> tuple[float, ...] | None:
    a, b, c = corners
    area = (b[1] - c[1]) * (a[0] - c[0]) + (c[0] - b[0]) * (a[1] - c[1])
    if abs(area) < _SAME_LENGTH:
        return None
    first = ((b[1] - c[1]) * (at[0] - c[0]) + (c[0] - b[0]) * (at[1] - c[1])) / area
    second = ((c[1] - a[1]) * (at[0] - c[0]) + (a[0] - c[0]) * (at[1] - c[1])) / area
    weights = (first, second, 1 - first - second)
    return weights if min(weights) >= 0 else None


def _spread(every: Sequence[Point], own: Sequence[Point], between: "Errors | None") -> float:
    # A model with few points says little of its own error.
    error = load_errors(own)
    load = error.p90 if error.n >= _FEW else load_errors(every).p90
    return math.exp(math.hypot(load, 0.0 if between is None else between.p90))


def _errors(errors: list[float]) -> Errors:
    if not errors:
        return Errors(0, 0.0, 0.0)
    ranked = sorted(errors)
    return Errors(len(ranked), ranked[len(ranked) // 2], ranked[len(ranked) * 9 // 10])
