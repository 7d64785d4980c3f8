"""Drawings as inline SVG, in percent of their box: they stretch with the page, the text does not.

All text is escaped here; colours are those of the style sheet, by class.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from aihandler.advisor.economics.total_cost import Band, Return
from aihandler.advisor.pages.words import band, money

__all__ = ["Scale", "cash_curve", "cost_bar", "swing_bar", "volume_bar"]


class Scale(NamedTuple):
    """What the left and the right end of a drawing mean, in dollars, and from tick to tick."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float]) -> "Scale":
        """From the least to the most of these and 0, with round ends."""
        low, high = min(0.0, *values), max(0.0, *values)
        step = _step((high - low) / 4 or 1.0)
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step or step, step)

    def place(self, value: float) -> float:
        """Where `value` stands, 0 (left) to 100 (right)."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def ticks(self) -> list[float]:
        """A few round values, both ends and 0 included."""
        count = round((self.high - self.low) / self.step)
        return [self.low + self.step * k for k in range(count + 1)]


def cost_bar(found: Band, scale: Scale, *, kind: str) -> Markup:
    """The interval of a cost, and the middle of its runs as a point."""
    low, high, at = (scale.place(v) for v in (found.low, found.high, found.median))
    label = escape(f"middle {money(found.median)}, nine tenths of the runs {band(found)}")
    return Markup(  # noqa: S704  # numbers, a class of ours, and what is escaped
        f'<svg class="bar" role="img" aria-label="{label}">{_grid(scale)}'
        f'<line class="range {kind}" x1="{low}%" x2="{high}%" y1="50%" y2="50%"/>'
        f'<circle class="dot {kind}" cx="{at}%" cy="50%" r="5"/></svg>'
    )


def swing_bar(low: float, high: float, base: float, scale: Scale) -> Markup:
    """One bar of a tornado: from what the low end gives to what the high end gives."""
    at = scale.place(base)
    parts = [
        f'<svg class="bar" role="img" aria-label="{escape(f"{money(low)} to {money(high)}")}">',
        _grid(scale),
        f'<line class="zero" x1="{scale.place(0)}%" x2="{scale.place(0)}%" y1="0" y2="100%"/>',
    ]
    for value, end in ((low, "low"), (high, "high")):
        left, right = sorted((at, scale.place(value)))
        parts.append(
            f'<rect class="swing {end}" x="{left}%" width="{right - left:.2f}%" y="22%" '
            'height="56%"/>'
        )
    parts.append(f'<line class="base" x1="{at}%" x2="{at}%" y1="8%" y2="92%"/></svg>')
    return Markup("".join(parts))  # noqa: S704


def volume_bar(now: float, even: float) -> Markup:
    """Today's volume and that of break-even, by powers of ten."""
    low = 10 ** math.floor(math.log10(min(now, even) / 2))
    high = 10 ** math.ceil(math.log10(max(now, even) * 2))
    powers = round(math.log10(high / low))

    def at(value: float) -> float:
        return round(4 + 92 * math.log10(value / low) / powers, 2)

    label = escape(f"{now:,.0f} requests a month today, break-even at {even:,.0f}")
    parts = [f'<svg class="volume" height="64" role="img" aria-label="{label}">']
    for power in range(powers + 1):
        x, text = at(low * 10**power), f"{low * 10**power:,.0f}"
        side = "start" if power == 0 else "end" if power == powers else "middle"
        parts.append(
            f'<line class="grid" x1="{x}%" x2="{x}%" y1="22" y2="42"/>'
            f'<text x="{x}%" y="58" text-anchor="{side}">{text}</text>'
        )
    left, right = sorted((at(now), at(even)))
    parts.append(f'<line class="range self_host" x1="{left}%" x2="{right}%" y1="32" y2="32"/>')
    for value, words, kind in ((now, "today", "closed"), (even, "break-even", "self_host")):
        # Words that would meet stand to the two sides of their points.
        side = "end" if (value < max(now, even)) else "start"
        parts.append(
            f'<circle class="dot {kind}" cx="{at(value)}%" cy="32" r="6"/>'
            f'<text class="name" x="{at(value)}%" y="16" text-anchor="{side}">{words}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704


_HEIGHT, _TOP, _BOTTOM = 240, 14, 30
_LEFT, _RIGHT = 15.0, 98.0


def cash_curve(back: Return, *, kind: str) -> Markup:
    """What is saved until the end of each month: the middle and the band of the runs."""
    curve = back.curve_usd
    scale = Scale.over([v for point in curve for v in (point.low, point.high)])
    label = escape(f"saved by the end of month {len(curve)}: {money(curve[-1].median)}")
    parts = [f'<svg class="chart" height="{_HEIGHT}" role="img" aria-label="{label}">']
    for tick in scale.ticks():
        y, zero = _y(tick, scale), "zero" if abs(tick) < 1e-6 else "grid"
        parts.append(
            f'<line class="{zero}" x1="{_LEFT}%" x2="{_RIGHT}%" y1="{y}" y2="{y}"/>'
            f'<text x="{_LEFT - 1.5}%" y="{y + 4}" text-anchor="end">{money(tick)}</text>'
        )
    for month in range(0, len(curve) + 1, 6):
        x = _x(month, len(curve))
        parts.append(f'<text x="{x}%" y="{_HEIGHT - 8}" text-anchor="middle">{month}</text>')
    parts.append(_lines(curve, scale, kind))
    if back.month is not None:
        parts.append(_paid(back, back.month, scale, kind))
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704


def _lines(curve: Sequence[Band], scale: Scale, kind: str) -> str:
    def points(values: Sequence[tuple[int, float]]) -> str:
        return " ".join(f"{m * 100 / len(curve):.2f},{100 - scale.place(v)}" for m, v in values)

    over = [(m, p.high) for m, p in enumerate(curve, 1)]
    under = [(m, p.low) for m, p in enumerate(curve, 1)]
    middle = [(0, 0.0), *((m, p.median) for m, p in enumerate(curve, 1))]
    # A box of its own that stretches both ways; strokes keep their width by the style sheet.
    return (
        f'<svg x="{_LEFT}%" y="{_TOP}" width="{_RIGHT - _LEFT}%" '
        f'height="{_HEIGHT - _TOP - _BOTTOM}" viewBox="0 0 100 100" preserveAspectRatio="none">'
        f'<polygon class="area {kind}" points="{points([(0, 0.0), *over, *under[::-1]])}"/>'
        f'<polyline class="curve {kind}" points="{points(middle)}"/></svg>'
    )


def _paid(back: Return, month: int, scale: Scale, kind: str) -> str:
    x, y = _x(month, len(back.curve_usd)), _y(0, scale)
    side = 'dx="-8" text-anchor="end"' if x > 50 else 'dx="8"'
    # The words stand on top, where the curve has no business this early.
    return (
        f'<line class="mark {kind}" x1="{x}%" x2="{x}%" y1="{_TOP}" y2="{y}"/>'
        f'<circle class="dot {kind}" cx="{x}%" cy="{y}" r="6"/>'
        f'<text class="name" x="{x}%" {side} y="{_TOP + 10}">paid back: month {month}</text>'
    )


def _grid(scale: Scale) -> str:
    places = [scale.place(tick) for tick in scale.ticks()]
    return "".join(f'<line class="grid" x1="{x}%" x2="{x}%" y1="0" y2="100%"/>' for x in places)


def _x(month: int, months: int) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * month / months, 2)


def _y(value: float, scale: Scale) -> float:
    return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - scale.place(value) / 100), 1)


def _step(least: float) -> float:
    """The first of 1, 2, 5 x 10^n that is not less."""
    size: float = 10.0 ** math.floor(math.log10(least))
    return next(size * times for times in (1, 2, 5, 10) if size * times >= least * (1 - 1e-9))
