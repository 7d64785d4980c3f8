"""What vendors' prices might do, month by month."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Scenario(msgspec.Struct, frozen=True):
    """`steps` multiply the price from a month on; `yearly` is the factor of each year."""

    name: str
    steps: tuple[tuple[int, float], ...] = ()
    yearly: float = 1.0
    ends_after_months: int = 0
    source: str = ""

    def factors(self, months: int) -> tuple[float, ...]:
        """The factor on today's price in each month, the first month being 1."""
        return tuple(self._factor(month) for month in range(1, months + 1))

    def _factor(self, month: int) -> float:
        drifting = min(month - 1, self.ends_after_months or month - 1)
        factor: float = self.yearly ** (drifting / 12)
        for since, times in self.steps:
            factor *= times if month >= since else 1.0
        return factor


BASE = Scenario("prices stay, but for the drift that is given")
THREE_RISES = Scenario(
    "three rises of 20 %",
    steps=((7, 1.2), (13, 1.2), (19, 1.2)),
    source="source 003: two or three rises in 18 months",
)
TENTH_IN_TWO_YEARS = Scenario(
    "a tenth of the price in two years",
    yearly=0.1**0.5,
    ends_after_months=24,
    source="source 000: prices fell tenfold in two years",
)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {"base": BASE, "rises": THREE_RISES, "falls": TENTH_IN_TWO_YEARS}
)
