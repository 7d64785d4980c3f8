"""What a mix costs by the share that an open model takes."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.economics import lines
from aihandler.advisor.economics.runs import FEW_RUNS, Band, Runs, band

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

SHARES = tuple(tenths / 10 for tenths in range(1, 11))
_OPEN_PART = {"hybrid_managed": "managed", "hybrid": "self_host"}


class Mixed(msgspec.Struct, frozen=True):
    """One share; `cheaper_share` is in how many runs it costs less than the vendor alone."""

    share: float
    usd: Band
    cheaper_share: float


class Mix(msgspec.Struct, frozen=True):
    """A mixed option by share, out of the first `runs`; `best_share` costs least at the median.

    Cost alone: what quality allows, a comparison says.
    """

    option: str
    runs: int
    by_share: tuple[Mixed, ...]
    best_share: float

    def up_to(self, share: float) -> Mixed | None:
        """The cheapest share that is at most so large."""
        allowed = [one for one in self.by_share if one.share <= share]
        return min(allowed, key=lambda one: one.usd.median, default=None)


def mixes(runs: Runs, closed: "Array") -> tuple[Mix, ...]:
    """Of each mix whose open part can be costed; `closed` are the vendor's sums by run."""
    few = runs.first(FEW_RUNS)
    return tuple(
        _mix(option, few.drawn, runs.likely, closed[: few.order.runs])
        for option, part in _OPEN_PART.items()
        if part in runs.case.options
    )


def _mix(option: str, flow: lines.Flow, likely: lines.Flow, closed: "Array") -> Mix:
    found = []
    drawn, points = _by_share(option, flow), _by_share(option, likely)
    for share in SHARES:
        usd, point = drawn(share), float(points(share)[0])
        values = np.broadcast_to(usd, closed.shape)
        found.append(Mixed(share, band(point, values), float((values < closed).mean())))
    best = min(found, key=lambda one: one.usd.median)
    return Mix(option, len(closed), tuple(found), best.share)


def _by_share(option: str, flow: lines.Flow) -> "Callable[[float], Array]":
    """Without whole machines, and claims beyond a cap, the cost of a mix is a line: two ends are
    enough."""
    if option != "hybrid_managed" or flow.x["claims_per_year"].any():
        return lambda share: _sums(option, flow, share)
    least, most = (_sums(option, flow, share) for share in (SHARES[0], SHARES[-1]))
    slope = (most - least) / (SHARES[-1] - SHARES[0])
    return lambda share: least + (share - SHARES[0]) * slope


def _sums(option: str, flow: lines.Flow, share: float) -> "Array":
    asked = replace(flow, x={**flow.x, "routed_share": np.full((1, 1), share)})
    summed: Array = lines.total(lines.OPTIONS[option](asked)).sum(axis=1)
    return summed
