"""All that is told of one company: assumptions, verdicts, frameworks, contradictions, cost."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.advisor.company import Profile, facts_of
from aihandler.advisor.costing import Costing
from aihandler.advisor.deciding import UnderPrices, cost_all, decided
from aihandler.advisor.economics.tornado import Turn
from aihandler.advisor.frameworks.contradictions import Contradiction, contradictions
from aihandler.advisor.frameworks.judging import Judgement, judge_all, judge_lists
from aihandler.advisor.frameworks.lists import JudgedList
from aihandler.advisor.frameworks.reading import Frameworks
from aihandler.advisor.linter import Finding, lint
from aihandler.advisor.verdicts import Quality, TaskVerdict
from aihandler.advisor.whole import Whole, whole
from aihandler.ledger.comparisons import ComparisonRecord


class TaskAdvice(msgspec.Struct, frozen=True):
    """One task."""

    verdict: TaskVerdict
    judgements: tuple[Judgement, ...]
    contradictions: tuple[Contradiction, ...]
    costing: Costing
    quality: Quality | None = None
    turns: tuple[Turn, ...] = ()
    scenarios: tuple[UnderPrices, ...] = ()
    lists: tuple[JudgedList, ...] = ()


class Advice(msgspec.Struct, frozen=True):
    """The whole company. `findings` are of its stated numbers."""

    seed: int
    tasks: Mapping[str, TaskAdvice]
    findings: tuple[Finding, ...]
    whole: Whole | None = None


def advise(
    profile: Profile,
    files: Sequence[Frameworks],
    *,
    seed: int,
    comparisons: Sequence[ComparisonRecord] = (),
    runs: int = 10_000,
    units: Mapping[str, float] | None = None,
) -> Advice:
    """Pure; the same inputs and seed give the same advice. `units` a month are of the company."""
    costs = cost_all(profile, comparisons, seed=seed, runs=runs)
    tasks = {}
    partings = [parting for file in files for parting in file.contradictions]
    for name in profile.tasks:
        facts = facts_of(profile, name)
        judgements = judge_all(facts, files)
        found = decided(profile, name, costs[name], judgements=judgements, comparisons=comparisons)
        tasks[name] = TaskAdvice(
            found.verdict,
            judgements,
            contradictions(facts, judgements, partings),
            costs[name].costing,
            found.quality,
            found.turns,
            found.scenarios,
            judge_lists(facts, files),
        )
    verdicts = {name: task.verdict for name, task in tasks.items()}
    together = whole(profile, costs, verdicts, units=units)
    return Advice(seed, tasks, lint(profile), together)
