"""What each framework says of one task: verdict, inputs, what is missing, distances."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.advisor.company import Fact
from aihandler.advisor.frameworks.lists import JudgedList, judge_list
from aihandler.advisor.frameworks.reading import Frameworks, Source
from aihandler.advisor.frameworks.rules import Distance, Framework, Reading, Verdict


class Judgement(msgspec.Struct, frozen=True):
    """`verdict` is None when a missing input decides; `missing` names what to ask for."""

    framework: str
    title: str
    source: Source
    verdict: Verdict | None
    because: str
    hard: bool
    inputs: Mapping[str, Fact]
    missing: tuple[str, ...]
    distances: tuple[Distance, ...]


def judge_all(facts: Mapping[str, Fact], files: Sequence[Frameworks]) -> tuple[Judgement, ...]:
    """Every framework over the same facts."""
    return tuple(judge(f, facts, source=file.source) for file in files for f in file.frameworks)


def judge_lists(facts: Mapping[str, Fact], files: Sequence[Frameworks]) -> tuple[JudgedList, ...]:
    """Every list over the same facts."""
    return tuple(
        judge_list(one, facts, source=file.source.id) for file in files for one in file.lists
    )


def judge(framework: Framework, facts: Mapping[str, Fact], *, source: Source) -> Judgement:
    """The first rule that holds; a rule before it that nobody can tell keeps the verdict open."""
    reading = Reading(facts, framework.signals)
    verdict: Verdict | None = "undefined"
    because, hard = "no rule covers this", False
    for rule in framework.rules:
        holds = reading.value(rule.when)
        if holds is not False:
            verdict = rule.verdict if holds else None
            because = rule.because if holds else f"not known: {rule.because}"
            hard = bool(holds) and rule.hard
            break
    return Judgement(
        framework=framework.id,
        title=framework.title,
        source=source,
        verdict=verdict,
        because=because,
        hard=hard,
        inputs=reading.inputs,
        missing=tuple(name for name, value in reading.inputs.items() if value is None),
        distances=tuple(reading.distances.values()),
    )
