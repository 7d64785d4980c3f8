"""What a verdict stands on and what it says: quality, costs, and the answer for one task."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from aihandler.advisor.economics.runs import Difference

Choice = Literal["stay_closed", "managed_open", "self_host", "hybrid_route"]
Outcome = Choice | Literal["not_enough_evidence", "no_admissible_option"]
Shown = Literal["good_enough", "worse", "open"]


class GoodEnough(msgspec.Struct, frozen=True):
    """On which share of `items` the open model scored no lower, with its interval of 95 %."""

    share: float
    low: float
    high: float
    items: int


class Cascaded(msgspec.Struct, frozen=True):
    """What a comparison shows of the open model asked first and the closed one where it gave no
    answer of its own: on which share it answered itself, and the difference in points."""

    share: float
    low: float
    high: float
    points: tuple[Decimal, Decimal]
    good_enough: bool


class Quality(msgspec.Struct, frozen=True):
    """Open minus closed in points of a score, with its interval, and the loss that is allowed.

    `shown` is what the comparison itself shows at its level; None: the interval tells.
    """

    low: Decimal
    high: Decimal
    margin: Decimal
    source: str
    shown: Shown | None = None
    comparison: str = ""
    on: str = ""
    good_enough: GoodEnough | None = None
    cascade: Cascaded | None = None

    def says(self) -> Shown:
        """Whether it is good enough, worse beyond the margin, or open."""
        if self.shown is not None:
            return self.shown
        if self.high < -self.margin:
            return "worse"
        return "good_enough" if self.low >= -self.margin else "open"

    def __str__(self) -> str:
        return f"{self.low:+} to {self.high:+} points, {self.margin} may be lost ({self.source})"


class Cost(msgspec.Struct, frozen=True):
    """Dollars per month of one choice; a hybrid route has the `shares` of its parts.

    `option` is its name in the total cost. `against` holds it run by run against the others;
    without, two choices are told apart only where their intervals do not meet.
    """

    choice: Choice
    low_usd_per_month: Decimal
    high_usd_per_month: Decimal
    source: str
    shares: Mapping[Choice, Decimal] = {}
    option: str = ""
    against: tuple[Difference, ...] = ()
    # The middle of its runs over the whole time.
    whole_usd: float | None = None
    routed_by: str = ""


class TaskVerdict(msgspec.Struct, frozen=True):
    """`decided_by` is the constraint or number; `ask` names inputs; `command` gives evidence.

    In `command`, CLOSED and OPEN stand for deployments that the facts do not name, and DATA.csv for
    own examples. `option` and `than` are the pair whose cost decides, or would once the evidence is
    there: `pending` is the choice then. `money` tells their difference. `routed_by` says which
    router the `shares` stand on.
    """

    task: str
    outcome: Outcome
    decided_by: str
    flips: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    command: str = ""
    disagree: tuple[str, ...] = ()
    shares: Mapping[Choice, Decimal] = {}
    option: str = ""
    than: str = ""
    pending: Choice | None = None
    money: str = ""
    by_seats: bool = False
    routed_by: str = ""
