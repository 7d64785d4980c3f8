"""What each option costs in each month, line by line, over arrays of runs and months.

Dollars are floats here: they are estimates, and never enter the ledger. Every input is an array of
shape (runs, 1), or (1, 1) for one value; results are (runs, months).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from aihandler.advisor.economics.machines import (
    Drawn,
    Lines,
    Pooled,
    live,
    once,
    pool,
)

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

__all__ = [
    "OPTIONS",
    "OWN_MACHINES",
    "VENDOR",
    "Drawn",
    "Flow",
    "Lines",
    "flow",
    "own_lines",
    "read_by",
    "read_by_demand",
    "total",
    "vendor_usd",
]

_MILLION = 1e6
# Lines that move with the prices of a vendor.
VENDOR = ("vendor tokens", "escalations")
OWN_MACHINES = frozenset({"self_host", "hybrid"})


@dataclass(frozen=True)
class Flow:
    """The demand of a task month by month, and what a vendor takes for one request."""

    x: Drawn
    months: "Array"
    requests: "Array"
    vendor_usd: "Array"
    prices: "Array"
    # What the vendor takes for all of them: `requests` times `vendor_usd`.
    bill_usd: "Array"

    @cached_property
    def host_prices(self) -> "Array":
        """The factor on a host's prices in each month: several options ask for it."""
        return _grown(self.x["managed_price_change_per_year"], (self.months - 1) / 12)

    def pooled(self, option: str) -> Pooled:
        """What of it own machines take."""
        return Pooled(self.x, self.months, self.requests, _share(self, option))


def flow(x: Drawn, months: "Array", prices: "Array") -> Flow:
    """`prices` is the factor on the vendor's prices in each month."""
    requests = x["requests_per_month"] * _grown(x["growth_per_month"], months - 1)
    drift = _grown(x["api_price_change_per_year"], (months - 1) / 12)
    each = vendor_usd(x) * drift * prices
    return Flow(x, months, requests, each, prices, requests * each)


def closed(task: Flow) -> Lines:
    """A vendor's model."""
    return {"vendor tokens": task.bill_usd, **_risk(task, np.zeros((1, 1)))}


def managed(task: Flow) -> Lines:
    """An open model that somebody else runs: tokens, a little staff, and what a change costs."""
    return _managed(task, np.ones((1, 1)))


def hybrid_managed(task: Flow) -> Lines:
    """Somebody else's open model for `routed_share` of the requests, the vendor for the rest."""
    return _managed(task, task.x["routed_share"])


def self_host(task: Flow) -> Lines:
    """An open model on own or rented machines; the vendor serves until they do."""
    return {**own_lines(task, "self_host"), **pool([task.pooled("self_host")])}


def hybrid(task: Flow) -> Lines:
    """Own machines for `routed_share` of the requests, the vendor for the rest."""
    return {**own_lines(task, "hybrid"), **pool([task.pooled("hybrid")])}


def per_seat(task: Flow) -> Lines:
    """A product that is paid by the person."""
    x, years = task.x, (task.months - 1) / 12
    people = x["seats"] * _grown(x["seats_change_per_year"], years)
    price = x["usd_per_seat_month"] * _grown(x["seat_price_change_per_year"], years)
    return {"seats": people * price}


OPTIONS: Mapping[str, Callable[[Flow], Lines]] = MappingProxyType(
    {
        "closed": closed,
        "managed": managed,
        "self_host": self_host,
        "hybrid_managed": hybrid_managed,
        "hybrid": hybrid,
        "per_seat": per_seat,
    }
)


def own_lines(task: Flow, option: str) -> Lines:
    """What a task on own machines costs beside them: the vendor's part, and the change."""
    share = _share(task, option)
    part = share * live(task.x["setup_months"], task.months)
    return {**_around(task, part), **_risk(task, part), **_change(task, share)}


