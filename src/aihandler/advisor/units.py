"""What one customer, contract, user or document costs, by each way of running what serves it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from aihandler.advisor.economics.figures import rounded
from aihandler.advisor.economics.runs import NINE_TENTHS, Band, quantiles
from aihandler.ledger import costs

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

# Prices, seats and volumes of a year are near enough to be told as one cost.
YEAR = 12
# Cents of a cent matter where millions of a unit are served.
_DIGITS = 3


class UnitCost(msgspec.Struct, frozen=True):
    """US dollars for one unit in the first year, by option. Units grow as the requests do."""

    unit: str
    per_month: float
    usd: dict[str, Band]
    source: str


class Tagged(msgspec.Struct, frozen=True):
    """What one value of a call tag has cost so far, and how uneven that is; exact nano-dollars.

    `unpriced` attempts have a cost that nobody knows, and are in no sum. `source` says of when.
    """

    tag: str
    units: int
    total_nano: int
    middle_nano: int
    most_nano: int
    dearest: str
    unpriced: int
    source: str = ""

    @property
    def mean_nano(self) -> int:
        """Rounded down."""
        return self.total_nano // self.units if self.units else 0


def unit_cost(
    name: str, per_month: float, first_year: "Mapping[str, tuple[Array, Array]]", *, source: str
) -> UnitCost:
    """`first_year` has by option its sums by run and with likely inputs, each over the growth."""
    usd = {option: _band(runs, likely, per_month) for option, (runs, likely) in first_year.items()}
    return UnitCost(name, per_month, usd, source)


def by_tag(rows: Sequence[costs.UnitCost], tag: str, *, source: str = "") -> Tagged | None:
    """The ledger's costs by the values of a call tag; None where no call carries it."""
    own = sorted((row for row in rows if row.key), key=lambda row: row.nano)
    if not own:
        return None
    return Tagged(
        tag,
        len(own),
        sum(row.nano for row in own),
        own[len(own) // 2].nano,
        own[-1].nano,
        own[-1].key,
        sum(row.unpriced for row in own),
        source,
    )


def _band(runs: "Array", likely: "Array", per_month: float) -> Band:
    low, middle, high = quantiles(runs / per_month, NINE_TENTHS)
    values = (float(likely.ravel()[0]) / per_month, float(middle), float(low), float(high))
    return Band(*(rounded(value, _DIGITS) for value in values))
