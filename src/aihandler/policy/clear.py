"""`clear`: where a request may go. The one place that makes a Clearance."""

from collections.abc import Iterator, Mapping
from typing import NoReturn

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.clearance import Clearance, Exclusion
from aihandler.domain.labels import DataClass, Labels, label
from aihandler.domain.rules import SELF_HOSTED_ONLY, DeploymentFilter, Gate, Policy
from aihandler.domain.task import Task
from aihandler.policy.labels import task_sources

__all__ = ["Hurdle", "clear", "hurdles"]


class Hurdle(msgspec.Struct, frozen=True):
    """One gate as it stands before a request: its name, its rule, and a word on where from."""

    gate: str
    require: DeploymentFilter
    note: str = ""


def clear(configuration: Configuration, task: Task, labels: Labels) -> Clearance:
    """Says which of all deployments the data of this request may reach.

    Not only the task's candidates: helpers draw from the same set, and routing narrows it.
    Each deployment that is left out is named once, with the first gate that took it out.
    """
    data_class = _effective(task, labels)
    left = {deployment.name: deployment for deployment in configuration.deployments.values()}
    exclusions: list[Exclusion] = []
    for hurdle in hurdles(configuration.policy, task, data_class):
        for name, deployment in tuple(left.items()):
            objection = hurdle.require.objection(deployment)
            if objection is not None:
                del left[name]
                exclusions.append(Exclusion(name, hurdle.gate, objection + hurdle.note))
    allowed = _Sealed({name: deployment.identity for name, deployment in left.items()})
    return Clearance(data_class, allowed, tuple(exclusions))


def hurdles(policy: Policy, task: Task, data_class: DataClass) -> Iterator[Hurdle]:
    """Every rule that data of this class meets, in order: its class, each lower one, the gates.

    A class is cut with all lower ones, so that raising a class never opens a door.
    """
    for lower in reversed([c for c in DataClass if c <= data_class]):
        yield _class_hurdle(policy, lower, data_class)
    for gate in policy.gates:
        if _applies(gate, task):
            yield Hurdle(gate.name, gate.require)


def _effective(task: Task, labels: Labels) -> DataClass:
    # `labels_for` has counted these already; labels from elsewhere cannot fall below them.
    return max((labels.data_class, label(task_sources(task)).data_class), key=lambda c: c.rank)


def _class_hurdle(policy: Policy, of: DataClass, data_class: DataClass) -> Hurdle:
    cut = "" if of == data_class else f", which {data_class.value} may not exceed"
    rule = policy.classes.get(of)
    if rule is not None:
        return Hurdle(f"class {of.value}", rule, f" (rule of {of.value}{cut})" if cut else "")
    note = f" ({of.value} has no rule, so only self{cut})"
    return Hurdle(f"class {of.value}", SELF_HOSTED_ONLY, note)


def _applies(gate: Gate, task: Task) -> bool:
    return (
        (gate.customer_facing is None or gate.customer_facing == task.customer_facing)
        and (gate.stakes is None or task.stakes in gate.stakes)
        and (gate.tasks is None or task.name in gate.tasks)
    )


class _Sealed(dict[str, str]):
    """A dict that can be encoded and compared, and not changed."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("an allow-list is never changed; ask `clear` for another one")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type["_Sealed"], tuple[Mapping[str, str]]]:
        return (_Sealed, (dict(self),))
