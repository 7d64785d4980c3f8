"""What is refused before a comparison sends anything: names, keys, and where data may not go."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from aihandler.domain.labels import DataClass
from aihandler.errors import InputError, PolicyDenied
from aihandler.evaluation.datasets import class_counts
from aihandler.evaluation.observations import Dataset

if TYPE_CHECKING:
    from aihandler.handler import Handler


class Wanted(Protocol):
    """What is to be asked of whom."""

    @property
    def task(self) -> str:
        """The task."""
        ...

    @property
    def deployments(self) -> tuple[str, ...]:
        """Who is asked."""
        ...

    @property
    def dataset(self) -> Dataset:
        """What is asked."""
        ...


def check_admission(handler: "Handler", wanted: Wanted) -> None:
    """Raises InputError or PolicyDenied unless every item may go to every deployment."""
    handler.task(wanted.task)
    if not wanted.dataset.items:
        raise InputError("there is nothing to compare on", hint="name a file with --data")
    if len(set(wanted.deployments)) < len(wanted.deployments):
        raise InputError("a deployment is named twice", hint="name each once")
    for name in wanted.deployments:
        handler.deployment(name)
    _check_keys(handler, wanted.deployments)
    _check_classes(handler, wanted, class_counts(wanted.dataset))


def _check_keys(handler: "Handler", deployments: tuple[str, ...]) -> None:
    unavailable = handler.snapshot().unavailable
    for name in deployments:
        if name in unavailable:
            raise InputError(
                f"deployment {name!r} cannot be asked: {unavailable[name]}",
                hint="set its key, or leave it out of --deployments",
            )


def _check_classes(handler: "Handler", wanted: Wanted, counts: Mapping[DataClass, int]) -> None:
    for data_class, count in sorted(counts.items(), key=lambda pair: pair[0].rank):
        clearance = handler.clearance(wanted.task, data_class)
        why = {e.deployment: e.reason for e in clearance.exclusions}
        for name in wanted.deployments:
            if not clearance.permits(handler.deployment(name)):
                reason = why.get(name, "it is not cleared")
                raise PolicyDenied(
                    f"{count} of {len(wanted.dataset.items)} items are {data_class.value}, and "
                    f"deployment {name!r} may not see them: {reason}",
                    hint="leave the deployment or those items out; nothing was sent",
                )
