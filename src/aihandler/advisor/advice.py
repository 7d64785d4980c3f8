"""All that is told of one company: assumptions, verdicts, frameworks, contradictions, cost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from aihandler.advisor.company import Profile, facts_of
from aihandler.advisor.costing import Costing, cost_task
from aihandler.advisor.evidence import evidence, unready
from aihandler.advisor.facts import quality_of
from aihandler.advisor.frameworks.contradictions import Contradiction, contradictions
from aihandler.advisor.frameworks.judging import Judgement, judge_all
from aihandler.advisor.frameworks.reading import Frameworks
from aihandler.advisor.linter import Finding, lint
from aihandler.advisor.plan import SPREAD, size
from aihandler.advisor.spreads import Spread, measured_spreads
from aihandler.advisor.verdicts import Quality, TaskVerdict, decide
from aihandler.ledger.comparisons import ComparisonRecord

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration


class TaskAdvice(msgspec.Struct, frozen=True):
    """One task. `evidence` are the commands that show its quality; `unready` says what they need
    first."""

    verdict: TaskVerdict
    judgements: tuple[Judgement, ...]
    contradictions: tuple[Contradiction, ...]
    costing: Costing
    quality: Quality | None = None
    evidence: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()


class Advice(msgspec.Struct, frozen=True):
    """The whole company. `findings` are of its stated numbers; `spreads` were measured."""

    seed: int
    tasks: Mapping[str, TaskAdvice]
    findings: tuple[Finding, ...]
    spreads: Mapping[str, Spread] = {}


def advise(
    profile: Profile,
    files: Sequence[Frameworks],
    *,
    seed: int,
    comparisons: Sequence[ComparisonRecord] = (),
    runs: int = 10_000,
    configuration: "Configuration | None" = None,
    file: str = "",
) -> Advice:
    """Pure; the same inputs and seed give the same advice. `configuration` names deployments for
    commands; `file` is its name, where commands have to give it."""
    tasks = {}
    spreads = measured_spreads(comparisons)
    for name, task in profile.tasks.items():
        facts = facts_of(profile, name)
        judgements = judge_all(facts, files)
        costing = cost_task(profile, name, seed=seed, runs=runs)
        quality = quality_of(task, comparisons, task=name)
        verdict = decide(name, facts, judgements, quality=quality, costs=costing.costs)
        needed = size(name, facts, spread=spreads.get(name, SPREAD))
        commands = evidence(
            name,
            facts,
            examples=needed.examples,
            margin_points=needed.margin_points,
            configuration=configuration,
            file=file,
        )
        if verdict.command:
            verdict = msgspec.structs.replace(verdict, command=commands[-1])
        touched = contradictions(facts, judgements)
        lacking = unready(name, facts, configuration)
        tasks[name] = TaskAdvice(verdict, judgements, touched, costing, quality, commands, lacking)
    return Advice(seed, tasks, lint(profile), spreads)