def vendor_usd(x: Drawn) -> "Array":
    """What a vendor takes for one request today, with its cache and batches."""
    cached = x["input_tokens"] * x["cached_share"]
    written = x["input_tokens"] * x["cache_write_share"]
    usd = (x["input_tokens"] - cached - written) * x["input_usd_per_million"]
    usd = usd + cached * x["cache_read_usd_per_million"]
    usd = usd + written * x["cache_write_usd_per_million"]
    usd = (usd + x["output_tokens"] * x["output_usd_per_million"]) / _MILLION
    return usd * (1 - x["batch_share"] * x["batch_discount"])


def read_by(option: str, task: Flow) -> frozenset[str]:
    """The inputs that the cost of an option hangs on: all that its lines read."""
    seen = _Seen(task.x)
    OPTIONS[option](flow(seen, task.months, task.prices))
    return frozenset(seen.names)


def read_by_demand(task: Flow) -> frozenset[str]:
    """The inputs that requests and the vendor's bill hang on, which are those of every option."""
    seen = _Seen(task.x)
    flow(seen, task.months, task.prices)
    return frozenset(seen.names)


def total(lines: Lines) -> "Array":
    """The sum of all lines by run and month."""
    shape = np.broadcast_shapes(*(usd.shape for usd in lines.values()))
    # Added in place: a stack of all lines would be ten times as large.
    summed: Array = np.zeros(shape)
    for usd in lines.values():
        summed += usd
    return summed


class _Seen(dict[str, "Array"]):
    """Inputs that remember which of them were read."""

    def __init__(self, x: Drawn) -> None:
        super().__init__(x)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> "Array":
        self.names.add(name)
        return super().__getitem__(name)


def _share(task: Flow, option: str) -> "Array":
    return np.ones((1, 1)) if option == "self_host" else task.x["routed_share"]


def _managed(task: Flow, share: "Array") -> Lines:
    x, serves = task.x, live(task.x["managed_setup_months"], task.months)
    tokens = x["input_tokens"] * x["managed_input_usd_per_million"]
    tokens = tokens + x["output_tokens"] * x["managed_output_usd_per_million"]
    usd = tokens / _MILLION * (1 + x["retry_share"])
    staff = serves * x["managed_staff_share"] + (1 - serves) * x["managed_setup_staff_share"]
    part = share * serves
    return {
        **_around(task, part),
        "host tokens": task.requests * part * (usd * task.host_prices),
        "staff": staff * (x["staff_usd_per_year"] / 12),
        **_risk(task, part),
        **_change(task, share),
    }


def _around(task: Flow, part: "Array") -> Lines:
    """The vendor for what the open model does not take or cannot answer, and own filters."""
    x, taken = task.x, task.bill_usd * part
    return {
        "vendor tokens": task.bill_usd - taken,
        "escalations": taken * x["escalation_share"],
        "safety layer": task.requests * part * (x["safety_usd_per_thousand"] / 1000),
    }


def _risk(task: Flow, part: "Array") -> Lines:
    """What is expected of claims: all of them for an open model, beyond the cap for a vendor."""
    x = task.x
    if not x["claims_per_year"].any():
        return {}
    cap = task.bill_usd * (1 - part) * (12 * x["indemnity_cap_in_fees"])
    beyond = (1 - part) * np.maximum(x["claim_usd"] - cap, 0) + part * x["claim_usd"]
    return {"risk beyond indemnity": x["claims_per_year"] / 12 * beyond}


def _change(task: Flow, share: "Array") -> Lines:
    # Who routes nothing changes nothing.
    x, months, moved = task.x, task.months, share > 0
    return {
        "evaluation": once(months, moved * x["evaluation_usd"])
        + moved * x["evaluation_usd_per_month"],
        "prompts written again": once(months, moved * x["reprompting_usd"]),
        "exit": (months == months.max()) * (moved * x["exit_usd"]),
    }


def _grown(share: "Array", periods: "Array") -> "Array":
    # Through the logarithm: a power of floats by floats takes five times as long.
    grown: Array = np.exp(np.log1p(share) * periods)
    return grown
