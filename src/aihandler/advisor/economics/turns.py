"""Where one input alone makes another verdict: money decides once 9 of 10 runs agree."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from aihandler.advisor.economics import lines
from aihandler.advisor.economics.figures import Figure, dollars, rounded
from aihandler.advisor.economics.inputs import RULES
from aihandler.advisor.economics.runs import (
    SURE,
    Runs,
    cheaper_share,
    named,
    percent,
    quantiles,
)
from aihandler.advisor.economics.tornado import middle, saved_usd, tornado

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

__all__ = ["Turn", "turn_of", "turns"]

# Looks on either side, as parts of the way to what is still looked at; and in how many runs.
_LOOKS = (1 / 64, 1 / 16, 1 / 4, 1.0)
_ROUGH, _FINE = 200, 2_000
# A value is found when another step moves it by less than this part: three digits count.
_CLOSE = 5e-4
_STEPS = 20
# What is off a straight line by less than this part of the most is on it.
_OFF = 1e-9
# Inputs that are looked at until one turns it; what moves less turns nothing either.
_WIDEST = 4

# Of a pair in so many runs: the first surely costs less, the second does, or neither.
_State = Literal["first", "second", "open"]
_Saved = Callable[[lines.Flow, float], "Array"]
_Look = Callable[[float], "Array"]


class Turn(msgspec.Struct, frozen=True):
    """Where one input alone makes another verdict; `at` None: nowhere.

    Beyond `at`, which is above or below it, `option` starts (or stops) to cost less than `than`
    in `SURE` of the runs. `now` is the middle of the input's runs, and what is given where it does
    not vary; `within` says whether `at` is a value that it may have as it stands.
    """

    name: str
    meaning: str
    unit: str
    now: float
    at: float | None
    above: bool
    within: bool
    varies: bool
    option: str
    than: str
    starts: bool
    source: str

    @property
    def moves(self) -> str:
        """`rises above`; where it is there already, it only has to be known for sure."""
        there = self.at is not None and (self.now > self.at) == self.above and self.now != self.at
        if there:
            return f"is sure to stay {'above' if self.above else 'below'}"
        return "rises above" if self.above else "falls below"

    @property
    def value(self) -> str:
        """`at` with its unit."""
        return "" if self.at is None else _number(self.at, self.unit)

    def __str__(self) -> str:
        if self.at is None:
            return f"{self.meaning} ({self.name}) alone turns nothing, whatever its value"
        becomes = "is" if self.starts else "is no longer"
        reach = "" if self.within or not self.varies else "; outside its range"
        now = "in the middle of the runs" if self.varies else "now"
        return (
            f"{named(self.option)} {becomes} cheaper than {named(self.than)} in {percent(SURE)} of "
            f"runs when {self.meaning} ({self.name}) {self.moves} {self.value} "
            f"({now} {_number(self.now, self.unit)}{reach})"
        )


def turns(
    runs: Runs, option: str, than: str, *, share: float | None = None, first: int = 2
) -> tuple[Turn, ...]:
    """Where the widest `first` inputs of the pair's tornado make another verdict.

    `share` is in how many of all runs `option` costs less: what the verdict stands on. Where none
    of the inputs turns it, the next one that does comes after them. The vendor's price that weighs
    most is looked at in any case: it is often given exactly, and has no swing.

    Method: in the first 2,000 runs one input is held at a value while all others stay as drawn,
    and it is counted in how many of them the option costs less. Where what is saved is linear in
    the input, run by run, two values give all others, exactly. Else values on either side of
    today's are looked at, in steps that grow and in 200 runs, and in the nearest gap between the
    verdict as it is and another one the tenth of what is saved is brought to 0. What turns twice
    between two looks is not seen.
    """
    search = _Search(runs, (option, than), share)
    found: list[Turn] = []
    figures = runs.case.figures
    swings = tornado(search.middle, runs.case, option, than)
    for swing in swings[:_WIDEST]:
        turn = search.turn(swing.name, figures[swing.name])
        if len(found) < first:
            found.append(turn)
        elif any(one.at is not None for one in found):
            break
        elif turn.at is not None:
            found.append(turn)
    price = _weightiest(search.middle)
    if price not in [turn.name for turn in found]:
        turn = search.turn(price, figures[price])
        found.append(turn if turn.at is not None else search.price_list())
    return tuple(found)


def turn_of(runs: Runs, name: str, option: str, than: str, *, share: float | None = None) -> Turn:
    """Where one input, by name, turns the pair."""
    return _Search(runs, (option, than), share).turn(name, runs.case.figures[name])


class _Search:
    """One pair in the first of its runs: roughly where it turns, then exactly."""

    def __init__(self, runs: Runs, pair: tuple[str, str], share: float | None) -> None:
        self.rough, self.few = runs.first(_ROUGH).drawn, runs.first(_FINE).drawn
        self.middle = middle(runs)
        self.pair = pair
        self.today = _by(cheaper_share(saved_usd(self.few, *pair)) if share is None else share)
        self._demand = lines.read_by_demand(runs.likely)

    def turn(self, name: str, figure: Figure) -> Turn:
        """Of an input of the cost."""

        def saved(flow: lines.Flow, value: float) -> "Array":
            x = {**flow.x, name: np.full((1, 1), value)}
            # What does not move the demand leaves it as it is drawn, which takes a third less.
            moved = name in self._demand
            held = lines.flow(x, flow.months, flow.prices) if moved else replace(flow, x=x)
            return saved_usd(held, *self.pair)

        rule, now = RULES[name], float(self.middle.x[name][0, 0])
        looks = _either_side(now, _reach(name, figure), given=(figure.low, figure.high))
        at, above, beyond = self._nearest(saved, now, looks)
        within = at is not None and figure.low <= at <= figure.high
        varies = figure.low < figure.high
        words = (name, rule.meaning, rule.unit, rounded(now), at, above, within, varies)
        return Turn(*words, *self._then(beyond), figure.source)

    def price_list(self) -> Turn:
        """All prices of the vendor together, as a share of today's."""

        def saved(flow: lines.Flow, value: float) -> "Array":
            held = lines.flow(flow.x, flow.months, flow.prices * value)
            return saved_usd(held, *self.pair)

        at, above, beyond = self._nearest(saved, 1.0, _either_side(1.0, (0.0, 100.0)))
        meaning, unit = "the vendor's whole price list", "share of today's"
        words = ("vendor_prices", meaning, unit, 1.0, at, above, False, False)
        return Turn(*words, *self._then(beyond), "all inputs of a vendor's prices")

    def _nearest(
        self, saved: "_Saved", now: float, looks: Sequence[float]
    ) -> tuple[float | None, bool, "_State"]:
        """Where today's verdict ends, on which side another one begins, and which."""
        rough: _Look = partial(saved, self.rough)
        fine: _Look = partial(saved, self.few)
        if _straight(rough, looks[0], looks[-1]):
            rough = fine = _on_a_line(fine, looks[0], looks[-1])
        for look in (rough, fine):
            gap = self._gap(look, now, looks)
            if gap is None:
                return None, True, self.today
            kept, other = gap
            beyond = _state(look(other))
            at = _crossing(fine, gap, self._edge(beyond))
            if at is not None:
                return rounded(at), other > kept, beyond
        return None, True, self.today

    def _gap(self, look: "_Look", now: float, looks: Sequence[float]) -> tuple[float, float] | None:
        """The two values nearest to `now` between which today's verdict ends, going outwards from
        the first."""

        def away(gap: tuple[float, float]) -> float:
            return 0.0 if gap[0] <= now <= gap[1] else min(abs(end - now) for end in gap)

        state = cache(lambda value: _state(look(value)))
        for low, high in sorted(pairwise(looks), key=away):
            both = {state(low), state(high)}
            if len(both) > 1 and self.today in both:
                return (low, high) if state(low) == self.today else (high, low)
            if len(both) > 1 and self.today == "open":
                # Who leads changes within one look: somewhere between, nobody surely does.
                return (high, low) if abs(low - now) < abs(high - now) else (low, high)
        return None

    def _edge(self, beyond: "_State") -> float:
        """The part of the runs that loses where one verdict becomes the other."""
        leads = beyond if self.today == "open" else self.today
        return 1 - SURE if leads == "first" else SURE

    def _then(self, beyond: "_State") -> tuple[str, str, bool]:
        """Who starts, or stops, to cost less than whom."""
        first, second = self.pair
        if self.today == "open":
            return (second, first, True) if beyond == "second" else (first, second, True)
        return (first, second, False) if self.today == "first" else (second, first, False)


