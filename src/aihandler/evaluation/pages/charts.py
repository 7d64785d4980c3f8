"""Drawings as inline SVG, in percent of their box: they stretch with the page, the text does not.

All text is escaped here; colours are those of the style sheet, by class.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from markupsafe import Markup, escape

from aihandler.evaluation.pages.words import dollars
from aihandler.evaluation.statistics.means import Interval

__all__ = ["Dot", "Scale", "cost_chart", "interval_bar"]


class Scale(NamedTuple):
    """What the left and the right end of a drawing mean."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Where `value` stands, 0 (left) to 100 (right); the ends hold what lies beyond."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def ticks(self) -> list[float]:
        """Up to six round values inside."""
        for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
            first = -(-self.low // step)
            count = int((self.high + 1e-9) / step - first) + 1
            if count <= 6:
                return [round((first + k) * step, 4) for k in range(count)]
        return []


class Dot(msgspec.Struct, frozen=True):
    """A point of the cost chart: nano-dollars an item, a score with its interval, a colour."""

    name: str
    cost_nano_usd: int
    score: float
    interval: Interval
    kind: str


def interval_bar(
    value: float | None,
    interval: Interval,
    scale: Scale,
    *,
    kind: str,
    zone: Interval | None = None,
    label: str = "",
) -> Markup:
    """A point with its interval. `zone` is shaded, and its end `high` is a line: the baseline."""
    if value is None:
        return Markup("")
    low, high, at = (scale.place(v) for v in (interval.low, interval.high, value))
    parts = [f'<svg class="bar" role="img" aria-label="{escape(label)}">']
    for tick in scale.ticks():
        x = scale.place(tick)
        parts.append(f'<line class="grid" x1="{x}%" x2="{x}%" y1="0" y2="100%"/>')
    if zone:
        left, right = scale.place(zone.low), scale.place(zone.high)
        parts.append(
            f'<rect class="zone" x="{left}%" width="{right - left:.2f}%" y="0" height="100%"/>'
            f'<line class="zero" x1="{right}%" x2="{right}%" y1="0" y2="100%"/>'
        )
    parts.append(
        f'<line class="range {kind}" x1="{low}%" x2="{high}%" y1="50%" y2="50%"/>'
        f'<circle class="dot {kind}" cx="{at}%" cy="50%" r="5"/></svg>'
    )
    # Everything above is a number, a class of ours, or escaped.
    return Markup("".join(parts))  # noqa: S704


_HEIGHT, _TOP, _BOTTOM = 280, 20, 24
# A name and its cost below it.
_LINES = 34
_NAME = 18


def cost_chart(dots: Sequence[Dot], scale: Scale) -> Markup:
    """Scores over costs: up is better, left is cheaper. Costs far apart stand on a log axis."""
    axis = _CostAxis.of([dot.cost_nano_usd for dot in dots])
    parts = [
        f'<svg class="chart" height="{_HEIGHT}" role="img" '
        'aria-label="score over cost of each deployment">'
    ]
    for tick in scale.ticks():
        y = _y(tick, scale)
        parts.append(
            f'<line class="grid" x1="44" x2="100%" y1="{y}" y2="{y}"/>'
            f'<text x="36" y="{y + 4}" text-anchor="end">{tick * 100:.0f}</text>'
        )
    names = _apart([_y(dot.score, scale) for dot in dots])
    for dot, name_y in zip(dots, names, strict=True):
        parts.append(_dot(dot, axis.place(dot.cost_nano_usd), scale, name_y))
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704


def _dot(dot: Dot, x: float, scale: Scale, name_y: float) -> str:
    y, top, bottom = (_y(v, scale) for v in (dot.score, dot.interval.high, dot.interval.low))
    # dx is in pixels while x is in percent: a gap that does not stretch.
    side = f'x="{x}%" dx="-12" text-anchor="end"' if x > 50 else f'x="{x}%" dx="12"'
    return (
        f'<line class="range {dot.kind}" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>'
        f'<circle class="dot {dot.kind}" cx="{x}%" cy="{y}" r="6"/>'
        f'<text class="name" {side} y="{name_y - 3}">{escape(_short(dot.name))}'
        f"<title>{escape(dot.name)}</title></text>"
        f'<text class="under" {side} y="{name_y + 12}">{dollars(dot.cost_nano_usd)}</text>'
    )


def _short(name: str) -> str:
    """As much of a name as a chart on a telephone has room for; the tables have all of it."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


class _CostAxis(NamedTuple):
    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, costs: Sequence[int]) -> "_CostAxis":
        paid = [cost for cost in costs if cost > 0] or [1]
        # Beyond this the cheap ones would all stand on one spot.
        return cls(min(paid), max(paid), max(paid) / min(paid) > 20)

    def place(self, cost: int) -> float:
        if cost <= 0:
            return 15.0
        if not self.log:
            return round(15 + 78 * cost / self.high, 2)
        share = math.log(cost / self.low) / math.log(self.high / self.low)
        return round(34 + 59 * share, 2)


def _y(value: float, scale: Scale) -> float:
    return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - scale.place(value) / 100), 1)


def _apart(places: Sequence[float]) -> list[float]:
    """The same heights, moved down as far as needed for lines of text not to touch."""
    moved = list(places)
    last = float("-inf")
    for index in sorted(range(len(places)), key=lambda i: places[i]):
        moved[index] = last = max(places[index], last + _LINES)
    return moved
