"""What own or rented machines and the people around them cost, for one task or several at once.

Tasks that run the same model on the same GPUs share them: their loads are added before whole
replicas are counted, and the spare ones, building, staff and nights are there once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
Drawn = Mapping[str, "Array"]
Lines = dict[str, "Array"]

_SECONDS_PER_HOUR = 3600.0
_MINUTES_PER_HOUR = 60.0


@dataclass(frozen=True)
class Pooled:
    """The part of a task that own machines take; `share` of its requests."""

    x: Drawn
    months: "Array"
    requests: "Array"
    share: "Array"


def pool(tasks: Sequence[Pooled]) -> Lines:
    """Machines of one kind for all `tasks` together. What is there once is the most of any task."""
    months = tasks[0].months
    serves = _most([live(task.x["setup_months"], months) for task in tasks])

    def once_for_all(name: str) -> "Array":
        return _most([task.x[name] for task in tasks])

    gpus = replicas(tasks) * once_for_all("gpus_per_replica")
    usd = once_for_all("hours_per_month") * once_for_all("usd_per_gpu_hour")
    lost = (1 + once_for_all("autoscaling_lag_share")) / (1 - once_for_all("spot_loss_share"))
    # Until it serves, one replica is there to build on.
    building = once_for_all("gpus_per_replica") * usd
    salary = once_for_all("staff_usd_per_year") / 12
    setup, running = once_for_all("setup_staff_share"), once_for_all("staff_share")
    started = once_for_all("cold_starts_per_month") * once_for_all("cold_start_minutes")
    started = started / _MINUTES_PER_HOUR * once_for_all("gpus_per_replica")
    kept = once_for_all("storage_usd_per_month") + once_for_all("egress_usd_per_month")
    return {
        "machines": gpus * (usd * lost) * serves + building * (1 - serves),
        "cold starts": serves * (started * once_for_all("usd_per_gpu_hour")),
        "staff": salary * setup + serves * (salary * (running - setup)),
        "on call": serves * once_for_all("on_call_usd_per_month"),
        "storage and egress": kept,
        "upgrades": serves * (once_for_all("upgrade_usd_per_year") / 12),
        "recruiting": once(months, once_for_all("recruiting_usd")),
    }


def replicas(tasks: Sequence[Pooled]) -> "Array":
    """Whole replicas for the busiest hour, as `hosting.staircase` counts them, and spare ones.

    The busiest hours of several tasks are taken to be the same.
    """
    needed = sum((_load(task) for task in tasks), np.zeros((1, 1)))
    whole = np.maximum(np.ceil(needed - 1e-6), 1.0)
    return whole + np.rint(_most([task.x["spare_replicas"] for task in tasks]))


def live(setup_months: "Array", months: "Array") -> "Array":
    """The part of each month, 0..1, in which it already serves."""
    return np.clip(months - setup_months, 0.0, 1.0)


def once(months: "Array", usd: "Array") -> "Array":
    """Paid in the first month."""
    return np.asarray((months == 1) * usd)


def _load(task: Pooled) -> "Array":
    x = task.x
    served = x["hours_per_month"] * _SECONDS_PER_HOUR * x["requests_per_replica_s"]
    factor = task.share * (1 + x["retry_share"]) * x["peak_to_mean"] / (served * x["utilisation"])
    return task.requests * factor


def _most(values: "Sequence[Array]") -> "Array":
    most = values[0]
    for value in values[1:]:
        most = np.maximum(most, value)
    return most
