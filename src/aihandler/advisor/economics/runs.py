"""Many runs of a task over the distributions of its inputs, and what they show together.

Options are held against each other run by run: growth, prices and demand are the same draw for
both, so that the difference is far better known than either of the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.economics import lines
from aihandler.advisor.economics.figures import Figure, dollars, rounded
from aihandler.advisor.economics.inputs import RULES, Case
from aihandler.advisor.economics.scenarios import BASE, Scenario

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array, Drawn

RUNS = 10_000
MONTHS = 36
# Enough to tell a cost to a few percent, where many are told.
FEW_RUNS = 1_000
# In so many of the runs one option has to cost less than another before money decides.
SURE = 0.9


# Low end, middle and high end of what is told of many runs.
NINE_TENTHS = (0.05, 0.5, 0.95)


class Band(msgspec.Struct, frozen=True):
    """`likely` is with every input at its likely value; nine tenths of the runs lie from low to
    high.

    Inputs that can only be worse than likely put `likely` to one side of the runs, even outside.
    """

    likely: float
    median: float
    low: float
    high: float


class Difference(msgspec.Struct, frozen=True):
    """Two options run by run: `usd` is what `option` saves against `than` in `months`.

    `cheaper_share` is in how many runs `option` costs less.
    """

    option: str
    than: str
    cheaper_share: float
    usd: Band
    months: int

    def turned(self) -> "Difference":
        """The same, told of the other option."""
        usd = Band(-self.usd.likely, -self.usd.median, -self.usd.high, -self.usd.low)
        share = rounded(1 - self.cheaper_share, 6)
        return Difference(self.than, self.option, share, usd, self.months)

    def told(self, months: str = "") -> str:
        """In words; `months` where what stands before does not say of which time."""
        usd, by = self.usd, dollars(abs(self.usd.median))
        more = f"saves {by}" if usd.median >= 0 else f"costs {by} more"
        return (
            f"{named(self.option)} is cheaper than {named(self.than)} in "
            f"{percent(self.cheaper_share)} of runs: it {more}{months} (9 of 10 runs: {_span(usd)})"
        )

    def __str__(self) -> str:
        return self.told(f" in {self.months} months")


@dataclass(frozen=True)
class Order:
    """How often, for how long, and from which seed; `task` keeps its own inputs apart."""

    seed: int
    months: int = MONTHS
    runs: int = RUNS
    task: str = ""
    scenario: Scenario = BASE


@dataclass(frozen=True)
class Runs:
    """One task: all inputs of all runs, and the same with each input at its likely value."""

    case: Case
    order: Order
    drawn: lines.Flow
    likely: lines.Flow

    def first(self, runs: int) -> "Runs":
        """The first few of the same runs, where a cost to a few percent is enough."""
        few = min(runs, self.order.runs)
        x = {name: values[:few] for name, values in self.drawn.x.items()}
        flow = lines.flow(x, self.drawn.months, self.drawn.prices)
        return Runs(self.case, replace(self.order, runs=few), flow, self.likely)


def run(case: Case, order: Order) -> Runs:
    """Draws. The same seed and numpy give the same runs."""
    months = calendar(order.months)
    prices = np.asarray(order.scenario.factors(order.months))[np.newaxis, :]
    likely = {name: np.full((1, 1), float(figure.value)) for name, figure in case.figures.items()}
    drawn = draw(case.figures, seed=order.seed, runs=order.runs, task=order.task)
    return Runs(case, order, lines.flow(drawn, months, prices), lines.flow(likely, months, prices))


def draw(figures: Mapping[str, Figure], *, seed: int, runs: int, task: str = "") -> "Drawn":
    """Values of all inputs, (runs, 1) each. An input more or less does not move the others.

    What tasks share (staff, growth, prices of machines) is the same draw for each `task`.
    """
    drawn: dict[str, Array] = {}
    for name, figure in figures.items():
        if figure.low == figure.high:
            drawn[name] = np.full((1, 1), float(figure.value))
            continue
        own = [] if RULES[name].shared or not task else [0, *task.encode()]
        random = np.random.default_rng([seed, *name.encode(), *own])
        values = random.triangular(figure.low, figure.value, figure.high, size=(runs, 1))
        drawn[name] = values
    return drawn


def calendar(months: int) -> "Array":
    """The months as lines want them: 1, 2, 3 and so on in one row."""
    return np.arange(1.0, months + 1)[np.newaxis, :]


def band(likely: float, values: "Array") -> Band:
    """Of one sum by run."""
    low, median, high = (rounded(float(q)) for q in quantiles(values, NINE_TENTHS))
    return Band(rounded(likely), median, low, high)


def bands(likely: "Array", values: "Array") -> tuple[Band, ...]:
    """Of each month: `likely` by month, `values` by run and month."""
    found = quantiles(np.ascontiguousarray(values.T), NINE_TENTHS)
    return tuple(
        Band(rounded(float(at)), rounded(float(mid)), rounded(float(low)), rounded(float(high)))
        for at, low, mid, high in zip(likely, *found, strict=True)
    )


def quantiles(values: "Array", shares: Sequence[float]) -> "Array":
    """Of the last axis, as `numpy.quantile` has them, which takes three times as long."""
    ordered = np.sort(values, axis=-1)
    last = values.shape[-1] - 1
    at = np.asarray(shares) * last
    below = np.floor(at).astype(int)
    low, high = ordered[..., below], ordered[..., np.minimum(below + 1, last)]
    found: Array = np.moveaxis(low + (high - low) * (at - below), -1, 0)
    return found


def difference(
    pair: tuple[str, str], sums: "tuple[Array, Array]", likely: float, *, months: int
) -> Difference:
    """The first of a pair against the second, out of their sums by run; `likely` is their gap."""
    one, other = np.broadcast_arrays(*sums)
    saved = other - one
    return Difference(*pair, rounded(cheaper_share(saved), 6), band(likely, saved), months)


def cheaper_share(saved: "Array") -> float:
    """In how many runs something is saved. Equal costs are nobody's lead."""
    return float((saved > 0).mean() + (saved == 0).mean() / 2)


def every_difference(
    sums: "Mapping[str, Array]", likely: Mapping[str, float], *, months: int
) -> tuple[Difference, ...]:
    """Each pair once, told of the one that is cheaper in more runs."""
    found = []
    names = list(sums)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            gap = likely[other] - likely[one]
            told = difference((one, other), (sums[one], sums[other]), gap, months=months)
            found.append(told if told.cheaper_share >= 0.5 else told.turned())
    return tuple(found)


def against(differences: Sequence[Difference], option: str, than: str) -> Difference | None:
    """`option` against `than`; None when one of them was not computed."""
    for found in differences:
        if (found.option, found.than) == (option, than):
            return found
        if (found.option, found.than) == (than, option):
            return found.turned()
    return None


def _span(saved: Band) -> str:
    """What is saved, or is more, at both ends."""
    if saved.low >= 0:
        return f"{dollars(saved.low)} to {dollars(saved.high)}"
    if saved.high <= 0:
        return f"{dollars(-saved.high)} to {dollars(-saved.low)}"
    return f"{dollars(-saved.low)} more to {dollars(saved.high)} less"


def named(option: str) -> str:
    """An option in words."""
    words = {
        "managed": "managed-open",
        "self_host": "self-hosting",
        "hybrid": "a mix with own machines",
        "hybrid_managed": "a mix with managed-open",
        "per_seat": "closed by seats",
    }
    return words.get(option, option)


def percent(share: float) -> str:
    """Whole percent; what is not quite none or all does not look so."""
    if 0.995 < share < 1:
        return "> 99 %"
    return "< 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
