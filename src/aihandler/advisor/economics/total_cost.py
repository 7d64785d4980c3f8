"""Total cost of each option with its interval: many runs over the distributions of the inputs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.economics import lines
from aihandler.advisor.economics.figures import Figure, rounded
from aihandler.advisor.economics.inputs import Assumption, Case
from aihandler.advisor.economics.scenarios import BASE, Scenario

if TYPE_CHECKING:
    from aihandler.advisor.economics.lines import Array, Drawn

RUNS = 10_000
DISTRIBUTION = "each input from a triangle with its low, likely and high value; all independent"


class Band(msgspec.Struct, frozen=True):
    """`likely` is with every input at its likely value; nine tenths of the runs lie from low to
    high.

    Inputs that can only be worse than likely put `likely` to one side of the runs, even outside.
    """

    likely: float
    median: float
    low: float
    high: float


class Total(msgspec.Struct, frozen=True):
    """One option over the time looked at. `lines_usd` are its likely costs in the first year.

    `cheapest_share` is in how many runs no other option costs less.
    """

    option: str
    usd: Band
    first_year_usd: Band
    lines_usd: dict[str, float]
    cheapest_share: float


class Return(msgspec.Struct, frozen=True):
    """When an option has paid for itself against staying closed.

    `month` is None when the likely case never does; `never_share` in how many runs it does not.
    `curve_usd` is what is saved until the end of each month: the cash curve.
    """

    option: str
    month: int | None
    month_low: int | None
    month_high: int | None
    never_share: float
    curve_usd: tuple[Band, ...]


class Swing(msgspec.Struct, frozen=True):
    """What is saved over the whole time when one input alone is at its low or high end."""

    name: str
    low_usd: float
    high_usd: float

    @property
    def width_usd(self) -> float:
        """By how much it moves the result."""
        return abs(self.high_usd - self.low_usd)


class TotalCost(msgspec.Struct, frozen=True):
    """The result; money in US dollars to three digits."""

    months: int
    runs: int
    seed: int
    scenario: str
    distribution: str
    totals: tuple[Total, ...]
    returns: tuple[Return, ...]
    tornado: dict[str, tuple[Swing, ...]]
    assumed: tuple[Assumption, ...]
    missing: dict[str, tuple[str, ...]]


def total_cost(
    case: Case, *, seed: int, months: int = 36, runs: int = RUNS, scenario: Scenario = BASE
) -> TotalCost:
    """Ten thousand runs take about a second. The same seed and numpy give the same result."""
    calendar = np.arange(1.0, months + 1)[np.newaxis, :]
    prices = np.asarray(scenario.factors(months))[np.newaxis, :]
    likely = {name: np.full((1, 1), figure.value) for name, figure in case.figures.items()}
    drawn = draw(case.figures, seed=seed, runs=runs)
    costs = {o: lines.total(lines.OPTIONS[o](drawn, calendar, prices)) for o in case.options}
    points = {o: lines.OPTIONS[o](likely, calendar, prices) for o in case.options}
    spent = np.stack([np.broadcast_to(c, (runs, months)).sum(axis=1) for c in costs.values()])
    cheapest = np.bincount(spent.argmin(axis=0), minlength=len(costs)) / runs
    totals = tuple(
        Total(
            option,
            _band(float(lines.total(points[option]).sum()), costs[option].sum(axis=1)),
            _band(
                float(lines.total(points[option])[:, :12].sum()), costs[option][:, :12].sum(axis=1)
            ),
            _first_year(points[option], calendar),
            rounded(float(cheapest[place])),
        )
        for place, option in enumerate(costs)
    )
    others = [option for option in case.options if option != "closed"]
    return TotalCost(
        months,
        runs,
        seed,
        scenario.name,
        DISTRIBUTION,
        totals,
        tuple(_return(o, points, costs) for o in others),
        {o: tornado(case, o, months=months, scenario=scenario) for o in others},
        case.assumed,
        case.missing,
    )


def tornado(
    case: Case, option: str, *, months: int = 36, scenario: Scenario = BASE
) -> tuple[Swing, ...]:
    """One input at a time from its low to its high end; the widest first."""
    calendar = np.arange(1.0, months + 1)[np.newaxis, :]
    prices = np.asarray(scenario.factors(months))[np.newaxis, :]
    likely = {name: np.full((1, 1), figure.value) for name, figure in case.figures.items()}

    def saved(name: str, value: float) -> float:
        at = {**likely, name: np.full((1, 1), value)}
        stay = lines.total(lines.closed(at, calendar, prices)).sum()
        return rounded(float(stay - lines.total(lines.OPTIONS[option](at, calendar, prices)).sum()))

    swings = [
        Swing(name, saved(name, figure.low), saved(name, figure.high))
        for name, figure in case.figures.items()
        if figure.low < figure.high
    ]
    return tuple(sorted((s for s in swings if s.width_usd), key=lambda s: (-s.width_usd, s.name)))


def draw(figures: Mapping[str, Figure], *, seed: int, runs: int) -> "Drawn":
    """Values of all inputs, (runs, 1) each. An input more or less does not move the others."""
    drawn: dict[str, Array] = {}
    for name, figure in figures.items():
        if figure.low == figure.high:
            drawn[name] = np.full((1, 1), figure.value)
            continue
        random = np.random.default_rng([seed, *name.encode()])
        values = random.triangular(figure.low, figure.value, figure.high, size=(runs, 1))
        drawn[name] = values
    return drawn


def _band(likely: float, values: "Array") -> Band:
    low, median, high = (rounded(float(q)) for q in np.quantile(values, (0.05, 0.5, 0.95)))
    return Band(rounded(likely), median, low, high)


def _first_year(point: "Mapping[str, Array]", calendar: "Array") -> dict[str, float]:
    first = {
        name: float(np.broadcast_to(usd, calendar.shape)[:, :12].sum())
        for name, usd in point.items()
    }
    return {name: rounded(usd) for name, usd in first.items() if usd}


def _return(
    option: str, points: "Mapping[str, Mapping[str, Array]]", costs: "Mapping[str, Array]"
) -> Return:
    likely = np.cumsum(
        lines.total(dict(points["closed"])) - lines.total(dict(points[option])), axis=1
    )
    saved = np.cumsum(costs["closed"] - costs[option], axis=1)
    paid = _months_until_paid(saved)
    (month,) = _months_until_paid(likely)
    back = np.sort(paid)
    low, high = back[len(back) // 20], back[-(len(back) // 20) - 1]
    curve = [_band(float(likely[0, at]), saved[:, at]) for at in range(saved.shape[1])]
    return Return(
        option,
        _month(month),
        _month(low),
        _month(high),
        rounded(float(np.isinf(paid).mean())),
        tuple(curve),
    )


def _months_until_paid(saved: "Array") -> "Array":
    # The first month from which on nothing is lost any more: a brief plus does not count.
    below = saved < 0
    last_below = saved.shape[1] - np.argmax(below[:, ::-1], axis=1)
    month = np.where(below.any(axis=1), last_below + 1, 1).astype(float)
    month[below[:, -1]] = np.inf
    return month


def _month(value: float) -> int | None:
    return None if np.isinf(value) else int(value)
