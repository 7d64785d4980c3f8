"""The whole company: all tasks in the same runs, with machines and people that they share.

What is one thing for all tasks (an engineer's salary, growth, prices of machines and vendors) has
the same draw in every task. Tasks that run the same model on the same GPUs, paid for in the same
way, share them: loads are added before whole replicas are counted, and spare replicas, building,
staff, nights, upgrades and recruiting are there once, as large as the largest of the tasks asks.
Others have machines and people of their own. The busiest hours of tasks are taken to be the same.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.company import Profile
from aihandler.advisor.costing import Costed
from aihandler.advisor.courses import SharedMachines, Sums, sums
from aihandler.advisor.economics.figures import dollars, rounded
from aihandler.advisor.economics.runs import Band, Difference, Runs, band, difference, percent
from aihandler.advisor.economics.scenarios import BASE, SCENARIOS, Scenario
from aihandler.advisor.economics.total_cost import Return, return_of
from aihandler.advisor.outcomes import TaskVerdict
from aihandler.advisor.units import YEAR, UnitCost, unit_cost

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

_OPTION = {"managed_open": "managed", "self_host": "self_host"}
_MOVES = {
    "closed": "keep {} closed",
    "per_seat": "keep {} closed, by seats",
    "managed": "move {} to managed-open",
    "self_host": "move {} to own machines",
    "hybrid_managed": "route {} to managed-open in part",
    "hybrid": "route {} to own machines in part",
}


class PricedCourse(msgspec.Struct, frozen=True):
    """The course if vendors' prices go another way."""

    scenario: str
    source: str
    today: Band
    usd: Band
    saved: Difference


class Course(msgspec.Struct, frozen=True):
    """One way for all tasks: `options` by task, its cost, and what it saves against today.

    `sharing_usd` is what tasks save, likely, because they share machines and people.
    """

    says: str
    options: dict[str, str]
    usd: Band
    first_year_usd: Band
    saved: Difference
    back: Return
    shared: tuple[SharedMachines, ...]
    sharing_usd: float
    scenarios: tuple[PricedCourse, ...]


class Whole(msgspec.Struct, frozen=True):
    """All tasks together. `today` is all of them at their vendors.

    `decided` follows the verdicts, and what is not decided stays where it is; `possible` also takes
    what a comparison may still allow; None: nothing is pending. `left_out` have no cost.
    """

    months: int
    runs: int
    today: Band
    decided: Course
    possible: Course | None
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()
    units: tuple[UnitCost, ...] = ()


def whole(
    profile: Profile,
    found: Mapping[str, Costed],
    verdicts: Mapping[str, TaskVerdict],
    *,
    units: Mapping[str, float] | None = None,
) -> Whole | None:
    """None where no task has a cost. `units` a month are of the whole company, from a ledger."""
    runs = {task: one.runs for task, one in found.items() if one.runs is not None}
    if not runs:
        return None
    decided, notes = _options(runs, verdicts, pending=False)
    possible, _ = _options(runs, verdicts, pending=True)
    today = sums(profile, runs, dict.fromkeys(runs, "closed"))
    ways = {"decided": sums(profile, runs, decided)}
    if possible != decided:
        ways["possible"] = sums(profile, runs, possible)
    courses = {name: _course(one, today, verdicts) for name, one in ways.items()}
    months = today.usd.shape[1]
    return Whole(
        months,
        len(today.usd),
        _band(today),
        courses["decided"],
        courses.get("possible"),
        tuple(task for task in found if task not in runs),
        notes,
        (
            *_units(_unless(profile.units, units), {"today": today, **ways}, "the profile"),
            *_units(units or {}, {"today": today, **ways}, "the ledger"),
        ),
    )


