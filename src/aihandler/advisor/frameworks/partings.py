"""Where sources part, as data: sides, ranges without a rule, and how far apart they are."""

from decimal import Decimal

import msgspec

from aihandler.advisor.frameworks.rules import Condition


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one source says. A bound on `fact` is the threshold of its rule in `framework`."""

    source: str
    says: str
    framework: str = ""
    fact: str | None = None
    above: Decimal | None = None
    at_least: Decimal | None = None
    below: Decimal | None = None
    at_most: Decimal | None = None

    def __str__(self) -> str:
        """`open above 1,000,000 (000)`"""
        bounds = [
            f"{word} {bound:,}"
            for word, bound in (
                ("above", self.above),
                ("from", self.at_least),
                ("below", self.below),
                ("up to", self.at_most),
            )
            if bound is not None
        ]
        return " ".join([self.says, *bounds, f"({self.source})"])


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range of `fact` for which `source` has no rule, ends included."""

    source: str
    fact: str
    at_least: Decimal
    at_most: Decimal

    def __str__(self) -> str:
        return f"no rule from {self.at_least:,} to {self.at_most:,} ({self.source})"


class Apart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far two thresholds are from each other, and which."""

    times: Decimal
    what: str

    def __str__(self) -> str:
        return f"{self.times:,} x apart: {self.what}"


class Parting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One contradiction as data. It is shown where `when` holds.

    In `head`, {} stands for the task's own value of the fact `of`.
    """

    id: str
    title: str
    when: Condition
    sides: tuple[Side, ...]
    gaps: tuple[Gap, ...] = ()
    apart: tuple[Apart, ...] = ()
    of: str = ""
    head: str = ""
    note: str = ""
