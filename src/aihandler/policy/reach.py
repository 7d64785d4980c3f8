"""What each use of a task can reach, class by class: the table of the proof."""

from collections.abc import Iterator, Mapping, Sequence

from aihandler.config.configuration import Configuration, Helper
from aihandler.domain.attempt import Evidence
from aihandler.domain.clearance import Clearance, Exclusion
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.task import Task
from aihandler.policy.clear import clear
from aihandler.policy.findings import Row
from aihandler.policy.flow import Use

__all__ = ["Measured", "Reach", "helper_objection", "rows"]

Measured = Mapping[tuple[str, str], Evidence]


class Reach:
    """One configuration, and its clearances as they are asked for."""

    def __init__(self, configuration: Configuration, measured: Measured) -> None:
        self.configuration = configuration
        self._measured = measured
        self._clearances: dict[tuple[str, DataClass], Clearance] = {}

    def clearance(self, task: Task, data_class: DataClass) -> Clearance:
        """The same clearance that a request of this class gets."""
        known = (task.name, data_class)
        if known not in self._clearances:
            self._clearances[known] = clear(self.configuration, task, Labels(data_class))
        return self._clearances[known]

    def candidates(self, task: Task, data_class: DataClass) -> tuple[str, ...]:
        """The deployments that an attempt can go to."""
        allowed = self.clearance(task, data_class).allowed
        return tuple(name for name in self._named(task) if name in allowed)

    def proven(self, task: Task) -> tuple[str, ...]:
        """The deployments for whose quality at a task there is evidence, in file order."""
        names = self.configuration.deployments
        return tuple(name for name in names if self._evidence(task, name) is not None)

    def _named(self, task: Task) -> Sequence[str]:
        if task.candidates is not None:
            return tuple(dict.fromkeys(task.candidates))
        target = task.quality_target or 0.0
        return [n for n in self.proven(task) if (self._evidence(task, n) or 0.0) >= target]

    def _evidence(self, task: Task, name: str) -> float | None:
        measured = self._measured.get((task.name, name))
        if measured is not None and measured.enough:
            return measured.rate
        return self.configuration.deployments[name].quality.get(task.name)


def rows(reach: Reach, uses: Sequence[Use]) -> Iterator[Row]:
    """The table: for each use and class, where candidates, later attempts and helpers can go."""
    for use in uses:
        task = reach.configuration.tasks[use.task]
        for data_class in use.classes:
            yield from _candidate_rows(reach, use, task, data_class)
            for helper in _helpers_of(reach.configuration, use.task):
                yield _helper_row(reach, use, helper, data_class)


def helper_objection(
    reach: Reach, use: Use, helper: Helper, data_class: DataClass
) -> Exclusion | None:
    """Why a helper may not see data of this class at this use, or None when it may."""
    clearance = reach.clearance(reach.configuration.tasks[use.task], data_class)
    if helper.deployment in clearance.allowed:
        return None
    known = (e for e in clearance.exclusions if e.deployment == helper.deployment)
    unknown = Exclusion(helper.deployment, "helpers", "no deployment of this name is configured")
    return next(known, unknown)


def _candidate_rows(reach: Reach, use: Use, task: Task, data_class: DataClass) -> Iterator[Row]:
    reachable = reach.candidates(task, data_class)
    of_interest = task.candidates or tuple(reach.configuration.deployments)
    excluded = tuple(
        e for e in reach.clearance(task, data_class).exclusions if e.deployment in of_interest
    )
    yield Row(use.place, use.task, data_class, "candidates", reachable, excluded)
    # The order of `auto` follows cost, so any of them can come second.
    later = reachable if task.candidates is None else reachable[1:]
    if len(reachable) > 1:
        yield Row(use.place, use.task, data_class, "fallback and escalation", later)


def _helper_row(reach: Reach, use: Use, helper: Helper, data_class: DataClass) -> Row:
    objection = helper_objection(reach, use, helper, data_class)
    reachable = () if objection else (helper.deployment,)
    path = f"{helper.kind} {helper.name}"
    excluded = (objection,) if objection else ()
    return Row(use.place, use.task, data_class, path, reachable, excluded)


def _helpers_of(configuration: Configuration, task: str) -> Iterator[Helper]:
    return (h for h in configuration.helpers if h.tasks is None or task in h.tasks)
