"""What the page shows of an advice, arranged: one struct for each part."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from aihandler.advisor.company import Fact
from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.inputs import RULES
from aihandler.advisor.economics.total_cost import Return, Swing, Total, TotalCost
from aihandler.advisor.frameworks.contradictions import Contradiction
from aihandler.advisor.frameworks.judging import Judgement
from aihandler.advisor.frameworks.reading import Source
from aihandler.advisor.frameworks.rules import Distance
from aihandler.advisor.pages.charts import Scale, cash_curve, cost_bar, swing_bar
from aihandler.advisor.pages.words import OUTCOMES, money, name
from aihandler.advisor.report import Assumed, Report, TaskReport

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = [
    "CostView",
    "answer",
    "assumptions",
    "contradictions",
    "cost_views",
    "distances",
    "matrix",
    "sources",
]

# Wider swings come first; what lies behind these moves little.
_SWINGS = 8
_HAS_OPEN = ("managed", "self_host", "hybrid", "hybrid_managed")
_HAS_VENDOR = ("closed", "managed", "hybrid", "hybrid_managed", "per_seat")
_OF_OUTCOME = {"managed_open": "managed", "self_host": "self_host", "hybrid_route": "hybrid"}

Tick = tuple[float, str]


class SwingView(msgspec.Struct, frozen=True):
    """A row of the tornado."""

    swing: Swing
    meaning: str
    bar: "Markup"


class CostView(msgspec.Struct, frozen=True):
    """The costs of one task; curve and tornado are of `option`, that of the verdict if it has one.

    `bars` are by option; `barred` says of some why they may not be chosen, whatever they cost.
    """

    task: str
    cost: TotalCost
    bars: dict[str, "Markup"]
    ticks: list[Tick]
    barred: Mapping[str, str] = {}
    option: str = ""
    back: Return | None = None
    curve: "Markup | None" = None
    swings: tuple[SwingView, ...] = ()
    swing_ticks: list[Tick] = []


def answer(advice: Report) -> str:
    """All verdicts in one or two sentences."""
    groups = {
        words: [t.task for t in advice.tasks if t.verdict.outcome == outcome]
        for outcome, words in OUTCOMES.items()
    }
    said = [f"{_listed(tasks)}: {words}" for words, tasks in groups.items() if tasks]
    return "; ".join(said) + "." if said else "No task was given."


def assumptions(advice: Report) -> list[Assumed]:
    """Those of the advice, then those of the costs; what holds for several tasks stands once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for task in advice.tasks:
        for assumed in task.total_cost.assumed if task.total_cost else ():
            why = assumed.figure.source.removeprefix("assumed: ")
            what = f"{name(assumed.name)} ({assumed.meaning})"
            key = (what, _figure(assumed.figure), why)
            found.setdefault(key, []).append(task.task)
    costed = sum(1 for task in advice.tasks if task.total_cost)
    return [
        *advice.assumed,
        *(
            Assumed(what, taken, why, "" if len(tasks) == costed else ", ".join(tasks))
            for (what, taken, why), tasks in found.items()
        ),
    ]


def matrix(tasks: Sequence[TaskReport]) -> list[list[Judgement]]:
    """A row for each framework, with one judgement for each task."""
    rows: dict[tuple[str, str], list[Judgement]] = {}
    for task in tasks:
        for judgement in task.judgements:
            rows.setdefault((judgement.source.id, judgement.framework), []).append(judgement)
    return list(rows.values())


def sources(tasks: Sequence[TaskReport]) -> list[Source]:
    """Each once, in the order of the frameworks."""
    found = {judgement.source.id: judgement.source for t in tasks for judgement in t.judgements}
    return list(found.values())


def contradictions(advice: Report) -> list[tuple[Contradiction, list[str]]]:
    """Each once, with the tasks that it touches."""
    found: dict[tuple[str, str], tuple[Contradiction, list[str]]] = {}
    for task, contradiction in advice.contradictions:
        key = contradiction.id, contradiction.says
        found.setdefault(key, (contradiction, []))[1].append(task)
    return list(found.values())


