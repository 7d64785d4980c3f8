"""Which inputs move the result: one at a time, from its low to its high end."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.economics import lines
from aihandler.advisor.economics.figures import rounded
from aihandler.advisor.economics.inputs import Case
from aihandler.advisor.economics.runs import Runs

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

# An input that moves nothing of a result of a million has no swing.
_NOTHING = 1e-9


class Swing(msgspec.Struct, frozen=True):
    """What is saved over the whole time when one input alone is at its low or high end.

    `middle_usd` is what is saved when it is not.
    """

    name: str
    low_usd: float
    high_usd: float
    middle_usd: float

    @property
    def width_usd(self) -> float:
        """By how much it moves the result."""
        return abs(self.high_usd - self.low_usd)


def tornado(flow: lines.Flow, case: Case, option: str, than: str) -> tuple[Swing, ...]:
    """One input at a time from its low to its high end; the widest first."""
    varied = [name for name, figure in case.figures.items() if figure.low < figure.high]
    if not varied:
        return ()
    ends = {name: (case.figures[name].low, case.figures[name].high) for name in varied}
    saved = saved_usd(_each_alone(flow, ends), option, than)
    least = _NOTHING * float(np.abs(saved).max())
    centre = rounded(float(saved_usd(flow, option, than)[0]))
    swings = [
        Swing(name, rounded(float(saved[2 * at])), rounded(float(saved[2 * at + 1])), centre)
        for at, name in enumerate(varied)
        if abs(saved[2 * at] - saved[2 * at + 1]) > least
    ]
    return tuple(sorted((s for s in swings if s.width_usd), key=lambda s: (-s.width_usd, s.name)))


def middle(runs: Runs) -> lines.Flow:
    """Every input in the middle of its runs."""
    return _at(runs.drawn, {n: np.full((1, 1), np.median(x)) for n, x in runs.drawn.x.items()})


def saved_usd(flow: lines.Flow, option: str, than: str) -> "Array":
    """By run, over the whole time."""
    one, other = (lines.total(lines.OPTIONS[name](flow)) for name in (option, than))
    # An input of neither leaves both as one row.
    rows = max(len(flow.prices), *(len(x) for x in flow.x.values()))
    saved: Array = np.broadcast_to(other - one, (rows, flow.months.shape[1])).sum(axis=1)
    return saved


def _each_alone(flow: lines.Flow, ends: Mapping[str, tuple[float, float]]) -> lines.Flow:
    x = dict(flow.x)
    for at, (name, both) in enumerate(ends.items()):
        column = np.full((2 * len(ends), 1), flow.x[name][0, 0])
        column[2 * at : 2 * at + 2, 0] = both
        x[name] = column
    return _at(flow, x)


def _at(flow: lines.Flow, x: lines.Drawn) -> lines.Flow:
    return lines.flow(x, flow.months, flow.prices)
