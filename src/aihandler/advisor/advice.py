"""All that is told of one company: assumptions, verdicts, frameworks, contradictions, cost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from aihandler.advisor.company import Fact, Profile, facts_of
from aihandler.advisor.costing import Costing
from aihandler.advisor.deciding import UnderPrices, cost_all, decided
from aihandler.advisor.economics.turns import Turn
from aihandler.advisor.evidence import evidence, unready
from aihandler.advisor.frameworks.contradictions import Contradiction, contradictions
from aihandler.advisor.frameworks.judging import Judgement, judge_all, judge_lists
from aihandler.advisor.frameworks.lists import JudgedList
from aihandler.advisor.frameworks.reading import Frameworks
from aihandler.advisor.linter import Finding, lint
from aihandler.advisor.plan import SPREAD, size
from aihandler.advisor.readiness import told_apart
from aihandler.advisor.spreads import Spread, measured_spreads
from aihandler.advisor.verdicts import Quality, TaskVerdict
from aihandler.advisor.whole import Whole, whole
from aihandler.ledger.comparisons import ComparisonRecord

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration


class Configured(NamedTuple):
    """A configuration that names deployments for commands; its file, where they have to name it."""

    configuration: "Configuration | None" = None
    file: str = ""


class TaskAdvice(msgspec.Struct, frozen=True):
    """One task. `evidence` are the commands that show its quality; `unready` says what they need
    first."""

    verdict: TaskVerdict
    judgements: tuple[Judgement, ...]
    contradictions: tuple[Contradiction, ...]
    costing: Costing
    quality: Quality | None = None
    turns: tuple[Turn, ...] = ()
    scenarios: tuple[UnderPrices, ...] = ()
    evidence: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()
    lists: tuple[JudgedList, ...] = ()
    escalation: Turn | None = None


class Advice(msgspec.Struct, frozen=True):
    """The whole company. `findings` are of its stated numbers; `spreads` were measured."""

    seed: int
    tasks: Mapping[str, TaskAdvice]
    findings: tuple[Finding, ...]
    whole: Whole | None = None
    spreads: Mapping[str, Spread] = {}


def advise(
    profile: Profile,
    files: Sequence[Frameworks],
    *,
    seed: int,
    comparisons: Sequence[ComparisonRecord] = (),
    runs: int = 10_000,
    units: Mapping[str, float] | None = None,
    configured: Configured | None = None,
) -> Advice:
    """Pure; the same inputs and seed give the same advice. `units` a month are of the company."""
    costs = cost_all(profile, comparisons, seed=seed, runs=runs)
    spreads = measured_spreads(comparisons)
    tasks = {}
    partings = [parting for file in files for parting in file.contradictions]
    for name in profile.tasks:
        facts = facts_of(profile, name)
        judgements = judge_all(facts, files)
        found = decided(profile, name, costs[name], judgements=judgements, comparisons=comparisons)
        commands, lacking = _evidence(name, facts, spreads.get(name, SPREAD), configured)
        verdict = found.verdict
        if verdict.command:
            verdict = msgspec.structs.replace(verdict, command=commands[-1])
        tasks[name] = TaskAdvice(
            verdict,
            judgements,
            contradictions(facts, judgements, partings),
            costs[name].costing,
            found.quality,
            found.turns,
            found.scenarios,
            commands,
            lacking,
            told_apart(judge_lists(facts, files)),
            found.escalation,
        )
    verdicts = {name: task.verdict for name, task in tasks.items()}
    together = whole(profile, costs, verdicts, units=units)
    return Advice(seed, tasks, lint(profile), together, spreads)


def _evidence(
    task: str, facts: Mapping[str, Fact], spread: Spread, configured: Configured | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The commands, and what has to be done before they run."""
    configuration, file = configured or Configured()
    needed = size(task, facts, spread=spread)
    commands = evidence(
        task,
        facts,
        examples=needed.examples,
        margin_points=needed.margin_points,
        configuration=configuration,
        file=file,
    )
    return commands, unready(task, facts, configuration)
