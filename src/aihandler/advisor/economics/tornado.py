"""Which inputs decide: one at a time between its ends, and where it turns who is cheaper."""

from collections.abc import Callable, Mapping
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
            return f"{self.meaning} ({self.name}) alone turns nothing, whatever its value"
        moves = "rises above" if self.at > self.now else "falls below"
        reach = "" if self.within else ", beyond what is given"
        return (
            f"{named(self.cheaper)} is cheaper when {self.meaning} ({self.name}) {moves} "
            f"{_number(self.at, self.unit)} (now {_number(self.now, self.unit)}{reach})"
        )


def tornado(flow: lines.Flow, case: Case, option: str, than: str) -> tuple[Swing, ...]:
    """One input at a time from its low to its high end; the widest first."""
    varied = [name for name, figure in case.figures.items() if figure.low < figure.high]
    if not varied:
        return ()
    ends = {name: (case.figures[name].low, case.figures[name].high) for name in varied}
    saved = _saved(_each_alone(flow, ends), option, than)
    least = _NOTHING * float(np.abs(saved).max())
    centre = rounded(float(_saved(flow, option, than)[0]))
    swings = [
        Swing(name, rounded(float(saved[2 * at])), rounded(float(saved[2 * at + 1])), centre)
        for at, name in enumerate(varied)
        if abs(saved[2 * at] - saved[2 * at + 1]) > least
    ]
    return tuple(sorted((s for s in swings if s.width_usd), key=lambda s: (-s.width_usd, s.name)))


def turns(runs: Runs, option: str, than: str, *, first: int = 2) -> tuple[Turn, ...]:
    """Where the widest `first` inputs of the pair's tornado make the other one cheaper.

    Where none of them does, the next one that does comes after them. The vendor's price that
    weighs most is looked at in any case: it is often given exactly, and has no swing.
    """
    flow = middle(runs)
    found: list[Turn] = []
    for swing in tornado(flow, runs.case, option, than):
        turn = _turn(flow, (option, than), swing.name, runs.case.figures[swing.name])
        if len(found) < first:
            found.append(turn)
        elif any(one.at is not None for one in found):
            break
        elif turn.at is not None:
            found.append(turn)
    price = _weightiest(flow)
    if price not in [turn.name for turn in found]:
        turn = _turn(flow, (option, than), price, runs.case.figures[price])
        found.append(turn if turn.at is not None else _all_prices(flow, (option, than)))
    return tuple(found)


def turn_of(runs: Runs, name: str, option: str, than: str) -> Turn:
    """Where one input, by name, turns the pair."""
    return _turn(middle(runs), (option, than), name, runs.case.figures[name])


def middle(runs: Runs) -> lines.Flow:
    """Every input in the middle of its runs."""
    return _at(runs.drawn, {n: np.full((1, 1), np.median(x)) for n, x in runs.drawn.x.items()})


def _weightiest(flow: lines.Flow) -> str:
    def bill(name: str) -> float:
        side = name.removesuffix("_usd_per_million")
        return float(flow.x[name][0, 0] * flow.x[f"{side}_tokens"][0, 0])

    return max(("input_usd_per_million", "output_usd_per_million"), key=bill)


def _turn(flow: lines.Flow, pair: tuple[str, str], name: str, figure: Figure) -> Turn:
    def with_value(values: "Array") -> lines.Flow:
        return _at(flow, {**flow.x, name: values})

    now, rule = float(flow.x[name][0, 0]), RULES[name]
    at = _crossing(with_value, pair, now, _reach(name, figure))
    within = at is not None and figure.low <= at <= figure.high
    cheaper = _dearer(flow, pair)
    return Turn(name, rule.meaning, rule.unit, rounded(now), at, within, cheaper, figure.source)


def _all_prices(flow: lines.Flow, pair: tuple[str, str]) -> Turn:
    """All prices of the vendor together, as a share of today's."""

    def with_value(values: "Array") -> lines.Flow:
        return lines.flow(flow.x, flow.months, flow.prices * values)

    at = _crossing(with_value, pair, 1.0, (0.0, 100.0))
    cheaper, source = _dearer(flow, pair), "all inputs of a vendor's prices"
    unit = "share of today's"
    return Turn(
        "vendor_prices", "the vendor's whole price list", unit, 1.0, at, False, cheaper, source
    )


def _dearer(flow: lines.Flow, pair: tuple[str, str]) -> str:
    return pair[1] if float(_saved(flow, *pair)[0]) > 0 else pair[0]


def _crossing(
    with_value: "Callable[[Array], lines.Flow]",
    pair: tuple[str, str],
    now: float,
    reach: tuple[float, float],
) -> float | None:
    """The nearest value at which the two cost the same; steps of machines make more than one."""
    low, high = min(reach[0], now), max(reach[1], now)
    for _ in range(_LOOKS):
        values = np.unique([*np.linspace(low, high, _STEPS), *([now] if low < now < high else [])])
        saved = _saved(with_value(values[:, np.newaxis]), *pair)
        at = np.flatnonzero(np.sign(saved[1:]) != np.sign(saved[:-1]))
        if not len(at):
            return None
        nearest = min(at, key=lambda k: abs((values[k] + values[k + 1]) / 2 - now))
        low, high = float(values[nearest]), float(values[nearest + 1])
    return rounded((low + high) / 2)


def _reach(name: str, figure: Figure) -> tuple[float, float]:
    """Values that are still looked at: far beyond what is given, and never without a meaning."""
    unit = RULES[name].unit
    if unit.startswith("share/"):
        return -0.95 if unit == "share/year" else -0.5, max(figure.high, 1.0)
    if unit == "share":
        # A machine of which nothing is used serves nothing, and one always taken away neither.
        return (0.01 if name == "utilisation" else 0.0), (0.99 if "loss" in name else 1.0)
    return figure.low / 20, max(figure.high * 20, 1.0)


def _saved(flow: lines.Flow, option: str, than: str) -> "Array":
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


def _number(value: float, unit: str) -> str:
    sign, unit, times = "", f" {unit}", 1
    if unit.startswith(" share"):
        unit, times = f" %{unit.removeprefix(' share')}", 100
    elif unit.startswith(" USD"):
        sign, unit = "$", unit.removeprefix(" USD")
    shown = value * times
    return f"{sign}{shown:,.0f}{unit}" if abs(shown) >= 1000 else f"{sign}{shown:.3g}{unit}"