def _straight(look: "_Look", low: float, high: float) -> bool:
    """Whether what is saved lies on a line in each run; a staircase does not."""
    if low == high:
        return True
    ends, part = (look(low), look(high)), 0.381966
    off = look(low + part * (high - low)) - (ends[0] + part * (ends[1] - ends[0]))
    return float(np.abs(off).max()) <= _OFF * float(np.abs(ends).max() + 1)


def _on_a_line(look: "_Look", low: float, high: float) -> "_Look":
    start, slope = look(low), (look(high) - look(low)) / ((high - low) or 1.0)
    return lambda value: start + (value - low) * slope


def _crossing(look: "_Look", gap: tuple[float, float], edge: float) -> float | None:
    """Where that part of the runs loses: by false position that halves a side which stays
    (Illinois); None where it does on neither or on both sides of the gap."""
    near, far = gap
    at_near, at_far = (float(quantiles(look(end), (edge,))[0]) for end in gap)
    if (at_near > 0) == (at_far > 0):
        return None
    for _ in range(_STEPS):
        value = (near * at_far - far * at_near) / (at_far - at_near)
        found = float(quantiles(look(value), (edge,))[0])
        if (found > 0) != (at_far > 0):
            near, at_near = far, at_far
        else:
            at_near /= 2
        moved, far, at_far = abs(far - value), value, found
        if found == 0 or moved <= _CLOSE * abs(value):
            break
    return far


