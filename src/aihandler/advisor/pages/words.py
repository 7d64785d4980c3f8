"""Money, verdicts and facts as people read them."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from markupsafe import Markup, escape

from aihandler.advisor.company import Fact
from aihandler.advisor.economics.figures import MOST_USD, dollars
from aihandler.advisor.economics.runs import Band, percent
from aihandler.advisor.report import Readiness, Staffing
from aihandler.advisor.verdicts import Outcome
from aihandler.domain.usage import NANO

__all__ = [
    "OPTIONS",
    "OUTCOMES",
    "STATES",
    "STATES_OF_LISTS",
    "VERDICTS",
    "WAYS",
    "band",
    "coded",
    "effort",
    "ends",
    "money",
    "name",
    "nano",
    "option",
    "percent",
    "slug",
    "told",
]

OUTCOMES: Mapping[Outcome, str] = MappingProxyType(
    {
        "stay_closed": "stay closed",
        "managed_open": "managed open",
        "self_host": "self-host",
        "hybrid_route": "hybrid route",
        "not_enough_evidence": "not enough evidence",
        "no_admissible_option": "no option is allowed",
    }
)
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "closed": "closed",
        "managed": "managed open",
        "self_host": "self-hosted",
        "hybrid": "hybrid route",
        "hybrid_managed": "hybrid, managed",
        "per_seat": "by the seat",
    }
)
WAYS: Mapping[str, str] = MappingProxyType(
    {"today": "as today", "decided": "by the verdicts", "possible": "if quality holds"}
)
# A sign beside the colour: not everybody sees the colour, and a printer may have none.
VERDICTS: Mapping[str | None, str] = MappingProxyType(
    {
        "closed": "■ closed",
        "open": "○ open",
        "managed_open": "◐ managed",
        "hybrid": "◑ hybrid",
        "mixed": "◑ mixed",
        "evaluate": "◌ evaluate",
        "undefined": "- no rule",
        None: "? not known",
    }
)
STATES: Mapping[Readiness, str] = MappingProxyType(
    {"covered": "✓ covered", "partly": "◐ partly", "people": "✓ by people", "open": "○ open"}
)
# Colours by the state of an item; its words are the list's own.
STATES_OF_LISTS: Mapping[str, str] = MappingProxyType(
    {"applies": "self_host", "does_not": "undefined", "not_known": "unknown"}
)
# Written large by everybody else.
_SHORT = re.compile(r"\b(usd|api|ml|ai|gpu|cogs|pmf)\b")
_STEPS = ((1e9, "B"), (1e6, "M"), (1e3, "K"))


def money(usd: float | None) -> str:
    """Three digits that count: `$1.25M`, `$340K`, with a real minus; `-` when not known."""
    if usd is None:
        return "-"
    sign, size = ("\N{MINUS SIGN}" if usd < 0 else ""), float(f"{abs(usd):.3g}")
    if size >= MOST_USD:
        return dollars(usd).replace("-", sign)
    for step, letter in _STEPS:
        if size >= step:
            return f"{sign}${size / step:.3g}{letter}"
    return f"{sign}${size:.3g}" if size else "$0"


def nano(amount: int) -> str:
    """Nano-dollars, in the same way."""
    return money(amount / NANO)


def band(found: Band) -> str:
    """The interval in which nine tenths of the runs lie."""
    return f"{money(found.low)} to {money(found.high)}"


def ends(low: float, high: float) -> str:
    """Two sums of money, or one where they are the same."""
    return money(low) if low == high else f"{money(low)} to {money(high)}"


def effort(work: Staffing) -> str:
    """`2.0 (1.0 to 4.0) months of an engineer, $33.3K`."""
    likely, low, high = work.months
    span = f" ({low:g} to {high:g})" if low != high else ""
    often = " each month" if work.each_month else ""
    once = f" + {ends(*work.once_usd[1:])} once" if work.once_usd[2] else ""
    return f"{likely:g}{span} months{often}, {ends(*work.usd[1:])}{once}"


def option(text: str) -> str:
    """An option in words, also one that has none here."""
    return OPTIONS.get(text, name(text))


def coded(text: str) -> Markup:
    """The same words, with what stands between backticks as code. Everything is escaped."""
    parts = [str(escape(part)) for part in text.split("`")]
    whole = len(parts) % 2 == 1
    return Markup(  # noqa: S704
        "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
        if whole
        else "`".join(parts)
    )


def name(text: str) -> str:
    """A name of ours as words."""
    return _SHORT.sub(lambda found: found[0].upper(), text.replace("_", " "))


def slug(text: str) -> str:
    """Fit for an anchor."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)


def told(value: Fact) -> str:
    """A fact as people read it."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value.normalize():,f}" if isinstance(value, Decimal) else name(value)
