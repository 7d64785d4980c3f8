"""Reads framework files, the shipped ones and a user's own, and refuses what cannot be judged."""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec

from aihandler.advisor.company import NO_FACTS, Company, SecurityMeasures, TaskFacts
from aihandler.advisor.frameworks.lists import Checklist
from aihandler.advisor.frameworks.partings import Parting
from aihandler.advisor.frameworks.rules import (
    Condition,
    Framework,
    parts_of,
    thresholds_of,
)
from aihandler.config.places import Mistakes
from aihandler.config.places import Path as Place
from aihandler.config.shape import find_misshapes_of
from aihandler.config.words import did_you_mean
from aihandler.config.yaml import read_yaml
from aihandler.errors import ConfigError, InputError

# Facts that are sums of others.
_DERIVED = (
    "api_usd_per_month",
    "api_growth_per_year",
    "could_be_open_usd_per_month",
    "task_api_usd_per_month",
    "tokens_per_month",
    "tokens_per_day",
    "requests_per_month",
)
_DERIVED_FLAGS = ("mixed_workloads",)
_SECURITY = "security."
# What a file may hold beside its source; ids are unique within each.
_KEYS = ("frameworks", "lists", "contradictions")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where rules come from; `version` changes with every threshold."""

    id: str
    title: str
    version: str


class Frameworks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: a source with its frameworks and lists, and contradictions that it names."""

    source: Source
    frameworks: tuple[Framework, ...] = ()
    lists: tuple[Checklist, ...] = ()
    contradictions: tuple[Parting, ...] = ()


@cache
def shipped() -> tuple[Frameworks, ...]:
    """Those that come with the package, in the order of their sources."""
    return tuple(read_frameworks(path) for path in shipped_paths())


def shipped_paths() -> tuple[Path, ...]:
    """Their files, to copy and edit."""
    return tuple(sorted(Path(__file__).parent.glob("*.yaml")))


def read_frameworks(path: Path) -> Frameworks:
    """Raises ConfigError with all mistakes and their lines, InputError when there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read the frameworks {str(path)!r}: {type(error).__name__}",
            hint="name a YAML file in UTF-8 that holds a source and frameworks",
        ) from error
    return parse_frameworks(text, file=str(path))


def parse_frameworks(text: str, *, file: str) -> Frameworks:
    """Raises ConfigError with all mistakes and their lines."""
    tree, mistakes = read_yaml(text, file=file)
    find_misshapes_of(Frameworks, tree.data, mistakes)
    if not len(mistakes):
        read = msgspec.convert(tree.data, Frameworks)
        for at, framework in enumerate(read.frameworks):
            _check(framework, ("frameworks", at), mistakes)
        for at, checklist in enumerate(read.lists):
            _check(checklist, ("lists", at), mistakes)
        for at, parting in enumerate(read.contradictions):
            _check_parting(parting, ("contradictions", at), mistakes)
        _check_ids(read, mistakes)
        if not len(mistakes):
            return read
    found = mistakes.in_order()
    raise ConfigError("\n".join(str(m) for m in found), hint=found[0].hint, mistakes=found)


@cache
def fact_names() -> tuple[str, ...]:
    """Everything that a rule may ask for."""
    own = (*Company.__struct_fields__, *TaskFacts.__struct_fields__)
    measures = (f"{_SECURITY}{name}" for name in SecurityMeasures.__struct_fields__)
    names = dict.fromkeys((*own, *_DERIVED, *_DERIVED_FLAGS, *measures))
    return tuple(name for name in names if name not in NO_FACTS)


def _check(framework: Framework | Checklist, at: Place, mistakes: Mistakes) -> None:
    signals = framework.signals
    places: dict[Place, Condition] = {(*at, "signals", n): c for n, c in signals.items()}
    whens = (
        [("rules", n, rule.when) for n, rule in enumerate(framework.rules)]
        if isinstance(framework, Framework)
        else [("items", n, item.when) for n, item in enumerate(framework.items)]
    )
    places |= {(*at, key, number, "when"): when for key, number, when in whens}
    for place, condition in places.items():
        for each in _walk(condition):
            _check_condition(each, place, signals=signals, mistakes=mistakes)
    for name in signals:
        # A signal that needs itself would never have a value.
        if name in _needed(name, signals):
            mistakes.add((*at, "signals", name), f"the signal {name!r} needs itself")


def _check_parting(parting: Parting, at: Place, mistakes: Mistakes) -> None:
    for part in _walk(parting.when):
        _check_condition(part, (*at, "when"), signals={}, mistakes=mistakes)
    if parting.of:
        _known(parting.of, fact_names(), (*at, "of"), mistakes=mistakes)
    named = {("sides", n): side.fact for n, side in enumerate(parting.sides)}
    named |= {("gaps", n): gap.fact for n, gap in enumerate(parting.gaps)}
    for place, fact in named.items():
        if fact is not None:
            _known(fact, fact_names(), (*at, *place, "fact"), mistakes=mistakes)


def _check_ids(read: Frameworks, mistakes: Mistakes) -> None:
    for key in _KEYS:
        seen: set[str] = set()
        for at, entry in enumerate(getattr(read, key)):
            if entry.id in seen:
                mistakes.add((key, at, "id"), f"{entry.id!r} stands twice", hint="rename one")
            seen.add(entry.id)


def _walk(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in parts_of(condition):
        yield from _walk(part)


def _check_condition(
    part: Condition, place: Place, *, signals: Mapping[str, Condition], mistakes: Mistakes
) -> None:
    forms = (part.fact, part.all, part.any, part.none, part.holds, part.of)
    given = sum(form is not None for form in forms)
    bounds = bool(thresholds_of(part)) + (part.is_ is not None)
    if given > 1 or bounds != (part.fact is not None or part.of is not None):
        mistakes.add(
            place,
            "a condition must be one comparison, count or group",
            hint="a fact or `of` with above, at_least, below, at_most or is; or all, any, none",
        )
    if part.fact is not None:
        _known(part.fact, fact_names(), place, mistakes=mistakes)
        _fits(part, part.fact, place, mistakes=mistakes)
    for name in (*(part.of or ()), *((part.holds,) if part.holds is not None else ())):
        _known(name, signals, place, mistakes=mistakes)


def _known(name: str, names: Collection[str], place: Place, *, mistakes: Mistakes) -> None:
    if name not in names:
        hint = did_you_mean(name, names, what="known")
        mistakes.add(place, f"there is no fact or signal {name!r}", hint=hint)


def _fits(part: Condition, fact: str, place: Place, *, mistakes: Mistakes) -> None:
    numeric = fact in _DERIVED or bool({int, Decimal} & set(get_args(_hints().get(fact))))
    if fact in fact_names() and numeric != bool(thresholds_of(part)):
        how = "above, at_least, below or at_most" if numeric else "is"
        mistakes.add(place, f"{fact!r} cannot be compared so", hint=f"compare it with {how}")


@cache
def _hints() -> Mapping[str, object]:
    return {**get_type_hints(Company), **get_type_hints(TaskFacts)}


def _needed(name: str, signals: Mapping[str, Condition]) -> set[str]:
    needed: set[str] = set()
    open_names = [name]
    while open_names:
        for part in _walk(signals[open_names.pop()]):
            found = {n for n in (*(part.of or ()), part.holds) if n in signals} - needed
            needed |= {n for n in found if n is not None}
            open_names += [n for n in found if n is not None]
    return needed
