"""Puts a report together: what is asked for, and the plan, come from the tasks."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from aihandler.advisor.advice import Advice
from aihandler.advisor.company import Company, Profile, facts_of
from aihandler.advisor.frameworks.contradictions import contradictions
from aihandler.advisor.plan import plan
from aihandler.advisor.report import Assumed, Finding, Missing, Report, TaskReport

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration


def report(
    company: Company,
    tasks: Sequence[TaskReport],
    *,
    made_at: float,
    origin: str,
    findings: Sequence[Finding] = (),
    assumed: Sequence[Assumed] = (),
    configuration: "Configuration | None" = None,
) -> Report:
    """Pure. The plan begins on the day of `made_at` (seconds since 1970), in UTC."""
    starts = datetime.fromtimestamp(made_at, UTC).date()
    return Report(
        made_at=made_at,
        origin=origin,
        company=company,
        assumed=tuple(assumed),
        missing=asked_for(tasks),
        tasks=tuple(tasks),
        contradictions=tuple(
            (task.task, found)
            for task in tasks
            for found in contradictions(task.facts, task.judgements)
        ),
        findings=tuple(findings),
        plan=plan(tasks, company, starts=starts, configuration=configuration),
    )


def of_advice(
    advice: Advice,
    profile: Profile,
    *,
    made_at: float,
    origin: str,
    configuration: "Configuration | None" = None,
) -> Report:
    """The report of an advice. What its costing noted stands among the assumptions."""
    tasks = [
        TaskReport(
            name,
            facts_of(profile, name),
            task.judgements,
            task.verdict,
            task.costing.total,
            f"give {', '.join(task.costing.ask)}" if task.costing.ask else "",
        )
        for name, task in advice.tasks.items()
    ]
    found = report(
        profile.company,
        tasks,
        made_at=made_at,
        origin=origin,
        findings=[Finding(f.where, f.says, f.status) for f in advice.findings],
        assumed=[
            Assumed("cost", note, "the costing of this task", name)
            for name, task in advice.tasks.items()
            for note in task.costing.notes
        ],
        configuration=configuration,
    )
    # As judged over the user's own files, where there are some.
    touched = tuple((name, one) for name, t in advice.tasks.items() for one in t.contradictions)
    return msgspec.structs.replace(found, contradictions=touched)


def asked_for(tasks: Sequence[TaskReport]) -> tuple[Missing, ...]:
    """Every missing input once; without a task where all of them lack it."""
    found: dict[str, dict[str, list[str]]] = {}
    for task in tasks:
        for judgement in task.judgements:
            for name in judgement.missing:
                found.setdefault(name, {}).setdefault(task.task, []).append(judgement.framework)
    missing = []
    for name, by_task in found.items():
        named = tuple(dict.fromkeys(f for frameworks in by_task.values() for f in frameworks))
        lacking = [""] if len(by_task) == len(tasks) else list(by_task)
        missing += [Missing(name, named, task) for task in lacking]
    return tuple(missing)
