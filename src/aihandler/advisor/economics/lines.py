"""What each option costs in each month, line by line, over arrays of runs and months.

Dollars are floats here: they are estimates, and never enter the ledger. Every input is an array of
shape (runs, 1), or (1, 1) for the most likely values; results are (runs, months).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Drawn = Mapping[str, Array]
    Lines = dict[str, Array]

_MILLION = 1e6
_SECONDS_PER_HOUR = 3600.0


def closed(x: "Drawn", months: "Array", prices: "Array") -> "Lines":
    """A vendor's model. `prices` is the factor on its prices in each month."""
    return {"vendor tokens": _requests(x, months) * _vendor_usd(x, months, prices)}


def managed(x: "Drawn", months: "Array", prices: "Array") -> "Lines":
    """An open model that somebody else runs: tokens, a little staff, and what a change costs."""
    tokens = x["input_tokens"] * x["managed_input_usd_per_million"]
    tokens = tokens + x["output_tokens"] * x["managed_output_usd_per_million"]
    usd = tokens / _MILLION * (1 + x["retry_share"])
    requests = _requests(x, months)
    return {
        "host tokens": requests * usd,
        "staff": _all(months, x["staff_usd_per_year"] / 12 * x["managed_staff_share"]),
        "escalations": requests * x["escalation_share"] * _vendor_usd(x, months, prices),
        **_change(x, months),
    }


def self_host(x: "Drawn", months: "Array", prices: "Array") -> "Lines":
    """An open model on own or rented machines; the vendor serves until they do."""
    return _hosted(x, months, prices, share=np.ones((1, 1)))


def hybrid(x: "Drawn", months: "Array", prices: "Array") -> "Lines":
    """An open model for `routed_share` of the requests, the vendor for the rest."""
    return _hosted(x, months, prices, share=x["routed_share"])


def per_seat(x: "Drawn", months: "Array", prices: "Array") -> "Lines":  # noqa: ARG001  # one shape
    """A product that is paid by the person."""
    return {"seats": _all(months, x["seats"] * x["usd_per_seat_month"])}


OPTIONS: "Mapping[str, Callable[[Drawn, Array, Array], Lines]]" = MappingProxyType(
    {
        "closed": closed,
        "managed": managed,
        "self_host": self_host,
        "hybrid": hybrid,
        "per_seat": per_seat,
    }
)


def total(lines: "Lines") -> "Array":
    """The sum of all lines by run and month."""
    parts = np.broadcast_arrays(*lines.values())
    summed: Array = np.sum(parts, axis=0)
    return summed


def replicas(x: "Drawn", requests: "Array") -> "Array":
    """Whole replicas for the busiest hour, as `hosting.staircase` counts them, and spare ones."""
    mean_s = requests / (x["hours_per_month"] * _SECONDS_PER_HOUR)
    served_s = x["requests_per_replica_s"] * x["utilisation"]
    needed = np.ceil(mean_s * x["peak_to_mean"] / served_s - 1e-6)
    return np.maximum(needed, 1.0) + np.rint(x["spare_replicas"])


def _hosted(x: "Drawn", months: "Array", prices: "Array", *, share: "Array") -> "Lines":
    requests = _requests(x, months)
    vendor = requests * _vendor_usd(x, months, prices)
    # The part of a month, 0..1, in which the machines already serve.
    live = np.clip(months - x["setup_months"], 0.0, 1.0)
    taken = requests * share * live
    gpus = replicas(x, requests * share * (1 + x["retry_share"])) * x["gpus_per_replica"]
    rent = gpus * x["hours_per_month"] * x["usd_per_gpu_hour"]
    lost = (1 + x["autoscaling_lag_share"]) / (1 - x["spot_loss_share"])
    # Until it serves, one replica is there to build on.
    building = x["gpus_per_replica"] * x["hours_per_month"] * x["usd_per_gpu_hour"]
    salary = x["staff_usd_per_year"] / 12
    staff = live * x["staff_share"] + (1 - live) * x["setup_staff_share"]
    return {
        "vendor tokens": vendor * (1 - share * live),
        "machines": rent * lost * live + building * (1 - live),
        "staff": staff * salary,
        "on call": live * x["on_call_usd_per_month"],
        "storage and egress": _all(months, x["storage_usd_per_month"] + x["egress_usd_per_month"]),
        "escalations": taken * x["escalation_share"] * _vendor_usd(x, months, prices),
        "safety layer": taken / 1000 * x["safety_usd_per_thousand"],
        "upgrades": live * x["upgrade_usd_per_year"] / 12,
        "recruiting": _once(months, x["recruiting_usd"]),
        **_change(x, months),
    }


def _change(x: "Drawn", months: "Array") -> "Lines":
    last = months == months.max()
    return {
        "evaluation": _once(months, x["evaluation_usd"]) + x["evaluation_usd_per_month"],
        "prompts written again": _once(months, x["reprompting_usd"]),
        "exit": last * x["exit_usd"],
    }


def _requests(x: "Drawn", months: "Array") -> "Array":
    grown: Array = x["requests_per_month"] * (1 + x["growth_per_month"]) ** (months - 1)
    return grown


def _vendor_usd(x: "Drawn", months: "Array", prices: "Array") -> "Array":
    cached = x["input_tokens"] * x["cached_share"]
    usd = (x["input_tokens"] - cached) * x["input_usd_per_million"]
    usd = usd + cached * x["cache_read_usd_per_million"]
    usd = (usd + x["output_tokens"] * x["output_usd_per_million"]) / _MILLION
    usd = usd * (1 - x["batch_share"] * x["batch_discount"])
    drift = (1 + x["api_price_change_per_year"]) ** ((months - 1) / 12)
    return np.asarray(usd * drift * prices)


def _once(months: "Array", usd: "Array") -> "Array":
    return np.asarray((months == 1) * usd)


def _all(months: "Array", usd: "Array") -> "Array":
    return np.ones_like(months) * usd