def _options(
    runs: Mapping[str, Runs], verdicts: Mapping[str, TaskVerdict], *, pending: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    options, notes = {}, []
    for task, one in runs.items():
        verdict = verdicts[task]
        outcome = verdict.pending if pending and verdict.pending else verdict.outcome
        option = "closed"
        if outcome == "stay_closed" and verdict.by_seats:
            option = "per_seat"
        elif outcome == "hybrid_route" or (outcome in _OPTION and verdict.option):
            option = verdict.option
        elif outcome in _OPTION:
            option = _OPTION[outcome]
        if option not in one.case.options:
            notes.append(f"{task}: {outcome} has no cost, so it is counted as today")
            option = "closed"
        options[task] = option
    return options, tuple(notes)


def _course(way: Sums, today: Sums, verdicts: Mapping[str, TaskVerdict]) -> Course:
    base = _priced(way, today, BASE)
    return Course(
        f"{_words(way.options, verdicts)}; {_told(base, same=way.options == today.options)}",
        way.options,
        base.usd,
        band(float(way.likely[:12].sum()), way.usd[:, :12].sum(axis=1)),
        base.saved,
        return_of("course", today.likely - way.likely, today.usd - way.usd),
        way.shared,
        rounded(round(way.alone_usd - float(way.likely.sum()))),
        tuple(_priced(way, today, one) for one in SCENARIOS.values() if one != BASE),
    )


def _priced(way: Sums, today: Sums, scenario: Scenario) -> PricedCourse:
    (then, then_likely), (stay, stay_likely) = (_at_prices(one, scenario) for one in (way, today))
    gap, months = stay_likely - then_likely, today.usd.shape[1]
    return PricedCourse(
        scenario.name,
        scenario.source,
        band(stay_likely, stay),
        band(then_likely, then),
        difference(("course", "today"), (then, stay), gap, months=months),
    )


def _at_prices(way: Sums, scenario: Scenario) -> "tuple[Array, float]":
    """The sums by run and the likely one; the runs were drawn at the prices of today."""
    more = np.asarray(scenario.factors(way.usd.shape[1])) - 1
    likely = float(way.likely.sum() + way.likely_vendor @ more)
    return way.usd.sum(axis=1) + way.vendor @ more, likely


def _band(way: Sums) -> Band:
    return band(float(way.likely.sum()), way.usd.sum(axis=1))


def _told(priced: PricedCourse, *, same: bool) -> str:
    usd, saved = priced.usd, priced.saved
    if same:
        span = f"9 of 10 runs: {dollars(usd.low)} to {dollars(usd.high)}"
        return f"{dollars(usd.median)} in {saved.months} months ({span}), as today"
    return (
        f"{dollars(usd.median)} instead of {dollars(priced.today.median)} in {saved.months} months "
        f"(9 of 10 runs: {dollars(usd.low)} to {dollars(usd.high)}), "
        f"less in {percent(saved.cheaper_share)} of runs"
    )


def _words(options: Mapping[str, str], verdicts: Mapping[str, TaskVerdict]) -> str:
    """`move documents and chat to managed-open; keep code closed`."""
    groups: dict[str, list[str]] = {}
    for task, option in options.items():
        verdict = verdicts[task]
        share = verdict.shares.get("stay_closed")
        part = "" if share is None else f" ({100 * (1 - share):.0f} % open)"
        words = _unmoved(verdict) if option == "closed" else _MOVES[option]
        groups.setdefault(words + part, []).append(task)
    return "; ".join(words.format(_listed(tasks)) for words, tasks in groups.items())


def _unmoved(verdict: TaskVerdict) -> str:
    """What is counted at its vendor, as today: it does not follow that it should stay there."""
    match verdict.outcome:
        case "stay_closed":
            return _MOVES["closed"]
        case "not_enough_evidence":
            until = "compared" if verdict.command else "more is known"
            return f"keep {{}} closed until {until}"
        case "no_admissible_option":
            return "no option is allowed for {}, counted as today"
    move = _MOVES.get(_OPTION.get(verdict.outcome, ""), "route {} in part")
    return f"{move}, counted as today: its cost is not known"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _unless(said: Mapping[str, float], counted: Mapping[str, float] | None) -> dict[str, float]:
    """What was counted stands in place of what was said."""
    return {unit: count for unit, count in said.items() if unit not in (counted or {})}


def _units(
    per_month: Mapping[str, float], ways: Mapping[str, Sums], counted_by: str
) -> tuple[UnitCost, ...]:
    first_year = {name: _over_growth(way, ways["today"]) for name, way in ways.items()}
    return tuple(
        unit_cost(unit, count, first_year, source=f"all tasks together; counted by {counted_by}")
        for unit, count in per_month.items()
    )


def _over_growth(way: Sums, today: Sums) -> "tuple[Array, Array]":
    """The first year over how the requests of all tasks grow in it."""
    return (
        way.usd[:, :YEAR].sum(axis=1) / today.grown,
        np.atleast_1d(way.likely[:YEAR].sum() / today.likely_grown),
    )
