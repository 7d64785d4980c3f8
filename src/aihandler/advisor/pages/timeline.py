"""The phases of a plan along their months, as inline SVG in percent of its box."""

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup, escape

from aihandler.advisor.phases import months_later
from aihandler.advisor.report import Phase

__all__ = ["timeline"]

_ROW, _TOP, _BAR = 46, 8, 16
# A phase without an end is drawn so many months long, and fades.
_OPEN_MONTHS = 3


def timeline(phases: Sequence[Phase], starts: date) -> Markup:
    """A bar for each phase, a diamond where its gates stand, and the months below."""
    last = max(_ends(phase) for phase in phases)
    days = max((last - starts).days, 1)
    height = _TOP + _ROW * len(phases) + 26

    def x(day: date) -> float:
        return round(2 + 96 * (day - starts).days / days, 2)

    label = escape(", ".join(f"{p.name} from {p.starts}" for p in phases))
    parts = [f'<svg class="timeline" height="{height}" role="img" aria-label="{label}">']
    for month, day in enumerate(_months(starts, last)):
        parts.append(
            f'<line class="grid" x1="{x(day)}%" x2="{x(day)}%" y1="0" y2="{height - 22}"/>'
            f'<text class="{"odd" if month % 2 else "even"}" x="{x(day)}%" y="{height - 6}" '
            f'text-anchor="{_side(x(day))}">{day:%Y-%m}</text>'
        )
    for place, phase in enumerate(phases):
        parts.append(_bar(phase, x(phase.starts), x(_ends(phase)), _TOP + _ROW * place))
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  # dates, and what is escaped


def _bar(phase: Phase, left: float, right: float, top: int) -> str:
    tasks = list(dict.fromkeys(step.task for step in phase.steps if step.task))
    words = escape(f"{phase.name}: {', '.join(tasks)}" if tasks else phase.name)
    middle = top + 20 + _BAR / 2
    # Words that begin late end at their bar; else they would leave the box.
    side = f'x="{right}%" text-anchor="end"' if left > 45 else f'x="{left}%"'
    gate = "" if phase.ends is None else _gate(right, middle)
    kind = "phase open" if phase.ends is None else "phase"
    return (
        f'<text class="name" {side} y="{top + 14}">{words}</text>'
        f'<rect class="{kind}" x="{left}%" y="{top + 20}" width="{right - left:.2f}%" '
        f'height="{_BAR}" rx="4"/>{gate}'
    )


def _gate(x: float, y: float) -> str:
    # A box of its own, so that the diamond stands at a place in percent.
    return (
        f'<svg class="at" x="{x}%" y="{y}"><path class="gate" d="M0 -9 L9 0 L0 9 L-9 0 Z"/></svg>'
    )


def _side(x: float) -> str:
    # Words at the ends of the box stay inside it.
    return "start" if x < 5 else "end" if x > 95 else "middle"


def _ends(phase: Phase) -> date:
    return phase.ends or months_later(phase.starts, _OPEN_MONTHS)


def _months(starts: date, last: date) -> list[date]:
    found, count = [starts], 1
    while (day := months_later(starts, count)) <= last:
        found.append(day)
        count += 1
    return found
