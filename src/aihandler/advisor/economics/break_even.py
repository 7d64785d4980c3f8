"""From which volume on an own machine costs less than a vendor, and where it never does."""

import math
from fractions import Fraction
from typing import Literal

import msgspec

from aihandler.advisor.economics.hosting import HOURS_PER_MONTH

_SECONDS_PER_HOUR = 3600
# Beyond so many replicas nobody rents by the piece, and the answer would not be believed anyway.
_MOST_REPLICAS = 10_000


class BreakEven(msgspec.Struct, frozen=True):
    """`per_month` is in the unit that was asked for; None means never, and `reason` says why."""

    per_month: float | None
    capacity_per_month: float
    reason: str

    @property
    def answer(self) -> Literal["from", "never"]:
        """In one word."""
        return "never" if self.per_month is None else "from"


def fixed_machines(
    fixed_usd_per_month: Fraction, *, usd_per_unit: Fraction, capacity_per_month: float = math.inf
) -> BreakEven:
    """Machines and staff at a fixed cost against a price per unit (a token, a request, a contract).

    Exact; `usd_per_unit` is what the vendor takes less what one more unit costs oneself.
    """
    if usd_per_unit <= 0:
        return BreakEven(
            None, capacity_per_month, "one more unit costs no less there than at the vendor"
        )
    volume = float(fixed_usd_per_month / usd_per_unit)
    if volume > capacity_per_month:
        reason = f"it would be at {volume:.3g}, and these machines serve {capacity_per_month:.3g}"
        return BreakEven(None, capacity_per_month, reason)
    return BreakEven(volume, capacity_per_month, "its fixed cost over what each unit saves")


def of_staircase(
    *,
    usd_per_replica_month: float,
    other_usd_per_month: float,
    vendor_usd_per_request: float,
    own_usd_per_request: float,
    requests_per_replica_s: float,
    peak_to_mean: float,
    utilisation: float,
    spare: int,
) -> BreakEven:
    """As `fixed_machines`, with one more replica whenever the busiest hour asks for it.

    Told is the volume from which on it stays cheaper: a step up may undo a narrow lead.
    """
    saved = vendor_usd_per_request - own_usd_per_request
    a_replica = requests_per_replica_s * utilisation / peak_to_mean
    a_replica *= HOURS_PER_MONTH * _SECONDS_PER_HOUR
    most = a_replica * _MOST_REPLICAS
    if saved <= 0:
        return BreakEven(None, most, "one more request costs no less there than at the vendor")
    if saved * a_replica <= usd_per_replica_month:
        reason = "a full machine costs more than the vendor asks for all it serves"
        return BreakEven(None, most, reason)
    # The lead is gone at the foot of step k (volume a_replica * (k - 1)) until k reaches `kept`:
    # the volume that carries the last such step is the answer.
    fixed = other_usd_per_month + spare * usd_per_replica_month
    kept = (fixed + saved * a_replica) / (saved * a_replica - usd_per_replica_month)
    step = max(1, math.ceil(kept - 1e-9) - 1)
    volume = min((fixed + step * usd_per_replica_month) / saved, a_replica * step)
    if volume > most:
        return BreakEven(None, most, f"it would take more than {_MOST_REPLICAS:,} replicas")
    return BreakEven(volume, most, f"with {step + spare} replicas")


def within(found: BreakEven, capacity_per_month: float) -> BreakEven:
    """Never, where the machines that can be had serve less than it would take."""
    if found.per_month is None or found.per_month <= capacity_per_month:
        return BreakEven(
            found.per_month, min(found.capacity_per_month, capacity_per_month), found.reason
        )
    told = f"it would be at {found.per_month:,.0f}, and what can be had serves "
    return BreakEven(None, capacity_per_month, f"{told}{capacity_per_month:,.0f}")
