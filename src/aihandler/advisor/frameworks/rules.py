"""The language of the rules: comparisons, all, any, not and counts; nothing else can be said."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import msgspec

from aihandler.advisor.company import Fact

Verdict = Literal["closed", "open", "managed_open", "hybrid", "mixed", "evaluate", "undefined"]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"is_": "is"}):
    """A comparison of one `fact`, or conditions joined; exactly one of these forms."""

    fact: str | None = None
    above: Decimal | None = None
    at_least: Decimal | None = None
    below: Decimal | None = None
    at_most: Decimal | None = None
    is_: bool | str | None = None
    all: "tuple[Condition, ...] | None" = None
    any: "tuple[Condition, ...] | None" = None
    none: "tuple[Condition, ...] | None" = None
    # The name of a signal of the same framework.
    holds: str | None = None
    # How many of `of` (names of signals) hold, compared by above .. at_most.
    of: tuple[str, ...] | None = None


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first rule whose condition holds gives the verdict. `hard`: no score outweighs it."""

    verdict: Verdict
    because: str
    when: Condition = Condition()
    hard: bool = False


class Framework(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One published way to decide."""

    id: str
    title: str
    rules: tuple[Rule, ...]
    signals: dict[str, Condition] = {}
    note: str = ""


class Distance(msgspec.Struct, frozen=True):
    """How far a number is from a threshold: threshold / value, when both are more than 0."""

    fact: str
    value: Decimal
    threshold: Decimal
    times: Fraction | None

    def __str__(self) -> str:
        if self.times is None:
            return f"{self.fact} is {self.value:,}, the threshold {self.threshold:,}"
        if self.times == 1:
            return f"{self.fact} is at the threshold {self.threshold:,}"
        if self.times > 1:
            return f"{_rounded(self.times)} x below {self.threshold:,} ({self.fact})"
        return f"{_rounded(1 / self.times)} x above {self.threshold:,} ({self.fact})"


class Reading:
    """Evaluates conditions over facts, and notes which were read, missing, and how far off.

    A condition is True, False, or None when a missing fact decides it.
    """

    def __init__(self, facts: Mapping[str, Fact], signals: Mapping[str, Condition]) -> None:
        self.facts = facts
        self.signals = signals
        self.inputs: dict[str, Fact] = {}
        self.distances: dict[tuple[str, Decimal], Distance] = {}

    def value(self, condition: Condition) -> bool | None:
        """Whether the condition holds."""
        if condition.holds is not None:
            return self.value(self.signals[condition.holds])
        if condition.all is not None:
            return _every([self.value(c) for c in condition.all])
        if condition.any is not None:
            return _some([self.value(c) for c in condition.any])
        if condition.none is not None:
            return _not(_some([self.value(c) for c in condition.none]))
        if condition.of is not None:
            return self._counted(condition, condition.of)
        return True if condition.fact is None else self._compared(condition, condition.fact)

    def _counted(self, condition: Condition, names: Sequence[str]) -> bool | None:
        held = [self.value(self.signals[name]) for name in names]
        # What is missing may hold or not: only a bound that both ends agree on is known.
        least, most = held.count(True), len(held) - held.count(False)
        ends = {_bounded(condition, Decimal(least)), _bounded(condition, Decimal(most))}
        return ends.pop() if len(ends) == 1 else None

    def _compared(self, condition: Condition, fact: str) -> bool | None:
        value = self.facts[fact]
        self.inputs[fact] = value
        if value is None:
            return None
        if condition.is_ is not None:
            return value == condition.is_
        assert isinstance(value, Decimal)
        for threshold in _thresholds(condition):
            times = _times(value, threshold)
            self.distances[fact, threshold] = Distance(fact, value, threshold, times)
        return _bounded(condition, value)


def thresholds_of(condition: Condition) -> tuple[Decimal, ...]:
    """The numbers that a comparison names."""
    return _thresholds(condition)


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The conditions inside it."""
    return (*(condition.all or ()), *(condition.any or ()), *(condition.none or ()))


def _thresholds(condition: Condition) -> tuple[Decimal, ...]:
    bounds = (condition.above, condition.at_least, condition.below, condition.at_most)
    return tuple(bound for bound in bounds if bound is not None)


def _bounded(condition: Condition, value: Decimal) -> bool:
    return (
        (condition.above is None or value > condition.above)
        and (condition.at_least is None or value >= condition.at_least)
        and (condition.below is None or value < condition.below)
        and (condition.at_most is None or value <= condition.at_most)
    )


def _every(values: Sequence[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def _some(values: Sequence[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _times(value: Decimal, threshold: Decimal) -> Fraction | None:
    both = value > 0 and threshold > 0
    return Fraction(threshold) / Fraction(value) if both else None


def _rounded(times: Fraction) -> str:
    number = float(times)
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
