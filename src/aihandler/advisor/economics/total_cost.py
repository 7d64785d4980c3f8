"""Total cost of each option with its interval: many runs over the distributions of the inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.economics import lines
from aihandler.advisor.economics.figures import Figure, rounded
from aihandler.advisor.economics.inputs import OF_RENT, Assumption, Case
from aihandler.advisor.economics.mixes import Mix, mixes
from aihandler.advisor.economics.runs import (
    MONTHS,
    RUNS,
    Band,
    Difference,
    Order,
    Runs,
    band,
    bands,
    draw,
    every_difference,
    run,
)
from aihandler.advisor.economics.scenarios import BASE, SCENARIOS, Scenario
from aihandler.advisor.economics.tornado import Swing, middle, tornado

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

__all__ = [
    "DISTRIBUTION",
    "RUNS",
    "Band",
    "Difference",
    "Mix",
    "Priced",
    "Return",
    "Swing",
    "Total",
    "TotalCost",
    "draw",
    "of_runs",
    "return_of",
    "total_cost",
]

DISTRIBUTION = "each input from a triangle with its low, likely and high value; all independent"


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

    `month` is the middle one of the runs, None when half of them never do; `never_share` in how
    many runs it does not.
    `curve_usd` is what is saved until the end of each month: the cash curve.
    """

    option: str
    month: int | None
    month_low: int | None
    month_high: int | None
    never_share: float
    curve_usd: tuple[Band, ...]


class Priced(msgspec.Struct, frozen=True):
    """All options if vendors' prices go another way; hosts and machines cost what they cost.

    A risk beyond an indemnity is held at today's prices.
    """

    scenario: str
    source: str
    totals: dict[str, Band]
    differences: tuple[Difference, ...]


class TotalCost(msgspec.Struct, frozen=True):
    """The result; money in US dollars to three digits.

    `figures` are all inputs of the options that were computed, with source and day; `assumed` are
    those of them that nobody gave. `mixes` are the costs of
    routed shares.
    """

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
    differences: tuple[Difference, ...] = ()
    scenarios: tuple[Priced, ...] = ()
    mixes: tuple[Mix, ...] = ()
    figures: dict[str, Figure] = {}


def total_cost(
    case: Case, *, seed: int, months: int = MONTHS, runs: int = RUNS, scenario: Scenario = BASE
) -> TotalCost:
    """Ten thousand runs take about half a second. The same seed and numpy give the same result."""
    return of_runs(run(case, Order(seed, months, runs, scenario=scenario)))


def of_runs(found: Runs) -> TotalCost:
    """What runs that are drawn already come to."""
    order, case = found.order, found.case
    centre = middle(found)
    sums = {option: _sums(found, option) for option in case.options}
    cheapest = _cheapest({option: each.whole for option, each in sums.items()}, order.runs)
    others = [option for option in case.options if option != "closed"]
    stay = sums["closed"]
    # What only an option reads that was not computed is no part of the result.
    used = {*OF_RENT, *(n for o in case.options for n in lines.read_by(o, found.likely))}
    told = case.figures.keys() - {one.name for one in case.assumed if one.name not in used}
    return TotalCost(
        order.months,
        order.runs,
        order.seed,
        order.scenario.name,
        DISTRIBUTION,
        tuple(_total(option, each, cheapest[option]) for option, each in sums.items()),
        tuple(
            return_of(option, stay.likely - sums[option].likely, stay.usd - sums[option].usd)
            for option in others
        ),
        {option: tornado(centre, case, option, "closed") for option in others},
        tuple(one for one in case.assumed if one.name in used),
        case.missing,
        differences=_differences(sums, order.months),
        scenarios=tuple(_priced(sums, order, one) for one in SCENARIOS.values() if one != BASE),
        mixes=mixes(found, stay.whole),
        figures={name: figure for name, figure in case.figures.items() if name in told},
    )


