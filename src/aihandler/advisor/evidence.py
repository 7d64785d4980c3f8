"""The commands that would give the evidence a verdict lacks, with names that are there."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aihandler.advisor.company import Fact
from aihandler.domain.deployment import Deployment, Hosting

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration

# What stands for a deployment that nobody has named.
CLOSED, OPEN, OTHER = "CLOSED", "OPEN", "OTHER"


def evidence(
    task: str,
    facts: Mapping[str, Fact],
    *,
    examples: int,
    margin_points: float,
    configuration: "Configuration | None" = None,
    file: str = "",
) -> tuple[str, ...]:
    """Takes `examples` from the ledger, then compares on them. `file` names the configuration,
    where it is not the usual one.

    Deployments are those of the facts, else those that the configuration lets the task use.
    """
    data = shlex.quote(f"{task}.jsonl")
    name, at = shlex.quote(task), f" -c {shlex.quote(file)}" if file else ""
    first, second = pair(task, facts, configuration)
    return (
        f"aihandler dataset from-ledger --task {name} --limit {examples} --out {data}{at}",
        f"aihandler compare {name} --deployments {first},{second} --data {data}"
        f" --margin {margin_points:g}{at}",
    )


def pair(
    task: str, facts: Mapping[str, Fact], configuration: "Configuration | None"
) -> tuple[str, str]:
    """Whom to compare: the vendor's first, the open one second. Two own ones where data stays."""
    closed, opened = _candidates(task, configuration)
    if facts.get("data_may_leave") is False:
        own = [name for name, hosting in opened if hosting is Hosting.SELF]
        named = facts.get("open")
        first = str(named) if named else next(iter(own), OPEN)
        return first, next((name for name in own if name != first), OTHER)
    one, two = facts.get("closed"), facts.get("open")
    return (
        str(one) if one else next(iter(closed), CLOSED),
        str(two) if two else next((name for name, _ in opened), OPEN),
    )


def unready(
    task: str, facts: Mapping[str, Fact], configuration: "Configuration | None"
) -> tuple[str, ...]:
    """What has to be in the configuration before the commands run."""
    names = [name for name in pair(task, facts, configuration) if name in (CLOSED, OPEN, OTHER)]
    told = [f"name deployments in place of {' and '.join(names)}"] if names else []
    if configuration is not None and task not in configuration.tasks:
        told.insert(0, f"put the task {task!r} into the configuration")
    return tuple(told)


def _candidates(
    task: str, configuration: "Configuration | None"
) -> tuple[list[str], list[tuple[str, Hosting]]]:
    if configuration is None:
        return [], []
    known = configuration.tasks.get(task)
    own = list((known.candidates if known else None) or ())
    # Those of the task first, in its order; then any other that answers with text.
    others = [name for name, d in configuration.deployments.items() if _answers(d)]
    names = dict.fromkeys([*own, *others])
    found = [(n, d) for n in names if (d := configuration.deployments.get(n))]
    closed = [name for name, d in found if d.hosting is Hosting.VENDOR]
    return closed, [(n, d.hosting) for n, d in found if d.hosting is not Hosting.VENDOR]


def _answers(deployment: Deployment) -> bool:
    # What ships in this process answers the tasks that name it, and no other.
    return deployment.serves == "text" and not deployment.backend.startswith("builtin/")
