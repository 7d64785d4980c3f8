"""All that is told of one company: assumptions, verdicts, frameworks, contradictions, cost."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.advisor.company import Profile, facts_of
from aihandler.advisor.costing import Costing, cost_task
from aihandler.advisor.facts import quality_of
from aihandler.advisor.frameworks.contradictions import Contradiction, contradictions
from aihandler.advisor.frameworks.judging import Judgement, judge_all, judge_lists
from aihandler.advisor.frameworks.lists import JudgedList
from aihandler.advisor.frameworks.reading import Frameworks
from aihandler.advisor.linter import Finding, lint
from aihandler.advisor.verdicts import TaskVerdict, decide
from aihandler.ledger.comparisons import ComparisonRecord


class TaskAdvice(msgspec.Struct, frozen=True):
    """One task."""

    verdict: TaskVerdict
    judgements: tuple[Judgement, ...]
    contradictions: tuple[Contradiction, ...]
    costing: Costing
    lists: tuple[JudgedList, ...] = ()


class Advice(msgspec.Struct, frozen=True):
    """The whole company. `findings` are of its stated numbers."""

    seed: int
    tasks: Mapping[str, TaskAdvice]
    findings: tuple[Finding, ...]


def advise(
    profile: Profile,
    files: Sequence[Frameworks],
    *,
    seed: int,
    comparisons: Sequence[ComparisonRecord] = (),
    runs: int = 10_000,
) -> Advice:
    """Pure; the same inputs and seed give the same advice."""
    tasks = {}
    partings = [parting for file in files for parting in file.contradictions]
    for name, task in profile.tasks.items():
        facts = facts_of(profile, name)
        judgements = judge_all(facts, files)
        costing = cost_task(profile, name, seed=seed, runs=runs)
        quality = quality_of(task, comparisons, task=name)
        verdict = decide(name, facts, judgements, quality=quality, costs=costing.costs)
        touched = contradictions(facts, judgements, partings)
        lists = judge_lists(facts, files)
        tasks[name] = TaskAdvice(verdict, judgements, touched, costing, lists=lists)
    return Advice(seed, tasks, lint(profile))