def return_of(option: str, likely: "Array", saved_usd: "Array") -> Return:
    """Out of what is saved by month: `likely`, and by run and month."""
    saved = np.cumsum(saved_usd, axis=1)
    point = np.cumsum(likely)
    back = np.sort(_months_until_paid(saved))
    low, high = back[len(back) // 20], back[-(len(back) // 20) - 1]
    month = back[len(back) // 2]
    never = rounded(float(np.isinf(back).mean()), 6)
    return Return(option, _month(month), _month(low), _month(high), never, bands(point, saved))


@dataclass(frozen=True)
class _Sums:
    """One option: by run and month, by run, and with likely inputs; `vendor` moves with prices."""

    usd: "Array"
    whole: "Array"
    vendor: "Array"
    likely: "Array"
    likely_vendor: "Array"
    lines_usd: dict[str, float]


def _sums(found: Runs, option: str) -> _Sums:
    shape = found.order.runs, found.order.months
    parts, points = lines.OPTIONS[option](found.drawn), lines.OPTIONS[option](found.likely)
    usd = np.broadcast_to(lines.total(parts), shape)
    likely = np.broadcast_to(lines.total(points), (1, shape[1]))[0]
    return _Sums(
        usd,
        usd.sum(axis=1),
        np.broadcast_to(_vendor(parts), shape),
        likely,
        np.broadcast_to(_vendor(points), (1, shape[1]))[0],
        _first_year(points, shape[1]),
    )


def _vendor(parts: lines.Lines) -> "Array":
    of_vendor = {name: parts[name] for name in lines.VENDOR if name in parts}
    return lines.total(of_vendor) if of_vendor else np.zeros((1, 1))


def _total(option: str, sums: _Sums, cheapest: float) -> Total:
    first = band(float(sums.likely[:12].sum()), sums.usd[:, :12].sum(axis=1))
    whole = band(float(sums.likely.sum()), sums.whole)
    return Total(option, whole, first, sums.lines_usd, cheapest)


def _cheapest(sums: "Mapping[str, Array]", runs: int) -> dict[str, float]:
    counted = np.bincount(np.stack(list(sums.values())).argmin(axis=0), minlength=len(sums))
    return {option: rounded(float(n) / runs, 6) for option, n in zip(sums, counted, strict=True)}


def _differences(sums: Mapping[str, _Sums], months: int) -> tuple[Difference, ...]:
    whole = {option: each.whole for option, each in sums.items()}
    likely = {option: float(each.likely.sum()) for option, each in sums.items()}
    return every_difference(whole, likely, months=months)


def _priced(sums: Mapping[str, _Sums], order: Order, scenario: Scenario) -> Priced:
    now = np.asarray(order.scenario.factors(order.months))
    more = np.asarray(scenario.factors(order.months)) / now - 1
    whole = {option: each.whole + each.vendor @ more for option, each in sums.items()}
    likely = {
        option: float(each.likely.sum() + each.likely_vendor @ more)
        for option, each in sums.items()
    }
    return Priced(
        scenario.name,
        scenario.source,
        {option: band(likely[option], values) for option, values in whole.items()},
        every_difference(whole, likely, months=order.months),
    )


def _first_year(point: lines.Lines, months: int) -> dict[str, float]:
    first = {
        name: float(np.broadcast_to(usd, (1, months))[:, :12].sum()) for name, usd in point.items()
    }
    return {name: rounded(usd) for name, usd in first.items() if usd}


def _months_until_paid(saved: "Array") -> "Array":
    # The first month from which on nothing is lost any more: a brief plus does not count.
    below = saved < 0
    last_below = saved.shape[1] - np.argmax(below[:, ::-1], axis=1)
    month = np.where(below.any(axis=1), last_below + 1, 1).astype(float)
    month[below[:, -1]] = np.inf
    return month


def _month(value: float) -> int | None:
    return None if np.isinf(value) else int(value)
