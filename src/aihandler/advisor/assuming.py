"""What was assumed, grouped by what it is about, so that it can stand first and still be short."""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.report import TaskReport

# The first pattern that is found in a name says its group; in the order in which they are told.
_GROUPS: tuple[tuple[str, str], ...] = (
    ("managed host", r"^managed"),
    ("people", r"staff|setup_months|recruit|on_call|engineer"),
    ("demand", r"growth|peak|request|_tokens|routed"),
    (
        "own machines",
        r"gpu|replica|hours|spot|util|autoscal|storage|egress|power|kwh|cold|lag|life",
    ),
    ("vendor's prices", r"cache|batch|api_|usd_per_million|indemn|seat|liab"),
    ("quality", r"evaluation|safety|retry|escalation|valid"),
    ("change", r"upgrade|prompt|exit|purchase"),
)
_OTHER = "other"


class AssumedFigure(msgspec.Struct, frozen=True):
    """An input that nobody gave, and in which tasks; none named: in all whose cost is known."""

    name: str
    meaning: str
    figure: Figure
    tasks: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """Its source, in words."""
        return self.figure.source.removeprefix("assumed: ")


def assumed_figures(tasks: Sequence[TaskReport]) -> tuple[AssumedFigure, ...]:
    """Each once. What is taken from another key of a task is no figure that somebody guessed."""
    found: dict[tuple[str, str, Figure], list[str]] = {}
    costed = [task for task in tasks if task.total_cost]
    for task in costed:
        for one in task.total_cost.assumed if task.total_cost else ():
            # The keys of the profile are in the report's own figures.
            figure = task.figures.get(one.name, one.figure)
            found.setdefault((one.name, one.meaning, figure), []).append(task.task)
    return tuple(
        AssumedFigure(name, meaning, figure, () if len(named) == len(costed) else tuple(named))
        for (name, meaning, figure), named in found.items()
    )


def grouped(figures: Sequence[AssumedFigure]) -> Mapping[str, list[AssumedFigure]]:
    """By what they are about, in a fixed order."""
    groups: dict[str, list[AssumedFigure]] = {group: [] for group, _ in (*_GROUPS, (_OTHER, ""))}
    for one in figures:
        found = (group for group, pattern in _GROUPS if re.search(pattern, one.name))
        groups[next(found, _OTHER)].append(one)
    return {group: members for group, members in groups.items() if members}


def compact(members: Sequence[AssumedFigure]) -> Iterator[str]:
    """The members of one group in a few words each; what is taken as nothing comes last."""
    by_name: dict[str, list[AssumedFigure]] = {}
    for one in members:
        by_name.setdefault(one.name, []).append(one)
    nothing = []
    for name, same in by_name.items():
        words = name.replace("_usd", "").replace("_", " ")
        if all(one.figure.value == 0 for one in same):
            nothing.append(words + _ends(same))
        elif len(same) > 1:
            low, high = min(o.figure.low for o in same), max(o.figure.high for o in same)
            unit = same[0].figure.unit
            yield f"{words} {spoken(low, unit)} to {spoken(high, unit)} by task"
        else:
            yield f"{words} {span(same[0].figure)}"
    if nothing:
        yield f"taken as 0: {', '.join(nothing)}"


def _ends(same: Sequence[AssumedFigure]) -> str:
    """How far from nothing it may be, also below."""
    low, high = min(o.figure.low for o in same), max(o.figure.high for o in same)
    unit = same[0].figure.unit
    if low < 0:
        return f" ({spoken(low, unit).removesuffix(' %')} to {spoken(high, unit)})"
    return f" (up to {spoken(high, unit)})" if high else ""


def span(figure: Figure) -> str:
    """`3 (2 to 6)`; shares in percent."""
    value = spoken(figure.value, figure.unit)
    if figure.low == figure.high:
        return value
    low, high = spoken(figure.low, figure.unit), spoken(figure.high, figure.unit)
    return f"{value} ({low.removesuffix(' %')} to {high})"


def spoken(value: float, unit: str) -> str:
    """A number with a unit that can be left to the eye: percent and dollars."""
    if unit.startswith("share"):
        return f"{100 * value:.4g} %"
    shown = f"{abs(value):,.6g}"
    sign = "-" if value < 0 else ""
    return f"{sign}${shown}" if unit.startswith("USD") else f"{sign}{shown}"