def distances(tasks: Sequence[TaskReport]) -> list[tuple[str, str, str, list[str]]]:
    """Fact, threshold, who names it, and how far each task is from it (`14 x below`)."""
    rows: dict[tuple[str, str], tuple[dict[str, None], dict[str, str]]] = {}
    for task in tasks:
        for judgement in task.judgements:
            for distance in judgement.distances:
                key = name(distance.fact), f"{distance.threshold:,}"
                named, far = rows.setdefault(key, ({}, {}))
                named[f"{name(judgement.framework)} ({judgement.source.id})"] = None
                far[task.task] = _far(distance)
    return [
        (fact, threshold, ", ".join(named), [far.get(task.task, "not read") for task in tasks])
        for (fact, threshold), (named, far) in rows.items()
    ]


def cost_views(tasks: Iterable[TaskReport]) -> list[CostView]:
    """Of every task whose cost is known."""
    return [_cost_view(task, task.total_cost) for task in tasks if task.total_cost]


def _cost_view(task: TaskReport, cost: TotalCost) -> CostView:
    scale = Scale.over([v for t in cost.totals for v in (t.usd.low, t.usd.high, t.usd.likely)])
    bars = {t.option: cost_bar(t.usd, scale, kind=t.option) for t in cost.totals}
    barred = _barred(task.facts)
    view = CostView(task.task, cost, bars, _ticks(scale), barred)
    back = _told(task, cost, barred)
    if back is None:
        return view
    swings = cost.tornado.get(back.option, ())[:_SWINGS]
    base = back.curve_usd[-1].likely
    swing_scale = Scale.over([base, *(v for s in swings for v in (s.low_usd, s.high_usd))])
    return msgspec.structs.replace(
        view,
        option=back.option,
        back=back,
        curve=cash_curve(back, kind=back.option),
        swings=tuple(
            SwingView(s, RULES[s.name].meaning, swing_bar(s.low_usd, s.high_usd, base, swing_scale))
            for s in swings
        ),
        swing_ticks=_ticks(swing_scale),
    )


def _barred(facts: Mapping[str, Fact]) -> dict[str, str]:
    """What a hard constraint takes out; cost has no say in it."""
    barred: dict[str, str] = {}
    if facts.get("open_licence_allowed") is False:
        barred |= dict.fromkeys(_HAS_OPEN, "no licence")
    if facts.get("frontier_needed") is True:
        barred |= dict.fromkeys(_HAS_OPEN, "the frontier is needed")
    if facts.get("data_may_leave") is False:
        barred |= dict.fromkeys(_HAS_VENDOR, "data may not leave")
    return barred


def _told(task: TaskReport, cost: TotalCost, barred: Mapping[str, str]) -> Return | None:
    """The option of the verdict; else the cheapest that is allowed beside closed."""
    decided = _OF_OUTCOME.get(task.verdict.outcome)

    def order(back: Return) -> tuple[bool, float]:
        return back.option != decided, _total(cost, back.option).usd.likely

    return min((b for b in cost.returns if b.option not in barred), key=order, default=None)


def _total(cost: TotalCost, option: str) -> Total:
    return next(total for total in cost.totals if total.option == option)


def _ticks(scale: Scale) -> list[Tick]:
    return [(scale.place(tick), money(tick)) for tick in scale.ticks()]


def _figure(figure: Figure) -> str:
    ends = [figure.value] if figure.low == figure.high else [figure.value, figure.low, figure.high]
    unit = figure.unit
    if unit.startswith("share"):
        # A share is read more easily in percent.
        unit = unit.replace("share/", "% a ").replace("share", "%")
        ends = [100 * end for end in ends]
    value, *rest = (f"{end:,.6g}" for end in ends)
    return f"{value} ({' to '.join(rest)}) {unit}" if rest else f"{value} {unit}"


def _far(distance: Distance) -> str:
    """The page has fact and threshold in columns of their own."""
    if distance.times is None:
        return f"it is {distance.value:,}"
    return "at it" if distance.times == 1 else " ".join(str(distance).split()[:3])


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
