"""Claims about what is saved: sums, bases, net savings, shares, months until money comes back."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import msgspec
from msgspec import Meta

from aihandler.advisor.amounts import Amount, Count
from aihandler.advisor.claims.stated import Stated
from aihandler.advisor.economics import arithmetic as sums
from aihandler.advisor.findings import Finding, found, hold, near, percent, shown, usd

Parts = Annotated[dict[str, Amount], Meta(min_length=1)]
_YEAR = 12


class Sum(Stated, frozen=True, tag="sum"):
    """A total and its parts."""

    total: Amount
    parts: Parts
    unit: str = "USD"

    def findings(self, where: str) -> Iterator[Finding]:
        """The parts make the total."""
        total = sum((Fraction(part) for part in self.parts.values()), Fraction(0))
        over = total - Fraction(self.total)
        twice = [
            name for name, part in self.parts.items() if over > 0 and near(Fraction(part), over)
        ]
        ask = (
            f"is {' or '.join(twice)} counted twice?"
            if twice
            else f"which part is missing, or too many: {', '.join(self.parts)}?"
        )
        yield hold(where, stated=Fraction(self.total), computed=total, unit=self.unit, ask=ask)


class Bases(Stated, frozen=True, tag="bases"):
    """The same cost, told in two ways."""

    first: Parts
    second: Parts

    def findings(self, where: str) -> Iterator[Finding]:
        """Both come to the same."""
        one, other = (
            sum((Fraction(part) for part in parts.values()), Fraction(0))
            for parts in (self.first, self.second)
        )
        same = near(one, other)
        yield found(
            where,
            stated=f"{usd(one)} ({_listed(self.first)})",
            comes_out=f"{usd(other)} ({_listed(self.second)}), {usd(abs(other - one))} apart",
            holds=same,
            ask="" if same else "does a line of one hold a line of the other already?",
        )


class NetSaving(Stated, frozen=True, tag="net_saving"):
    """What is left of a replaced cost. `after` is without staff; `charged_share` of an engineer."""

    before_usd_per_month: Amount
    after: Parts
    engineer_usd_per_month: Amount
    charged_share: Amount
    net_usd_per_month: Amount
    net_usd_per_year: Amount | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """With the staff as charged, and with all of it."""
        net = self._net(Fraction(self.charged_share))
        stated = Fraction(self.net_usd_per_month)
        yield hold(where, stated=stated, computed=net, unit="USD a month")
        if self.net_usd_per_year is not None:
            yearly = Fraction(self.net_usd_per_year)
            yield hold(where, stated=yearly, computed=stated * _YEAR, unit="USD a year")
        if self.charged_share < 1:
            whole, rest = self._net(Fraction(1)), 1 - Fraction(self.charged_share)
            yield found(
                where,
                stated=f"{usd(stated)} a month with {percent(1 - rest)} of the engineer",
                comes_out=f"{usd(whole)} a month, {usd(whole * _YEAR)} a year, with all of them",
                holds=near(whole, net),
                ask=f"does the other {percent(rest)} have another use?",
            )

    def _net(self, share: Fraction) -> Fraction:
        after = sum((Fraction(part) for part in self.after.values()), Fraction(0))
        staff = Fraction(self.engineer_usd_per_month) * share
        return sums.net_saving_usd(Fraction(self.before_usd_per_month), after + staff)


class ShareSaved(Stated, frozen=True, tag="share_saved"):
    """A share of a cost that is saved; `after` by how the new cost may be read."""

    share: Amount
    before_usd: Annotated[Decimal, Meta(extra_json_schema={"exclusiveMinimum": 0})]
    after_usd: Parts

    def findings(self, where: str) -> Iterator[Finding]:
        """Some reading gives the share."""
        before = Fraction(self.before_usd)
        shares = {
            name: sums.share_saved(before, Fraction(after))
            for name, after in self.after_usd.items()
        }
        holds = any(near(Fraction(self.share), share) for share in shares.values())
        yield found(
            where,
            stated=percent(Fraction(self.share)),
            comes_out=", ".join(f"{percent(share)} ({name})" for name, share in shares.items()),
            holds=holds,
            ask="" if holds else "of which cost is it a share?",
        )


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One assumption: what is saved a month, and what is paid once."""

    net_usd_per_month: Decimal
    once_usd: Amount = Decimal(0)


class Payback(Stated, frozen=True, tag="payback"):
    """The month, from the decision on, in which all is back; told in month `said_in_month`."""

    month: Amount
    setup_months: Count
    usd_per_setup_month: Amount
    ways: Annotated[dict[str, Way], Meta(min_length=1)]
    said_in_month: Amount | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """It holds only if it holds by every way that is named."""
        months = {name: self._months(way) for name, way in self.ways.items()}
        stated = Fraction(self.month)
        late = [name for name, after in months.items() if after is None or after > stated]
        forecast = self.said_in_month is not None and self.said_in_month < self.month
        yield found(
            where,
            stated=f"month {shown(stated)}"
            + (f", a forecast in month {self.said_in_month}" if forecast else ""),
            comes_out=", ".join(
                f"{name}: {'never' if after is None else f'month {shown(after)}'}"
                for name, after in months.items()
            ),
            holds=not late,
            ask=f"is it without {' and '.join(late)}?" if late else "",
        )

    def _months(self, way: Way) -> Fraction | None:
        return sums.payback(
            setup_months=self.setup_months,
            usd_per_setup_month=Fraction(self.usd_per_setup_month),
            net_usd_per_month=Fraction(way.net_usd_per_month),
            once_usd=Fraction(way.once_usd),
        ).months


class Invested(Stated, frozen=True, tag="invested"):
    """Money that is back after some days."""

    invested_usd: Amount
    saved_usd_per_month: Annotated[Decimal, Meta(extra_json_schema={"exclusiveMinimum": 0})]
    days: Amount

    def findings(self, where: str) -> Iterator[Finding]:
        """By the day, without any time to build it."""
        days = sums.payback_days(Fraction(self.invested_usd), Fraction(self.saved_usd_per_month))
        yield found(
            where,
            stated=f"{self.days} days",
            comes_out=f"{shown(days)} days",
            holds=near(Fraction(self.days), days),
            ask="without months of building it is too good: when did it begin to serve?",
        )


def _listed(parts: Parts) -> str:
    return " + ".join(f"{name} {usd(Fraction(value))}" for name, value in parts.items())
