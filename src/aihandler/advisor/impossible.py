"""Values of a profile that cannot be: shares above the whole, more than the world spends.

The linter asks about what is unusual; what is told here is refused, as nothing can be computed
from it.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from aihandler.advisor.economics.figures import dollars
from aihandler.advisor.economics.inputs import RULES, bounds
from aihandler.config.places import Mistakes, Path

if TYPE_CHECKING:
    from aihandler.advisor.company import Profile, TaskFacts

# Google alone told of 1.3e15 a month in the third quarter of 2025.
_TOKENS = 1e18
_PEOPLE = 1e10
# The world spends some $5,500B a year on all of information technology (2025).
_USD_PER_YEAR = 1e13
_WORLD = "more than the world spends on computing"
_MONTHS = 36


class _Most(NamedTuple):
    """The bound of one number, with its unit and why nobody has more."""

    value: float
    unit: str
    why: str


_COMPANY = {
    "people": _Most(_PEOPLE, "people", "more than there are"),
    "ml_engineers": _Most(_PEOPLE, "people", "more than there are"),
    "security_engineers": _Most(_PEOPLE, "people", "more than there are"),
    **{
        name: _Most(_USD_PER_YEAR, "USD a year", _WORLD)
        for name in (
            "revenue_usd_per_year",
            "cogs_usd_per_year",
            "api_usd_per_year",
            "gpu_budget_usd",
        )
    },
}
_TASK = {
    "input_tokens_per_month": _Most(_TOKENS, "tokens a month", "more than the world computes"),
    "output_tokens_per_month": _Most(_TOKENS, "tokens a month", "more than the world computes"),
    "api_usd_per_month": _Most(_USD_PER_YEAR / 12, "USD a month", _WORLD),
}
_INPUTS = {
    "requests/month": _Most(_TOKENS, "requests a month", "more than the world asks"),
    "tokens/request": _Most(1e9, "tokens a request", "more than any model reads"),
    "USD/1M tokens": _Most(1e6, "USD a million tokens", "a dollar for each token"),
    "USD/GPU-hour": _Most(1e5, "USD a GPU-hour", "more than a GPU costs to buy"),
    "USD/GPU": _Most(1e7, "USD a GPU", "more than a house full of them"),
    "GPUs": _Most(1e8, "GPUs", "more than there are"),
    "people": _Most(_PEOPLE, "people", "more than there are"),
    "USD/month": _Most(_USD_PER_YEAR / 12, "USD a month", _WORLD),
    "USD/year": _Most(_USD_PER_YEAR, "USD a year", _WORLD),
    "USD": _Most(_USD_PER_YEAR, "USD", _WORLD),
    "USD/claim": _Most(_USD_PER_YEAR, "USD a claim", _WORLD),
    "USD/kWh": _Most(1e4, "USD a kWh", "no energy costs so much"),
}


def find_impossible(profile: "Profile", mistakes: Mistakes) -> None:
    """Adds each at its place, with its value and the bound."""
    for name, most in _COMPANY.items():
        _hold(getattr(profile.company, name), most, ("company", name), mistakes)
    for task, facts in profile.tasks.items():
        at = ("tasks", task)
        before = len(mistakes)
        for name, most in _TASK.items():
            _hold(getattr(facts, name), most, (*at, name), mistakes)
        _costs(facts, at, mistakes)
        # What is made of values that cannot be need not be told as well.
        if len(mistakes) == before:
            _sums(profile, facts, at, mistakes)


def _hold(value: Decimal | float | None, most: _Most, at: Path, mistakes: Mistakes) -> None:
    if value is not None and value > most.value:
        mistakes.add(
            at,
            f"{str(at[-1])!r} is {_number(value)}: at most {_number(most.value)} {most.unit}",
            hint=f"beyond that it is {most.why}",
        )


def _costs(facts: "TaskFacts", at: Path, mistakes: Mistakes) -> None:
    for name, values in facts.costs.items():
        if name not in RULES or not values:
            continue
        place: Path = (*at, "costs", name)
        most = _INPUTS.get(RULES[name].unit)
        if most is not None:
            _hold(max(values), most, place, mistakes)
        least, highest = bounds(name)
        if min(values) < least or max(values) > highest:
            _outside(name, values, place, mistakes)
    requests = facts.costs.get("requests_per_month")
    if requests and requests[0] <= 0:
        told = "'requests_per_month' is 0: a cost needs requests"
        mistakes.add((*at, "costs", "requests_per_month"), told, hint="leave it out to be asked")
    parts = [max(facts.costs.get(name) or (0.0,)) for name in ("cached_share", "cache_write_share")]
    if max(parts) <= 1 < sum(parts):
        told = f"'cached_share' and 'cache_write_share' are {sum(parts):g} together: at most 1"
        mistakes.add(
            (*at, "costs", "cached_share"),
            told,
            hint="both are parts of the same input, also at their highest",
        )


def _outside(name: str, values: Sequence[float], at: Path, mistakes: Mistakes) -> None:
    least, most = bounds(name)
    wrong = max(values) if max(values) > most else min(values)
    low = f"at least {least:g}" if least in (0.0, -0.99) else "above 0"
    span = low if math.isinf(most) else f"{low} and at most {most:g}"
    percent = 1 < wrong <= 100 and most <= 1
    meant = f"is {wrong / 100:g} meant?" if percent else f"it means: {RULES[name].meaning}"
    mistakes.add(at, f"{name!r} is {wrong:g}: it has to be {span}", hint=meant)


def _sums(profile: "Profile", facts: "TaskFacts", at: Path, mistakes: Mistakes) -> None:
    """What a task costs now, and what growth makes of it in the time that is looked at."""
    key, bill = max(_bills(facts), key=lambda one: one[1], default=("", 0.0))
    most = _USD_PER_YEAR / 12
    if bill > most:
        told = f"{key!r} makes {dollars(bill)} a month: at most {dollars(most)} a month"
        mistakes.add((*at, "costs", key), told, hint=f"beyond that it is {_WORLD}")
        return
    growth, place = facts.growth_per_quarter, (*at, "growth_per_quarter")
    if growth is None:
        growth = profile.company.api_growth_per_quarter
        place = ("company", "api_growth_per_quarter")
    if growth is None or not bill:
        return
    highest = (most / bill) ** (3 / _MONTHS) - 1
    # Once told of the company is enough.
    if growth > highest and not mistakes.told(place):
        mistakes.add(
            place,
            f"{place[-1]!r} is {_number(growth)}: at most {highest:.3g} for {dollars(bill)} a "
            f"month of {at[-1]!r}",
            hint=f"in {_MONTHS} months it would be {_WORLD}; 0.4 is 40 % a quarter",
        )


def _bills(facts: "TaskFacts") -> Iterator[tuple[str, float]]:
    """Dollars a month of each way to pay, by the input that weighs in it."""
    tokens = {
        "input": facts.input_tokens_per_month or 0,
        "output": facts.output_tokens_per_month or 0,
    }
    for side, count in tokens.items():
        for who in ("", "managed_"):
            key = f"{who}{side}_usd_per_million"
            yield key, count / 1e6 * max(facts.costs.get(key) or (0.0,))
    seats = max(facts.costs.get("seats") or (0.0,))
    yield "usd_per_seat_month", seats * max(facts.costs.get("usd_per_seat_month") or (0.0,))


def _number(value: Decimal | float) -> str:
    number = float(value)
    return f"{number:.3g}" if abs(number) >= 1e15 or number != int(number) else f"{number:,.0f}"
