"""Puts a report together: what is asked for, and the plan, come from the tasks."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from aihandler.advisor.advice import Advice
from aihandler.advisor.company import Company, Profile, facts_of
from aihandler.advisor.facts import Taken
from aihandler.advisor.frameworks.contradictions import contradictions
from aihandler.advisor.linter import Finding
from aihandler.advisor.plan import plan
from aihandler.advisor.report import Assumed, Missing, Report, TaskReport
from aihandler.advisor.sources import fact_sources, with_keys
from aihandler.advisor.spreads import Spread

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration


# Facts that follow from others have no key of their own: these are what a profile can say.
_MADE_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tokens_per_month": ("input_tokens_per_month", "output_tokens_per_month"),
        "tokens_per_day": ("input_tokens_per_month", "output_tokens_per_month"),
        "mixed_workloads": ("cost_sensitive",),
        "api_usd_per_month": ("api_usd_per_year",),
        "api_growth_per_year": ("api_growth_per_quarter",),
        "could_be_open_usd_per_month": ("could_be_open", "task_api_usd_per_month"),
    }
)
_NAMED: Mapping[str, str] = MappingProxyType(
    {
        "task_api_usd_per_month": "api_usd_per_month",
        "requests_per_month": "costs.requests_per_month",
    }
)


class Planning(NamedTuple):
    """The first day of the plan, spreads that were measured, and what the checklist is read of."""

    starts: date | None = None
    spreads: Mapping[str, Spread] = MappingProxyType({})
    configuration: "Configuration | None" = None


def report(
    company: Company,
    tasks: Sequence[TaskReport],
    *,
    made_at: float,
    origin: str,
    findings: Sequence[Finding] = (),
    assumed: Sequence[Assumed] = (),
    planning: Planning | None = None,
) -> Report:
    """Pure. The plan begins on the day of `made_at` (seconds since 1970, in UTC), unless said."""
    planning = planning or Planning()
    first = planning.starts or datetime.fromtimestamp(made_at, UTC).date()
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
        plan=plan(
            tasks,
            company,
            starts=first,
            spreads=planning.spreads,
            configuration=planning.configuration,
        ),
    )


def of_advice(
    advice: Advice,
    profile: Profile,
    *,
    made_at: float,
    origin: str,
    taken: Sequence[Taken] = (),
    starts: date | None = None,
    configuration: "Configuration | None" = None,
) -> Report:
    """The report of an advice; `taken` is what the ledger gave, `origin` names the profile."""
    tasks = [
        TaskReport(
            name,
            facts_of(profile, name),
            task.judgements,
            task.verdict,
            task.costing.total,
            f"give {', '.join(task.costing.ask)}" if task.costing.ask else "",
            task.costing.notes,
            task.costing.break_even,
            with_keys(task.costing, name, origin=origin, taken=taken),
            fact_sources(profile, name, origin=origin, taken=taken),
            task.quality,
            task.evidence,
            task.unready,
            task.turns,
            task.scenarios,
            task.costing.units,
            task.costing.managed_break_even,
            task.costing.reached,
            task.lists,
            task.escalation,
        )
        for name, task in advice.tasks.items()
    ]
    found = report(
        profile.company,
        tasks,
        made_at=made_at,
        origin=origin,
        findings=advice.findings,
        planning=Planning(starts, advice.spreads, configuration),
    )
    # As judged over the user's own files, where there are some.
    touched = tuple((name, one) for name, t in advice.tasks.items() for one in t.contradictions)
    lacking = {name: task.costing.ask for name, task in advice.tasks.items()}
    return msgspec.structs.replace(
        found,
        missing=asked_for(tasks, lacking),
        contradictions=touched,
        whole=advice.whole,
    )


def asked_for(
    tasks: Sequence[TaskReport], costs: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> tuple[Missing, ...]:
    """Every missing input once; without a task where all of them lack it.

    What verdicts wait for comes first, then what the cost of a task lacks, which `costs` names.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for task in tasks:
        for name in task.verdict.ask:
            found.setdefault(name, {}).setdefault(task.task, []).append("the verdict")
    for of, names in costs.items():
        for name in names:
            found.setdefault(name, {}).setdefault(of, []).append("the cost")
    for task in tasks:
        for judgement in task.judgements:
            for name in (key for fact in judgement.missing for key in _keys(fact, task)):
                found.setdefault(name, {}).setdefault(task.task, []).append(judgement.framework)
    missing = []
    for name, by_task in found.items():
        named = tuple(dict.fromkeys(f for frameworks in by_task.values() for f in frameworks))
        lacking = [""] if len(by_task) == len(tasks) else list(by_task)
        missing += [Missing(name, named, task) for task in lacking]
    return tuple(missing)


def _keys(fact: str, task: TaskReport) -> tuple[str, ...]:
    """A missing fact by the keys that would give it; those that are given are not asked for."""
    made_of = _MADE_OF.get(fact)
    if made_of is None:
        return (_NAMED.get(fact, fact),)
    return tuple(key for key in made_of if task.facts.get(key) is None)
