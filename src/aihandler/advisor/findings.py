"""Findings: a stated number, what comes out in its place, and what to ask."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

import msgspec

# Stated numbers are rounded; two differ when they are further apart than this share.
ROUNDING = Fraction(3, 100)

Status = Literal["confirmed", "flagged"]


class Finding(msgspec.Struct, frozen=True):
    """`where` names the claim or key; `says` tells all of it in one line."""

    status: Status
    where: str
    says: str
    stated: str = ""
    comes_out: str = ""
    ask: str = ""


def found(where: str, *, stated: str, comes_out: str, holds: bool, ask: str = "") -> Finding:
    """A finding in words. What to ask stands in it either way: a claim may hold by chance."""
    says = f"stated {stated}; comes out: {comes_out}" + (f"; {ask}" if ask else "")
    return Finding("confirmed" if holds else "flagged", where, says, stated, comes_out, ask)


def hold(
    where: str,
    *,
    stated: Fraction,
    computed: Fraction,
    unit: str,
    tolerance: Fraction = ROUNDING,
    ask: str = "",
) -> Finding:
    """A claim against its sum; what to ask is told where they part."""
    holds = near(stated, computed, tolerance)
    told = f"stated {shown(stated)}, the sum gives {shown(computed)} {unit}"
    parts = (f"{shown(stated)} {unit}", f"{shown(computed)} {unit}")
    if holds:
        return Finding("confirmed", where, told, *parts)
    if stated > 0 and computed > 0:
        told += f": {shown(max(stated / computed, computed / stated))} x apart"
    return Finding("flagged", where, told + (f"; {ask}" if ask else ""), *parts, ask)


def enough(where: str, *, needed: Fraction, has: Fraction, unit: str, ask: str = "") -> Finding:
    """Something that must fit: memory, capacity, money for machines."""
    fits = needed <= has
    told = f"needs {shown(needed)}, has {shown(has)} {unit}"
    parts = (f"{shown(has)} {unit}", f"{shown(needed)} {unit} needed")
    if fits:
        return Finding("confirmed", where, told, *parts)
    return Finding("flagged", where, told + (f"; {ask}" if ask else ""), *parts, ask)


def readings(where: str, by_reading: Mapping[str, Fraction], *, unit: str, ask: str) -> Finding:
    """A claim that hangs on how it is read: flagged when the readings part, with what to ask."""
    values = list(by_reading.values())
    told = ", ".join(f"{name}: {shown(value)}" for name, value in by_reading.items())
    apart = max(values) - min(values) > ROUNDING * max(abs(value) for value in values)
    status: Status = "flagged" if apart else "confirmed"
    says = f"{told} {unit}" + (f"; {ask}" if apart else "")
    return Finding(status, where, says, "", f"{told} {unit}", ask if apart else "")


def near(stated: Fraction, computed: Fraction, tolerance: Fraction = ROUNDING) -> bool:
    """Whether they differ by no more than rounding."""
    return abs(stated - computed) <= tolerance * abs(computed)


def shown(value: Fraction) -> str:
    """With three digits, or whole from 100 on."""
    number = float(value)
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def usd(value: Fraction) -> str:
    """`$691,488`, `-$2,400`, `$0.00242`"""
    return f"-${shown(-value)}" if value < 0 else f"${shown(value)}"


def percent(share: Fraction) -> str:
    """`50.6 %`; whole from 100 on."""
    number = float(share) * 100
    return f"{number:,.0f} %" if abs(number) >= 100 else f"{number:.3g} %"
