"""Where the published frameworks contradict each other or themselves, shown and not hidden."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from aihandler.advisor.company import Fact
from aihandler.advisor.frameworks.judging import Judgement
from aihandler.advisor.frameworks.partings import Gap, Parting
from aihandler.advisor.frameworks.reading import read_frameworks
from aihandler.advisor.frameworks.rules import Reading


class Contradiction(msgspec.Struct, frozen=True):
    """`between` names frameworks; `id` is stable; `in_gaps` are those that the facts fall into."""

    id: str
    between: tuple[str, ...]
    says: str
    title: str = ""
    sources: tuple[str, ...] = ()
    inputs: Mapping[str, Fact] = {}
    in_gaps: tuple[Gap, ...] = ()


def contradictions(
    facts: Mapping[str, Fact],
    judgements: Sequence[Judgement],
    partings: Sequence[Parting] | None = None,
) -> tuple[Contradiction, ...]:
    """Those that these facts touch; a missing fact touches nothing. None: the shipped ones.

    One is shown only where one of its frameworks was judged: the rules may be a user's own.
    """
    if partings is None:
        partings = _shipped()
    judged = {judgement.framework for judgement in judgements}
    found = [_touched(parting, facts) for parting in partings if _named(parting) & judged]
    return tuple(one for one in found if one is not None)


def _shipped() -> tuple[Parting, ...]:
    return read_frameworks(Path(__file__).parent / "contradictions.yaml").contradictions


def _named(parting: Parting) -> set[str]:
    return {side.framework for side in parting.sides if side.framework}


def _touched(parting: Parting, facts: Mapping[str, Fact]) -> Contradiction | None:
    reading = Reading(facts, {})
    if reading.value(parting.when) is not True:
        return None
    inside = tuple(gap for gap in parting.gaps if _within(gap, facts[gap.fact]))
    return Contradiction(
        id=parting.id,
        between=tuple(dict.fromkeys(s.framework for s in parting.sides if s.framework)),
        says=_head(parting, facts) + "; ".join(_parts(parting)),
        title=parting.title,
        sources=tuple(dict.fromkeys(side.source for side in parting.sides)),
        inputs=reading.inputs,
        in_gaps=inside,
    )


def _head(parting: Parting, facts: Mapping[str, Fact]) -> str:
    value = facts.get(parting.of) if parting.of else None
    if value is None:
        return ""
    shown = f"{value:,}" if isinstance(value, Decimal) else str(value)
    return f"{parting.head.replace('{}', shown)}: "


def _parts(parting: Parting) -> Iterator[str]:
    yield ", ".join(str(side) for side in parting.sides)
    yield from (str(part) for part in (*parting.gaps, *parting.apart))
    if parting.note:
        yield parting.note


def _within(gap: Gap, value: Fact) -> bool:
    return isinstance(value, Decimal) and gap.at_least <= value <= gap.at_most
