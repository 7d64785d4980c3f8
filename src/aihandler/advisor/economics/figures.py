"""A number with its interval, its unit, its source and the day of that source."""

import msgspec

# Where a source does not say when.
UNDATED = "undated"
# Beyond it a sum says no more than that something is wrong.
MOST_USD = 1e12


class Figure(msgspec.Struct, frozen=True):
    """`value` is what is most likely; `low` and `high` hold about nine tenths of what is thought
    possible. `as_of` is the day or month of the source, or `UNDATED`."""

    value: float
    low: float
    high: float
    unit: str
    source: str
    as_of: str = UNDATED

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} is not within {self.low} to {self.high} {self.unit}")


def exact(value: float, unit: str, *, source: str, as_of: str = UNDATED) -> Figure:
    """A figure without an interval: counted, agreed on, or asked for."""
    return Figure(value, value, value, unit, source, as_of)


def rounded(value: float, digits: int = 3) -> float:
    """To so many significant digits, so that reports of the same inputs are the same bytes."""
    return float(f"{value:.{digits}g}")


def dollars(usd: float) -> str:
    """Three digits that count: `$1.25M`, `$340K`, `-$12`; what nobody has is not counted."""
    sign, size = ("-" if usd < 0 else ""), float(f"{abs(usd):.3g}")
    if size >= MOST_USD:
        return "below -$1,000B" if sign else "more than $1,000B"
    for step, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if size >= step:
            return f"{sign}${size / step:.3g}{letter}"
    return f"{sign}${size:.3g}"


def shown(figure: Figure) -> str:
    """With its interval and unit."""
    span = "" if figure.low == figure.high else f" ({figure.low:,.4g} to {figure.high:,.4g})"
    return f"{figure.value:,.4g}{span} {figure.unit}"