def _either_side(
    now: float, reach: tuple[float, float], *, given: Sequence[float] = ()
) -> list[float]:
    """Values in order: dense around `now`, and the ends of what is given."""
    low, high = min(reach[0], now), max(reach[1], now)
    beside = [now + part * (end - now) for end in (low, high) for part in _LOOKS]
    return sorted({now, *beside, *(value for value in given if low < value < high)})


def _state(saved: "Array") -> "_State":
    low, high = quantiles(saved, (1 - SURE, SURE))
    return "first" if low > 0 else "second" if high < 0 else "open"


def _by(share: float) -> "_State":
    return "first" if share >= SURE else "second" if share <= 1 - SURE else "open"


def _weightiest(flow: lines.Flow) -> str:
    def bill(name: str) -> float:
        side = name.removesuffix("_usd_per_million")
        return float(flow.x[name][0, 0] * flow.x[f"{side}_tokens"][0, 0])

    return max(("input_usd_per_million", "output_usd_per_million"), key=bill)


def _reach(name: str, figure: Figure) -> tuple[float, float]:
    """Values that are still looked at: far beyond what is given, and never without a meaning."""
    unit = RULES[name].unit
    if unit.startswith("share/"):
        return -0.95 if unit == "share/year" else -0.5, max(figure.high, 1.0)
    if unit == "share":
        # A machine of which nothing is used serves nothing, and one always taken away neither.
        return (0.01 if name == "utilisation" else 0.0), (0.99 if "loss" in name else 1.0)
    return figure.low / 20, max(figure.high * 20, 1.0)


def _number(value: float, unit: str) -> str:
    if unit.startswith("share"):
        return f"{100 * value:.3g} %{unit.removeprefix('share')}"
    if unit.startswith("USD"):
        return f"{dollars(value)}{unit.removeprefix('USD')}"
    return f"{value:,.0f} {unit}" if abs(value) >= 1000 else f"{value:.3g} {unit}"
