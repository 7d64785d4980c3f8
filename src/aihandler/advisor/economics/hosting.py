"""How many GPUs a demand takes, and what an hour of one costs by the way it is paid for."""

import math

import msgspec

from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.throughput import Throughput
from aihandler.errors import InputError

HOURS_PER_MONTH = 730.0
_SECONDS_PER_HOUR = 3600.0
_NIGHTS_PER_MONTH = HOURS_PER_MONTH / 24


class Staircase(msgspec.Struct, frozen=True):
    """Machines come in whole replicas: what is needed, and how busy they then are on average."""

    replicas: int
    spare: int
    gpus: int
    mean_utilisation: float


class Rented(msgspec.Struct, frozen=True):
    """What a GPU costs: an hour, and how many hours of a month are paid for."""

    kind: str
    usd_per_gpu_hour: Figure
    hours_per_month: Figure


def staircase(
    requests_per_month: float,
    *,
    requests_per_replica_s: float,
    gpus_per_replica: int,
    peak_to_mean: float = 1.0,
    utilisation: float = 1.0,
    spare: int = 0,
    hours_per_month: float = HOURS_PER_MONTH,
) -> Staircase:
    """Whole replicas for the busiest hour, and spare ones beside them.

    Requests that can wait are done in `hours_per_month` hours with `peak_to_mean` 1: a nightly job.
    """
    if requests_per_replica_s <= 0 or utilisation <= 0 or hours_per_month <= 0:
        raise InputError(
            "a machine that serves nothing cannot be counted",
            hint="give a throughput, a utilisation and hours above 0",
        )
    mean_s = requests_per_month / (hours_per_month * _SECONDS_PER_HOUR)
    # Less than a millionth of a replica is rounding, not demand.
    needed = math.ceil(mean_s * peak_to_mean / (requests_per_replica_s * utilisation) - 1e-6)
    replicas = max(needed, 1)
    every = replicas + spare
    busy = mean_s / (every * requests_per_replica_s)
    return Staircase(replicas, spare, every * gpus_per_replica, busy)


def hourly(price: Figure) -> Rented:
    """Rented all month at the list price."""
    return Rented("hourly", price, _hours(HOURS_PER_MONTH, "all month"))


def reserved(price: Figure, discount: Figure) -> Rented:
    """Rented all month under a contract; `discount` is a share of the list price."""
    rate = Figure(
        price.value * (1 - discount.value),
        price.low * (1 - discount.high),
        price.high * (1 - discount.low),
        price.unit,
        f"{price.source}; less {discount.value:.0%}: {discount.source}",
        price.as_of,
    )
    return Rented("reserved", rate, _hours(HOURS_PER_MONTH, "all month"))


def spot(price: Figure) -> Rented:
    """Machines that may be taken away; what is lost with them is an input, `spot_loss_share`."""
    return Rented("spot", price, _hours(HOURS_PER_MONTH, "all month"))


def nightly(price: Figure, *, hours: float, cold_start_minutes: float) -> Rented:
    """A job that runs some hours each night; loading the model is paid for as well."""
    a_night = hours + cold_start_minutes / 60
    if not 0 < a_night <= 24:
        raise InputError(
            f"a night of {a_night:g} hours is none", hint="give hours and a cold start within 24 h"
        )
    told = f"{hours:g} h a night and {cold_start_minutes:g} min to start"
    return Rented("nightly", price, _hours(a_night * _NIGHTS_PER_MONTH, told))


def owned(
    purchase_usd_per_gpu: Figure,
    *,
    life_months: Figure,
    power_w: Figure,
    usd_per_kwh: Figure,
    overhead: Figure,
) -> Rented:
    """Bought: the price over its life, and energy. `overhead` is energy of the house over that of
    the machine (PUE); interest and space are not in it."""
    energy = [
        watts / 1000 * price * more
        for watts, price, more in (
            (power_w.value, usd_per_kwh.value, overhead.value),
            (power_w.low, usd_per_kwh.low, overhead.low),
            (power_w.high, usd_per_kwh.high, overhead.high),
        )
    ]
    bought = purchase_usd_per_gpu
    rate = Figure(
        bought.value / (life_months.value * HOURS_PER_MONTH) + energy[0],
        bought.low / (life_months.high * HOURS_PER_MONTH) + energy[1],
        bought.high / (life_months.low * HOURS_PER_MONTH) + energy[2],
        "USD/GPU-hour",
        f"{bought.source} over {life_months.value:g} months; energy: {usd_per_kwh.source}",
        bought.as_of,
    )
    return Rented("owned", rate, _hours(HOURS_PER_MONTH, "all month"))


def _hours(value: float, source: str) -> Figure:
    return Figure(value, value, value, "hours/month", source)


def inputs(throughput: Throughput, rented: Rented) -> dict[str, Figure]:
    """The inputs of `inputs.case` that a machine and a way of paying for it give."""
    each, gpus = throughput.requests_per_gpu_s, throughput.gpus_per_replica
    return {
        "requests_per_replica_s": Figure(
            each.value * gpus,
            each.low * gpus,
            each.high * gpus,
            "requests/s",
            f"{throughput.basis}: {each.source}",
            each.as_of,
        ),
        "gpus_per_replica": Figure(gpus, gpus, gpus, "GPUs", throughput.basis, each.as_of),
        "usd_per_gpu_hour": rented.usd_per_gpu_hour,
        "hours_per_month": rented.hours_per_month,
    }
