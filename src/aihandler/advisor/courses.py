"""What one course costs: an option for each task, with machines that tasks share counted once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.company import Hosting, Profile
from aihandler.advisor.economics import lines, machines
from aihandler.advisor.economics.runs import Runs

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

Pools = Mapping[str, tuple[str, ...]]


class SharedMachines(msgspec.Struct, frozen=True):
    """Machines of one kind, and the tasks on them; `gpus` in the first and the last month.

    Both are likely values, spare replicas included.
    """

    name: str
    tasks: tuple[str, ...]
    gpus: tuple[int, int]


@dataclass(frozen=True)
class Sums:
    """A course by run and month, with likely inputs, and the part that vendors' prices move."""

    options: dict[str, str]
    usd: "Array"
    likely: "Array"
    vendor: "Array"
    likely_vendor: "Array"
    shared: tuple[SharedMachines, ...]
    alone_usd: float
    # How the requests of the first year grow from one in its first month, by run.
    grown: "Array"
    likely_grown: float


def sums(profile: Profile, runs: Mapping[str, Runs], options: dict[str, str]) -> Sums:
    """Of all tasks in the same runs."""
    pools = _pools(profile, options)
    drawn = {task: one.drawn for task, one in runs.items()}
    likely = {task: one.likely for task, one in runs.items()}
    order = next(iter(runs.values())).order
    usd, vendor = _by_month(drawn, options, pools, (order.runs, order.months))
    point, point_vendor = _by_month(likely, options, pools, (1, order.months))
    alone = sum(
        float(np.broadcast_to(lines.total(lines.OPTIONS[option](likely[task])), point.shape).sum())
        for task, option in options.items()
    )
    shared = tuple(_shared(name, tasks, likely, options) for name, tasks in pools.items())
    return Sums(
        options,
        usd,
        point[0],
        vendor,
        point_vendor[0],
        shared,
        alone,
        np.broadcast_to(_grown(drawn), len(usd)),
        float(_grown(likely)[0]),
    )


def _grown(flows: Mapping[str, lines.Flow]) -> "Array":
    requests = sum((flow.requests[:, :12] for flow in flows.values()), np.zeros((1, 1)))
    grown: Array = (requests / requests[:, :1]).sum(axis=1)
    return grown


def _by_month(
    flows: Mapping[str, lines.Flow],
    options: Mapping[str, str],
    pools: Pools,
    shape: tuple[int, int],
) -> "tuple[Array, Array]":
    usd, vendor = np.zeros(shape), np.zeros(shape)
    for task, option in options.items():
        own = option in lines.OWN_MACHINES
        parts = lines.own_lines(flows[task], option) if own else lines.OPTIONS[option](flows[task])
        usd += lines.total(parts)
        for name in lines.VENDOR:
            vendor += parts.get(name, 0.0)
    for tasks in pools.values():
        usd += lines.total(machines.pool([flows[task].pooled(options[task]) for task in tasks]))
    return usd, vendor


def _pools(profile: Profile, options: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    pools: dict[str, tuple[str, ...]] = {}
    for task, option in options.items():
        if option in lines.OWN_MACHINES:
            hosting = profile.tasks[task].hosting
            # Without names nobody knows what could be shared.
            name = f"machines of {task}" if hosting is None else _named(hosting)
            pools[name] = (*pools.get(name, ()), task)
    return pools


def _named(hosting: Hosting) -> str:
    return f"{hosting.model} in {hosting.precision} on {hosting.gpu}, {hosting.rent}"


def _shared(
    name: str,
    tasks: tuple[str, ...],
    likely: Mapping[str, lines.Flow],
    options: Mapping[str, str],
) -> SharedMachines:
    pooled = [likely[task].pooled(options[task]) for task in tasks]
    each = max(float(one.x["gpus_per_replica"][0, 0]) for one in pooled)
    gpus = (machines.replicas(pooled) * each)[0]
    return SharedMachines(name, tasks, (round(gpus[0]), round(gpus[-1])))
