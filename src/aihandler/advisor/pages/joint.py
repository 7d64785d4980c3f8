"""What the page shows of all tasks together, and of published lists."""

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from aihandler.advisor.economics.runs import Band, Difference
from aihandler.advisor.economics.total_cost import Return
from aihandler.advisor.frameworks.lists import JudgedItem
from aihandler.advisor.pages.charts import Scale, cash_curve, cost_bar
from aihandler.advisor.pages.words import money
from aihandler.advisor.report import Report
from aihandler.advisor.units import UnitCost
from aihandler.advisor.whole import Course, PricedCourse, Whole

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["list_views", "whole_view"]


class Way(msgspec.Struct, frozen=True):
    """One way for all tasks; today's saves nothing against itself."""

    name: str
    says: str
    kind: str
    usd: Band
    bar: "Markup"
    saved: Difference | None = None
    back: Return | None = None


class WholeView(msgspec.Struct, frozen=True):
    """All ways on one scale; `of` names the one that curve and scenarios are of."""

    months: int
    runs: int
    rows: tuple[Way, ...]
    ticks: list[tuple[float, str]]
    of: str
    scenarios: tuple[PricedCourse, ...]
    units: tuple[UnitCost, ...]
    notes: tuple[str, ...]
    curve: "Markup | None" = None


class ListView(msgspec.Struct, frozen=True):
    """A published list: a row for each item, with one state for each task."""

    title: str
    source: str
    note: str
    told: str
    rows: tuple[tuple[JudgedItem, ...], ...]


def whole_view(whole: Whole | None) -> WholeView | None:
    """None where no task has a cost."""
    if whole is None:
        return None
    courses = {"by the verdicts": whole.decided}
    if whole.possible is not None:
        courses["if quality holds"] = whole.possible
    bands = [whole.today, *(course.usd for course in courses.values())]
    scale = Scale.over([usd for band in bands for usd in (band.low, band.high)])
    today = Way("as today", "", "closed", whole.today, cost_bar(whole.today, scale, kind="closed"))
    ways = [_way(name, course, scale) for name, course in courses.items()]
    of, shown = list(courses.items())[-1]
    left_out = [f"{task} has no cost, and is left out" for task in whole.left_out]
    return WholeView(
        whole.months,
        whole.runs,
        (today, *ways),
        [(scale.place(tick), money(tick)) for tick in scale.ticks()],
        of,
        shown.scenarios,
        whole.units,
        (*whole.notes, *left_out),
        cash_curve(shown.back, kind="hybrid"),
    )


def _way(name: str, course: Course, scale: Scale) -> Way:
    kind = "managed" if name == "by the verdicts" else "hybrid"
    # What it saves stands in columns of its own.
    says = course.says.rpartition("; ")[0]
    bar = cost_bar(course.usd, scale, kind=kind)
    return Way(name, says, kind, course.usd, bar, course.saved, course.back)


def list_views(advice: Report) -> list[ListView]:
    """Each once, with all tasks beside each other."""
    if not advice.tasks:
        return []
    found = []
    for lists in zip(*(task.lists for task in advice.tasks), strict=True):
        rows = tuple(zip(*(one.items for one in lists), strict=True))
        states = Counter(item.state for row in rows for item in row)
        told = f"{len(rows)} items, {states['applies']} times they apply"
        if states["not_known"]:
            told += f", {states['not_known']} not known"
        found.append(ListView(lists[0].title, lists[0].source, lists[0].note, told, rows))
    return found
