"""`prove`: where all data of a configuration can go, before any of it moves."""

import datetime
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from aihandler.config.configuration import Configuration, Helper
from aihandler.domain.clearance import Exclusion
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Task
from aihandler.policy.cuts import cut_findings
from aihandler.policy.findings import Finding, Proof
from aihandler.policy.flow import Use, uses_of
from aihandler.policy.reach import Measured, Reach, helper_objection, rows
from aihandler.policy.statements import statement_findings
from aihandler.policy.upkeep import deployment_findings

__all__ = ["prove"]


def prove(
    configuration: Configuration,
    *,
    today: datetime.date,
    corrections: Mapping[str, DataClass] | None = None,
    measured: Measured | None = None,
) -> Proof:
    """Proves the data flow of a configuration, or says where it fails.

    `corrections` is the highest class of the corrections that a task's reviews brought, by task;
    `measured` is the quality in the ledger, by (task, deployment). Pure: equal input, equal proof.
    """
    corrections = corrections or {}
    uses = uses_of(configuration, corrections)
    reach = Reach(configuration, measured or {})
    findings = [
        *_task_findings(reach, uses),
        *_helper_findings(reach, uses),
        *statement_findings(configuration, uses, corrections),
        *cut_findings(configuration),
        *deployment_findings(configuration, today),
    ]
    located = (_located(finding, configuration.lines) for finding in findings)
    # Errors first; within a level the order in which they were found, which is the file's.
    ordered = sorted(located, key=lambda f: f.level != "error")
    return Proof(tuple(rows(reach, uses)), tuple(ordered))


def _task_findings(reach: Reach, uses: Sequence[Use]) -> Iterator[Finding]:
    for task in reach.configuration.tasks.values():
        own = [use for use in uses if use.task == task.name]
        if task.candidates is None and not reach.proven(task):
            yield _no_evidence(task)
            continue
        yield from _nowhere_to_go(reach, task, own)
        yield from _unreachable(reach, task, own)


def _no_evidence(task: Task) -> Finding:
    return Finding(
        "error",
        "no-evidence",
        f"task {task.name!r} is `auto`, and nothing says how good any deployment is at it",
        f"tasks.{task.name}.candidates",
        hint=f"declare `quality: {{{task.name}: 0.9}}` at a deployment, or name the candidates",
    )


def _nowhere_to_go(reach: Reach, task: Task, uses: Sequence[Use]) -> Iterator[Finding]:
    if task.otherwise != "error":
        return
    stuck = {u.place: [c for c in u.classes if not reach.candidates(task, c)] for u in uses}
    classes = [c for c in DataClass if any(c in found for found in stuck.values())]
    if not classes:
        return
    places = ", ".join(place for place, found in stuck.items() if found and place != task.name)
    where = f"task {task.name!r}" + (f" ({places})" if places else "")
    yield Finding(
        "error",
        "no-deployment",
        f"{where}: no deployment is left for {_listed(classes)} data"
        + _because(reach, task, classes),
        f"tasks.{task.name}.candidates",
        hint=f"add a candidate that {classes[-1].value} data may reach, "
        "or `otherwise: review` (or a default)",
    )


def _because(reach: Reach, task: Task, classes: Sequence[DataClass]) -> str:
    exclusions = reach.clearance(task, classes[0]).exclusions
    named = [e for e in exclusions if e.deployment in (task.candidates or ())]
    return ": " + "; ".join(f"{e.deployment}: {e.reason}" for e in named) if named else ""


def _unreachable(reach: Reach, task: Task, uses: Sequence[Use]) -> Iterator[Finding]:
    # What the lowest class cannot reach, no higher one can.
    lowest = {use.classes[0] for use in uses if use.classes}
    for name in dict.fromkeys(task.candidates or ()):
        reasons = [
            next(
                (e.reason for e in reach.clearance(task, c).exclusions if e.deployment == name), ""
            )
            for c in sorted(lowest, key=lambda c: c.rank)
        ]
        if reasons and all(reasons):
            yield Finding(
                "warning",
                "candidate-unreachable",
                f"no data that task {task.name!r} gets may reach candidate {name!r}: {reasons[0]}",
                f"tasks.{task.name}.candidates",
                hint="remove it from the candidates, or widen the rule that takes it out",
            )


def _helper_findings(reach: Reach, uses: Sequence[Use]) -> Iterator[Finding]:
    for helper in reach.configuration.helpers:
        refused: dict[str, Exclusion] = {}
        for use in uses:
            if helper.tasks is not None and use.task not in helper.tasks:
                continue
            for data_class in use.classes:
                objection = helper_objection(reach, use, helper, data_class)
                if objection is not None:
                    refused.setdefault(f"{data_class.value} data of {use.place}", objection)
        if refused:
            yield _helper_finding(helper, refused)


def _helper_finding(helper: Helper, refused: Mapping[str, Exclusion]) -> Finding:
    reason = next(iter(refused.values())).reason
    return Finding(
        "error",
        "helper-not-allowed",
        f"{helper.kind} {helper.name!r} sees {', '.join(refused)}, "
        f"which may not reach deployment {helper.deployment!r}: {reason}",
        f"helpers.{helper.name}",
        hint="name its `tasks`, without these, or a deployment that all of this may reach",
    )


def _located(finding: Finding, lines: Mapping[str, int]) -> Finding:
    path = finding.path
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return msgspec.structs.replace(finding, line=lines.get(path, 0))


def _listed(classes: Sequence[DataClass]) -> str:
    return " and ".join(c.value for c in classes)
