"""Claims about volume and time: break-even, growth, the first year, durations, scores."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta

from aihandler.advisor.amounts import Amount, Count, Span
from aihandler.advisor.claims.machines import Some
from aihandler.advisor.claims.stated import Stated
from aihandler.advisor.economics import arithmetic as sums
from aihandler.advisor.findings import Finding, found, near, percent, shown, usd

# Forecasts are told in round numbers: a million for 968 thousand.
_FORECAST = Fraction(5, 100)


class BreakEven(Stated, frozen=True, tag="break_even"):
    """A cost per unit that falls, and what has to be paid whatever the volume."""

    from_usd: Some
    to_usd: Some
    fixed_usd_per_year: Some
    units_per_year: Count | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """So many units carry the fixed cost."""
        before, after = Fraction(self.from_usd), Fraction(self.to_usd)
        if after >= before:
            told = f"{usd(before)} to {usd(after)} a unit"
            yield found(where, stated=told, comes_out="nothing is saved", holds=False)
            return
        units = sums.units_to_break_even(Fraction(self.fixed_usd_per_year), before - after)
        times = shown(before / after)
        known = self.units_per_year
        yield found(
            where,
            stated=f"{usd(before)} to {usd(after)} a unit"
            + ("" if known is None else f", {known:,} units a year"),
            comes_out=f"-{percent(1 - after / before)}, {times} x; "
            f"{usd(Fraction(self.fixed_usd_per_year))} a year are carried by {shown(units)} units",
            holds=known is not None and known >= units,
            ask=f"is {usd(after)} fully loaded, or only what one more unit costs?",
        )


class UnitsFor(Stated, frozen=True, tag="units_for"):
    """From how many units on a cost per unit and month comes to so much a year."""

    usd_per_unit_month: Some
    usd_per_year: Some
    units: Count | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """The amount is reached only with so many."""
        needed = Fraction(self.usd_per_year) / (Fraction(self.usd_per_unit_month) * 12)
        yield found(
            where,
            stated=f"{usd(Fraction(self.usd_per_unit_month))} a unit and month"
            + ("" if self.units is None else f", {self.units:,} units"),
            comes_out=f"{usd(Fraction(self.usd_per_year))} a year from {shown(needed)} units on",
            holds=self.units is None or self.units <= needed,
        )


class FirstYear(Stated, frozen=True, tag="first_year"):
    """A year of closed spend, all replaced, against what an open option takes in that year."""

    api_usd_per_year: Some
    staff_usd_per_year: Amount
    gpu_usd_per_year: Span
    growth_per_quarter: Decimal = Decimal(0)

    def findings(self, where: str) -> Iterator[Finding]:
        """What is left at the lowest and the highest, and what growth changes."""
        spend, growth = Fraction(self.api_usd_per_year), Fraction(self.growth_per_quarter)
        costs = [Fraction(self.staff_usd_per_year) + Fraction(gpu) for gpu in self.gpu_usd_per_year]
        best, worst = (sums.net_saving_usd(spend, cost) for cost in costs)
        grown = [
            sums.spend_of_months(base, per_quarter=growth) for base in (spend, spend * (1 + growth))
        ]
        told = f"{usd(best)} to {usd(worst)} in the first year at 100 % replaced"
        if growth:
            told += f"; with growth twelve months cost {usd(grown[0])} to {usd(grown[1])}"
        yield found(
            where,
            stated=f"{usd(spend)} a year",
            comes_out=told,
            holds=worst >= 0,
            ask="" if worst >= 0 else "does it hold without growth, and with less than all moved?",
        )


class Growth(Stated, frozen=True, tag="growth"):
    """What a yearly spend becomes. Whether it is that of the base quarter or the one before."""

    usd_per_year: Some
    growth_per_quarter: Decimal
    quarters: Annotated[int, Meta(ge=0)]
    becomes_usd_per_year: Some
    base: Literal["this_quarter", "quarter_before"] | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """By each base, unless one is stated."""
        first, rate = Fraction(self.usd_per_year), Fraction(self.growth_per_quarter)
        later = {"this_quarter": 0, "quarter_before": 1}
        bases = later if self.base is None else {self.base: later[self.base]}
        values = {
            name: sums.grown(first, per_quarter=rate, quarters=self.quarters + more)
            for name, more in bases.items()
        }
        stated = Fraction(self.becomes_usd_per_year)
        held = [near(stated, value, _FORECAST) for value in values.values()]
        told = ", ".join(
            f"{usd(value)} ({name.replace('_', ' ')}, {percent(value / stated - 1)})"
            for name, value in values.items()
        )
        yield found(
            where,
            stated=f"{usd(stated)} a year",
            comes_out=f"{told}; {percent(rate)} a quarter is {percent(sums.yearly_growth(rate))} "
            "a year",
            holds=all(held),
            ask="" if all(held) else "of which quarter is the first figure?",
        )


class Change(Stated, frozen=True, tag="change"):
    """Two figures of the same thing at two times; `growth` is what was said to lie between."""

    was_usd: Some
    is_usd: Some
    growth: Decimal = Decimal(0)

    def findings(self, where: str) -> Iterator[Finding]:
        """The growth that the two imply."""
        needed = sums.growth_needed(Fraction(self.was_usd), Fraction(self.is_usd))
        holds = abs(needed - Fraction(self.growth)) <= _FORECAST
        yield found(
            where,
            stated=f"{usd(Fraction(self.was_usd))}, then {usd(Fraction(self.is_usd))}",
            comes_out=f"it has to have grown by {percent(needed)}",
            holds=holds,
            ask="" if holds else "did it grow so, or are these two things?",
        )


class Durations(Stated, frozen=True, tag="durations"):
    """The same time, told several times: months, lowest and highest, by phrase."""

    months: Annotated[dict[str, Span], Meta(min_length=2)]

    def findings(self, where: str) -> Iterator[Finding]:
        """Some number of months lies in all of them."""
        least = max(low for low, _ in self.months.values())
        most = min(high for _, high in self.months.values())
        told = ", ".join(
            f"{name}: {low}" if low == high else f"{name}: {low} to {high}"
            for name, (low, high) in self.months.items()
        )
        meet = least <= most
        yield found(
            where,
            stated=f"{told} months",
            comes_out="they can all hold" if meet else "they contradict each other",
            holds=meet,
            ask="" if meet else "which of them is it?",
        )


class Scores(Stated, frozen=True, tag="scores"):
    """Two scores and which is said to be ahead."""

    ahead: Literal["closed", "open"]
    closed: Decimal
    open: Decimal
    of: str = "a benchmark"

    def findings(self, where: str) -> Iterator[Finding]:
        """The one that is said to be ahead is."""
        leads = "closed" if self.closed > self.open else "open"
        yield found(
            where,
            stated=f"{self.ahead} is ahead on {self.of}",
            comes_out=f"closed {self.closed}, open {self.open}",
            holds=leads == self.ahead and self.closed != self.open,
            ask="" if leads == self.ahead else "the words say the reverse of the figures",
        )
