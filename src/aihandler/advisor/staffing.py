"""How much work of engineers a phase takes, in months and money: as the costs take it."""

from collections.abc import Mapping, Sequence

from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.inputs import RULES
from aihandler.advisor.report import Staffing, TaskReport

Span = tuple[float, float, float]
_NOTHING: Span = (0.0, 0.0, 0.0)
_OPTIONS: Mapping[str, str] = {
    "managed_open": "managed",
    "self_host": "self_host",
    "hybrid_route": "hybrid",
}


def option_of(task: TaskReport) -> str:
    """The option of the verdict; before there is one, the cheapest open one that may be chosen."""
    named = task.verdict.option
    if named and named not in ("closed", "per_seat"):
        return named
    decided = _OPTIONS.get(task.verdict.outcome)
    if decided or task.total_cost is None:
        return decided or "self_host"
    open_ones = {"managed", "self_host", "hybrid", "hybrid_managed"}
    if task.facts.get("data_may_leave") is False:
        open_ones = {"self_host"}
    found = [total for total in task.total_cost.totals if total.option in open_ones]
    return min(found, key=lambda total: total.usd.median).option if found else "self_host"


def is_costed(task: TaskReport) -> bool:
    """Whether anything is known of what leaving costs: else no figure of a plan stands on it."""
    totals = task.total_cost.totals if task.total_cost else ()
    return option_of(task) in [total.option for total in totals]


def staffing(
    leaving: Sequence[TaskReport], months: tuple[int, int | None], *, once: Sequence[str] = ()
) -> Staffing:
    """Of the months from the first to before the last; None: of each month from the first on.

    `once` names inputs of the cost that are paid in this phase. Tasks share the engineers.
    """
    own = [task for task in leaving if not option_of(task).endswith("managed")]
    figures = (own or leaving)[0].figures if leaving else {}
    first, last = months
    span = _work(figures, first, last if last is not None else first + 1, own=bool(own))
    year = _figure(figures, "staff_usd_per_year")
    # The dearest engineer is not the slowest one, but may be.
    usd = tuple(round(m * y / 12, -2) for m, y in zip(span, year, strict=True))
    paid = [_figure(figures, name) for name in once]
    sums = [sum(each) for each in zip(_NOTHING, *paid, strict=True)]
    where = "self-hosting" if own else "a managed host"
    return Staffing(
        (round(span[0], 1), round(span[1], 1), round(span[2], 1)),
        (usd[0], usd[1], usd[2]),
        f"staff as the cost of {where} has it: {_sources(figures, own=bool(own))}",
        (sums[0], sums[1], sums[2]),
        each_month=last is None,
    )


def _work(figures: Mapping[str, Figure], first: float, last: float, *, own: bool) -> Span:
    """Months of engineers: the share of setting up until it serves, then that of running."""
    if not own:
        share = _figure(figures, "managed_staff_share")
        return tuple((last - first) * each for each in share)  # type: ignore[return-value]  # three
    until, setup = _figure(figures, "setup_months"), _figure(figures, "setup_staff_share")
    run = _figure(figures, "staff_share")
    spans = []
    for month, busy, after in zip(until, setup, run, strict=True):
        begun = max(0.0, min(last, month) - first)
        spans.append(begun * busy + (last - first - begun) * after)
    return spans[0], spans[1], spans[2]


def _figure(figures: Mapping[str, Figure], name: str) -> Span:
    """Likely, low, high."""
    if name in figures:
        return figures[name].value, figures[name].low, figures[name].high
    return RULES[name].assumed or _NOTHING


def _sources(figures: Mapping[str, Figure], *, own: bool) -> str:
    names = ("setup_staff_share", "staff_share") if own else ("managed_staff_share",)
    told = [
        figures[name].source if name in figures else f"assumed: {RULES[name].why}"
        for name in (*names, "staff_usd_per_year")
    ]
    return "; ".join(dict.fromkeys(told))
