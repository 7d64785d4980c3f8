"""Numbers as people read them."""

from decimal import Decimal

from aihandler.domain.usage import NANO
from aihandler.evaluation.findings import Verdict
from aihandler.evaluation.statistics.means import Interval

__all__ = [
    "MARKS",
    "between",
    "dollars",
    "milliseconds",
    "p_value",
    "percent",
    "points",
]

# A sign beside the colour: not everybody sees the colour, and a pipe has none.
MARKS: dict[Verdict, str] = {
    "better": "▲",
    "not worse": "●",
    "worse": "▼",
    "not enough evidence": "?",
}


def percent(share: float | None) -> str:
    """A share with one decimal; `-` when there is none."""
    return "-" if share is None else f"{share * 100:.1f} %"


def points(share: float | None) -> str:
    """A difference of shares in points, with its sign."""
    if share is None:
        return "-"
    # A real minus, and no minus before a zero.
    shown = f"{share * 100:+.1f}".replace("-", "\N{MINUS SIGN}")
    return "0.0" if shown[1:] == "0.0" else shown


def between(interval: Interval) -> str:
    """Both ends of an interval of shares, in percent."""
    return f"{interval.low * 100:.1f} to {interval.high * 100:.1f}"


def p_value(p: float) -> str:
    """Three decimals; below that, that it is below."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def dollars(nano: int | None) -> str:
    """Nano-dollars with three digits that count, without exponents; `unpriced` when not known."""
    if nano is None:
        return "unpriced"
    if nano == 0:
        return "$0"
    exact = Decimal(nano) / NANO
    digits = min(9, max(2, 2 - exact.adjusted()))
    return f"${exact:,.{digits}f}"


def milliseconds(time_ms: float | None) -> str:
    """A latency: `1.3 ms`, `620 ms`, `1.5 s`."""
    if time_ms is None:
        return "-"
    if time_ms < 9.95:
        return f"{time_ms:.1f} ms"
    return f"{time_ms:.0f} ms" if time_ms < 999.5 else f"{time_ms / 1000:.1f} s"
