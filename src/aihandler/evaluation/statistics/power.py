"""How many items a claim needs, and what claim the items at hand allow."""

import math

from aihandler.evaluation.statistics.distributions import normal_quantile

__all__ = ["items_needed", "margin_shown"]


def items_needed(margin: float, spread: float, *, power: float = 0.8, level: float = 0.05) -> int:
    """Items that show "not worse by `margin`" with chance `power`, if there is no difference.

    n = (z_level + z_power)^2 * spread / margin^2, one-sided (Nam 1997, Biometrics 53:1422, for
    large n). `spread` is the variance of the paired difference of one item, design effect
    included; for right and wrong that is the share of items on which the two differ.
    """
    if margin <= 0:
        raise ValueError(f"the margin is {margin!r}: it must be above 0")
    exact = _factor(power, level) * spread / margin**2
    # What is whole but for the last bits of a float must not become one more.
    return max(1, math.ceil(exact - 1e-9))


def margin_shown(items: int, spread: float, *, power: float = 0.8, level: float = 0.05) -> float:
    """The smallest margin, as a share of 1, that `items` show with chance `power`; at most 1."""
    if items < 1:
        return 1.0
    return min(1.0, math.sqrt(_factor(power, level) * spread / items))


def _factor(power: float, level: float) -> float:
    return float((normal_quantile(1 - level) + normal_quantile(power)) ** 2)
