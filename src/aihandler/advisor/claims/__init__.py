"""Numbers that somebody stated, in known forms: each knows the sum that it is held against."""

from aihandler.advisor.claims.machines import Capacity, GpuAlone, Memory, Rent, Request, Tuning
from aihandler.advisor.claims.savings import Bases, Invested, NetSaving, Payback, ShareSaved, Sum
from aihandler.advisor.claims.volumes import (
    BreakEven,
    Change,
    Durations,
    FirstYear,
    Growth,
    Scores,
    UnitsFor,
)

Claim = (
    Sum
    | Bases
    | NetSaving
    | ShareSaved
    | Payback
    | Invested
    | Rent
    | Memory
    | Request
    | Capacity
    | GpuAlone
    | Tuning
    | BreakEven
    | UnitsFor
    | FirstYear
    | Growth
    | Change
    | Durations
    | Scores
)

__all__ = ["Claim"]
