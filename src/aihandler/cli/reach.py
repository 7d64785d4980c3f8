"""Where data of each class may go, as a short table for people."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from aihandler.cli.page import table
from aihandler.domain.deployment import Hosting
from aihandler.domain.labels import DataClass
from aihandler.domain.task import TaskStep

if TYPE_CHECKING:
    from aihandler.domain.clearance import Clearance
    from aihandler.handler import Handler

# In this process: no byte leaves it.
HERE = "here"


def where_data_may_go(
    handler: "Handler", workflow: str, documents: Mapping[str, int]
) -> Iterator[str]:
    """For each class that was met: how many documents, where they may go, and why not elsewhere."""
    rows = [
        (
            data_class.value,
            f"{documents[data_class.value]:,}",
            *_reach(handler, workflow, data_class),
        )
        for data_class in DataClass
        if documents.get(data_class.value)
    ]
    if rows:
        columns = ("class", "count", "may go to", "and not to")
        yield table(columns, rows, numbers=("count",))


def _reach(handler: "Handler", workflow: str, data_class: DataClass) -> tuple[str, str]:
    """Only what the workflow's tasks name; a deployment that one of them may use counts."""
    allowed: dict[str, None] = {}
    refused: dict[str, str] = {}
    for step in handler.workflow(workflow).steps:
        if isinstance(step, TaskStep):
            task = handler.task(step.task)
            clearance = handler.clearance(step.task, data_class)
            named = task.candidates
            names = named if named is not None else tuple(handler.configuration.deployments)
            allowed.update(dict.fromkeys(n for n in names if n in clearance.allowed))
            refused.update({n: r for n, r in _refused(clearance).items() if n in names})
    return _places(handler, list(allowed)), _reasons(
        {n: refused[n] for n in refused if n not in allowed}
    )


def _refused(clearance: "Clearance") -> dict[str, str]:
    return {exclusion.deployment: exclusion.reason for exclusion in clearance.exclusions}


def _places(handler: "Handler", names: list[str]) -> str:
    deployments = handler.configuration.deployments
    here = [n for n in names if deployments[n].in_process]
    away = [n for n in names if n not in here]
    own = [n for n in away if deployments[n].hosting is Hosting.SELF]
    others = [n for n in away if n not in own]
    return ", ".join([*([HERE] if here else []), *own, *others]) or "nowhere"


def _reasons(refused: Mapping[str, str]) -> str:
    """Deployments by reason; a reason is told once."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in refused.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())
