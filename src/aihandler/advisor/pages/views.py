"""What the page shows of an advice, arranged: one struct for each part."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from aihandler.advisor.assuming import AssumedFigure, assumed_figures, compact, grouped
from aihandler.advisor.company import Fact
from aihandler.advisor.contradicting import Told, contradicting
from aihandler.advisor.deciding import UnderPrices
from aihandler.advisor.economics.break_even import BreakEven
from aihandler.advisor.economics.figures import Figure, rounded
from aihandler.advisor.economics.inputs import RULES
from aihandler.advisor.economics.total_cost import Priced, Return, Swing, Total, TotalCost
from aihandler.advisor.frameworks.judging import Judgement
from aihandler.advisor.frameworks.reading import Source
from aihandler.advisor.frameworks.rules import Distance
from aihandler.advisor.pages.charts import Scale, cash_curve, cost_bar, swing_bar, volume_bar
from aihandler.advisor.pages.words import OUTCOMES, money, name
from aihandler.advisor.report import Assumed, Report, TaskReport
from aihandler.advisor.units import UnitCost

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = [
    "CostView",
    "answer",
    "assumption_groups",
    "assumptions",
    "citations",
    "contradictions",
    "cost_views",
    "distances",
    "figure_views",
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


class EvenView(msgspec.Struct, frozen=True):
    """The break-even volume against that of today."""

    bar: "Markup | None"
    words: str


class Citation(msgspec.Struct, frozen=True):
    """A source and its day, as often as figures stand on it."""

    text: str
    as_of: str = ""


class FigureView(msgspec.Struct, frozen=True):
    """An input of the cost; `source` is the number of its citation, `detail` what of it."""

    name: str
    meaning: str
    value: str
    given: bool
    source: int
    detail: str = ""


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
    notes: tuple[str, ...] = ()
    even: EvenView | None = None
    lines: tuple[tuple[str, tuple[float | None, ...]], ...] = ()
    managed: str = ""
    turns: tuple[str, ...] = ()
    scenarios: tuple[tuple[UnderPrices, Priced], ...] = ()
    units: tuple[UnitCost, ...] = ()


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
    return [*advice.assumed, *map(_assumed, assumed_figures(advice.tasks))]


def assumption_groups(advice: Report) -> list[tuple[str, str, list[Assumed]]]:
    """What they are about, all of them in a few words, and each."""
    found = [
        (group, "; ".join(compact(members)), [_assumed(one) for one in members])
        for group, members in grouped(assumed_figures(advice.tasks)).items()
    ]
    if advice.assumed:
        told = "; ".join(f"{one.what}: {one.taken}" for one in advice.assumed)
        found.insert(0, ("stated", told, list(advice.assumed)))
    return found


def _assumed(one: AssumedFigure) -> Assumed:
    what = f"{name(one.name)} ({one.meaning})"
    return Assumed(what, _figure(one.figure), one.why, ", ".join(one.tasks))


def citations(advice: Report) -> list[Citation]:
    """All sources of figures, each once; assumptions are one, and the last."""
    figures = [figure for task in advice.tasks for figure in task.figures.values()]
    found = dict.fromkeys(_cited(figure, advice.origin)[0] for figure in figures)
    return sorted(found, key=lambda one: one == _ASSUMED)


def figure_views(advice: Report) -> list[tuple[str, list[FigureView]]]:
    """By task, given and measured ones first."""
    numbers = {one: number for number, one in enumerate(citations(advice), 1)}
    found = []
    for task in advice.tasks:
        rows = []
        for label, figure in task.figures.items():
            source, detail = _cited(figure, advice.origin)
            meaning = RULES[label].meaning if label in RULES else ""
            given, number = source != _ASSUMED, numbers[source]
            rows.append(FigureView(label, meaning, _figure(figure), given, number, detail))
        if rows:
            found.append((task.task, sorted(rows, key=lambda row: not row.given)))
    return found


_ASSUMED = Citation("assumed by AI Handler, because nobody said it; the reasons stand beside them")


def _cited(figure: Figure, origin: str) -> tuple[Citation, str]:
    """The source, and what of it: a key of the profile, or why it was assumed."""
    if figure.source.startswith("assumed"):
        return _ASSUMED, figure.source.removeprefix("assumed: ")
    if figure.source.startswith(f"{origin}: "):
        return Citation(origin, f"the profile, {figure.as_of}"), figure.source.removeprefix(
            f"{origin}: "
        )
    # A unit is the whole, or what was measured how; what follows is where from.
    basis, colon, source = figure.source.partition(": ")
    return Citation(source if colon else basis, figure.as_of), basis if colon else ""


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


def contradictions(advice: Report) -> tuple[Told, ...]:
    """Each once, with the tasks that it touches."""
    return contradicting(advice.contradictions, [task.task for task in advice.tasks])


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
    scale = Scale.over([v for t in cost.totals for v in (t.usd.low, t.usd.high)])
    bars = {t.option: cost_bar(t.usd, scale, kind=t.option) for t in cost.totals}
    barred = _barred(task.facts)
    view = CostView(
        task.task,
        cost,
        bars,
        _ticks(scale),
        barred,
        notes=task.notes,
        even=_even(task.break_even, task.figures.get("requests_per_month")),
        lines=_lines(cost),
        managed=_managed(task.managed_break_even),
        turns=tuple(str(turn) for turn in task.turns if turn.at is not None),
        scenarios=tuple(zip(task.scenarios, cost.scenarios, strict=False)),
        units=task.units,
    )
    back = _told(task, cost, barred)
    if back is None:
        return view
    swings = cost.tornado.get(back.option, ())[:_SWINGS]
    # What the middle inputs save is near the middle of the runs, and not the same.
    base = swings[0].middle_usd if swings else 0.0
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


def _even(even: BreakEven | None, now: Figure | None) -> EvenView | None:
    if even is None:
        return None
    if even.per_month is None:
        return EvenView(None, f"own machines never cost less: {even.reason}.")
    words = f"own machines stay cheaper from {_volume(even.per_month)} requests a month on"
    if now is None or now.value <= 0:
        return EvenView(None, f"{words} ({even.reason}).")
    times = even.per_month / now.value
    far = f"{times:.2g} x below it" if times >= 1 else f"{1 / times:.2g} x above it"
    bar = volume_bar(now.value, even.per_month)
    return EvenView(bar, f"{words}; today's {now.value:,.0f} are {far} ({even.reason}).")


def _volume(per_month: float) -> str:
    """No more digits than its inputs have."""
    return f"{rounded(float(per_month)):,.0f}"


def _managed(even: BreakEven | None) -> str:
    if even is None:
        return ""
    if even.per_month is None:
        return f"never costs less: {even.reason}."
    return f"stays cheaper from {_volume(even.per_month)} requests a month on ({even.reason})."


def _lines(cost: TotalCost) -> tuple[tuple[str, tuple[float | None, ...]], ...]:
    """Lines of the first year by option; the dearest first."""
    names = dict.fromkeys(line for total in cost.totals for line in total.lines_usd)
    rows = [(line, tuple(t.lines_usd.get(line) for t in cost.totals)) for line in names]
    return tuple(sorted(rows, key=lambda row: -max(usd or 0 for usd in row[1])))


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
        return back.option != decided, _total(cost, back.option).usd.median

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
