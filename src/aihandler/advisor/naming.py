"""Names and values of a profile that its shape cannot refuse: inputs, quarters, order, claims."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from aihandler.advisor.claims.machines import Memory, Tuning
from aihandler.advisor.economics.inputs import BY_RENT, RULES, unread
from aihandler.advisor.economics.reference import BYTES_PER_WEIGHT, gpus, shapes
from aihandler.config.places import Mistakes, Path
from aihandler.config.words import did_you_mean

if TYPE_CHECKING:
    from aihandler.advisor.company import Profile, TaskFacts

_QUARTER = re.compile(r"[0-9]{4}-Q[1-4]")


def find_wrong_names(profile: "Profile", mistakes: Mistakes) -> None:
    """Adds every one of them, at its place."""
    quarter = profile.company.growth_base_quarter
    if quarter is not None and not _QUARTER.fullmatch(quarter):
        place = ("company", "growth_base_quarter")
        mistakes.add(place, f"{quarter!r} is no quarter", hint="write it as 2025-Q3")
    for name, task in profile.tasks.items():
        _of_task(task, ("tasks", name), mistakes)
    for name, claim in profile.claims.items():
        if isinstance(claim, Memory | Tuning):
            _known_names(claim, ("claims", name), mistakes)


def _of_task(task: "TaskFacts", at: Path, mistakes: Mistakes) -> None:
    for name, values in task.costs.items():
        place: Path = (*at, "costs", name)
        if name not in RULES:
            hint = did_you_mean(name, RULES, what="the inputs are")
            mistakes.add(place, f"there is no input {name!r}", hint=hint)
        elif not _in_order(values):
            hint = "give one number, or the likely, the lowest and the highest, in this order"
            mistakes.add(place, f"{name!r} is {list(values)}", hint=hint)
    _of_sources(task, at, mistakes)
    _of_rent(task, at, mistakes)
    if task.margin is not None and task.margin > 100:
        mistakes.add((*at, "margin"), "'margin' is more than 100 points", hint="2 is usual")


def _of_sources(task: "TaskFacts", at: Path, mistakes: Mistakes) -> None:
    for name in task.sources:
        if name not in task.costs and getattr(task, name, None) is None:
            told = f"the source of {name!r}, and no such input"
            mistakes.add((*at, "sources", name), told, hint="give it, or drop its source")


def _of_rent(task: "TaskFacts", at: Path, mistakes: Mistakes) -> None:
    rent = task.hosting.rent if task.hosting else "hourly"
    for name in unread(task.costs, rent):
        way = next(way for way, names in BY_RENT.items() if name in names)
        mistakes.add(
            (*at, "costs", name),
            f"{name!r} is given, and the machines are paid for {rent!r}",
            hint=f"write `rent: {way}` under `hosting`, or leave it out",
        )


def _known_names(claim: Memory | Tuning, at: Path, mistakes: Mistakes) -> None:
    for key, name, names in _named(claim):
        _known(name, names, (*at, key), what=key, mistakes=mistakes)


def _named(claim: Memory | Tuning) -> Iterator[tuple[str, str, Collection[str]]]:
    yield "model", claim.model, shapes()
    yield "gpu", claim.gpu, gpus()
    yield "precision", claim.precision, BYTES_PER_WEIGHT


def _known(
    name: str, names: Collection[str], place: Path, *, what: str, mistakes: Mistakes
) -> None:
    if name not in names:
        hint = did_you_mean(name, names, what="known")
        mistakes.add(place, f"no figures of the {what} {name!r}", hint=hint)


def _in_order(values: Sequence[float]) -> bool:
    return len(values) == 1 or (len(values) == 3 and values[1] <= values[0] <= values[2])
