"""Which inputs decide: one at a time between its ends, and where it turns who is cheaper."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.economics import lines
from aihandler.advisor.economics.figures import Figure, rounded
from aihandler.advisor.economics.inputs import RULES, Case
from aihandler.advisor.economics.runs import Runs, named

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

# Steps of one look for a turn, of which there are three, each within a step of the one before.
_STEPS = 64
_LOOKS = 3
# An input that moves nothing of a result of a million has no swing.
_NOTHING = 1e-9


class Swing(msgspec.Struct, frozen=True):
    """What is saved over the whole time when one input alone is at its low or high end."""

    name: str
    low_usd: float
    high_usd: float

    @property
    def width_usd(self) -> float:
        """By how much it moves the result."""
        return abs(self.high_usd - self.low_usd)


class Turn(msgspec.Struct, frozen=True):
    """Where one input alone makes another option the cheaper one; `at` None: nowhere.

    All other inputs are in the middle of their runs, as `now` is. `within` says whether the value
    is one that the input may have as it stands.
    """

    name: str
    meaning: str
    unit: str
    now: float
    at: float | None
    within: bool
    cheaper: str
    source: str

    def __str__(self) -> str:
        if self.at is None:
            return f"{self.meaning} ({self.name}): no value of it turns the verdict"
        moves = "rises above" if self.at > self.now else "falls below"
        reach = "which it may" if self.within else "outside what is given"
        return (
            f"{named(self.cheaper)} when {self.meaning} ({self.name}) {moves} "
            f"{_number(self.at)} {self.unit} (middle: {_number(self.now)}; {reach})"
        )


def tornado(flow: lines.Flow, case: Case, option: str, than: str) -> tuple[Swing, ...]:
    """One input at a time from its low to its high end; the widest first."""
    varied = [name for name, figure in case.figures.items() if figure.low < figure.high]
    if not varied:
        return ()
    ends = {name: (case.figures[name].low, case.figures[name].high) for name in varied}
    saved = _saved(_each_alone(flow, ends), option, than)
    least = _NOTHING * float(np.abs(saved).max())
    swings = [
        Swing(name, rounded(float(saved[2 * at])), rounded(float(saved[2 * at + 1])))
        for at, name in enumerate(varied)
        if abs(saved[2 * at] - saved[2 * at + 1]) > least
    ]
    return tuple(sorted((s for s in swings if s.width_usd), key=lambda s: (-s.width_usd, s.name)))


def turns(runs: Runs, option: str, than: str, *, first: int = 2) -> tuple[Turn, ...]:
    """Where the widest `first` inputs of the pair's tornado make the other one cheaper.

    Where none of them does, the next one that does comes after them.
    """
    middle = {name: np.full((1, 1), np.median(x)) for name, x in runs.drawn.x.items()}
    flow = _at(runs.drawn, middle)
    found: list[Turn] = []
    for swing in tornado(flow, runs.case, option, than):
        turn = _turn(flow, (option, than), swing.name, runs.case.figures[swing.name])
        if len(found) < first:
            found.append(turn)
        elif any(one.at is not None for one in found):
            break
        elif turn.at is not None:
            found.append(turn)
    return tuple(found)


def turn_of(runs: Runs, name: str, option: str, than: str) -> Turn:
    """Where one input, by name, turns the pair."""
    middle = {key: np.full((1, 1), np.median(x)) for key, x in runs.drawn.x.items()}
    return _turn(_at(runs.drawn, middle), (option, than), name, runs.case.figures[name])


def _turn(flow: lines.Flow, pair: tuple[str, str], name: str, figure: Figure) -> Turn:
    now = float(flow.x[name][0, 0])
    rule = RULES[name]
    lead = float(_saved(flow, *pair)[0])
    at = _crossing(flow, pair, name, _reach(name, figure))
    at = None if at is None else rounded(at)
    within = at is not None and figure.low <= at <= figure.high
    cheaper = pair[1] if lead > 0 else pair[0]
    return Turn(name, rule.meaning, rule.unit, rounded(now), at, within, cheaper, figure.source)


def _crossing(
    flow: lines.Flow, pair: tuple[str, str], name: str, reach: tuple[float, float]
) -> float | None:
    """The nearest value at which the two cost the same; steps of machines make more than one."""
    now = float(flow.x[name][0, 0])
    low, high = min(reach[0], now), max(reach[1], now)
    for _ in range(_LOOKS):
        values = np.unique([*np.linspace(low, high, _STEPS), *([now] if low < now < high else [])])
        saved = _saved(_at(flow, {**flow.x, name: values[:, np.newaxis]}), *pair)
        at = np.flatnonzero(np.sign(saved[1:]) != np.sign(saved[:-1]))
        if not len(at):
            return None
        nearest = min(at, key=lambda k: abs((values[k] + values[k + 1]) / 2 - now))
        low, high = float(values[nearest]), float(values[nearest + 1])
    return (low + high) / 2


def _reach(name: str, figure: Figure) -> tuple[float, float]:
    """Values that are still looked at: far beyond what is given, and never without a meaning."""
    unit = RULES[name].unit
    if unit.startswith("share/"):
        return min(figure.low, -0.5), max(figure.high, 1.0)
    if unit == "share":
        # A machine of which nothing is used serves nothing, and one always taken away neither.
        return (0.01 if name == "utilisation" else 0.0), (0.99 if "loss" in name else 1.0)
    return figure.low / 20, max(figure.high * 20, 1.0)


def _saved(flow: lines.Flow, option: str, than: str) -> "Array":
    rows = max(len(x) for x in flow.x.values())
    shape = rows, flow.months.shape[1]
    one, other = (lines.total(lines.OPTIONS[name](flow)) for name in (option, than))
    saved: Array = np.broadcast_to(other - one, shape).sum(axis=1)
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


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
