"""Holds a provider's usage against the ledger: what is in one and not in the other."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

import msgspec

from aihandler.advisor.invoices import KINDS, USD, Invoice, undated
from aihandler.domain.usage import Usage
from aihandler.ledger import DayOfUsage

Counts = dict[tuple[str, str, str], int]


class Difference(msgspec.Struct, frozen=True):
    """Tokens of one kind, model and day (`all` for the whole period) by provider and by ledger.

    The kind `usd_nano` is money, in nano-dollars.
    """

    day: str
    model: str
    kind: str
    billed: int
    booked: int

    @property
    def more(self) -> int:
        """What the provider counted beyond the ledger; below 0, what the ledger has beyond it."""
        return self.billed - self.booked

    @property
    def share(self) -> Fraction:
        """Of the larger of the two, so that a model that one side lacks is 1."""
        return Fraction(abs(self.more), max(abs(self.billed), abs(self.booked), 1))


class Reconciliation(msgspec.Struct, frozen=True):
    """`days` has every day, model and kind; `totals` the whole period, which the alarm goes by.

    A request at midnight may stand on one day here and on the next one there. `drifting` are the
    totals beyond `tolerance`. `estimated` attempts of the ledger had no counts of the provider.
    """

    provider: str
    first: str
    last: str
    deployments: tuple[str, ...]
    days: tuple[Difference, ...]
    totals: tuple[Difference, ...]
    drifting: tuple[Difference, ...]
    estimated: int
    tolerance: Fraction
    measure: str = "tokens"

    @property
    def agrees(self) -> bool:
        """Whether nothing drifts."""
        return not self.drifting


def reconcile(
    invoice: Invoice,
    usage: Iterable[DayOfUsage],
    *,
    deployments: Collection[str] = (),
    tolerance: Fraction,
    least: int,
) -> Reconciliation:
    """Compares by day, model (without its date) and kind; costs by day and model.

    Without `deployments` those of the ledger are taken that served a model of the invoice.
    Differences below `least` (tokens, or nano-dollars) never drift, nor what rows were rounded by.
    """
    every = list(usage)
    chosen = tuple(sorted(deployments)) or _serving(every, {row.model for row in invoice.rows})
    own = [day for day in every if day.deployment in chosen]
    billed = {
        (row.day, row.model, kind): tokens
        for row in invoice.rows
        for kind, tokens in row.tokens.items()
    }
    booked = _booked(own, money=invoice.measure == "usd")
    by_day = _differences(billed, booked)
    totals = _differences(_over_days(billed), _over_days(booked))
    drifting = tuple(
        total
        for total in totals
        if total.share > tolerance
        and abs(total.more) >= max(least, invoice.rounding.get(total.model, 0) + 1)
    )
    return Reconciliation(
        invoice.provider,
        invoice.first,
        invoice.last,
        chosen,
        by_day,
        totals,
        drifting,
        sum(day.estimated for day in own),
        tolerance,
        invoice.measure,
    )


def _serving(usage: Sequence[DayOfUsage], models: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({day.deployment for day in usage if undated(day.model) in models}))


def _booked(usage: Iterable[DayOfUsage], *, money: bool) -> Counts:
    counts: Counts = defaultdict(int)
    for day in usage:
        kinds = {USD: day.marginal_nano} if money else _by_kind(day.usage)
        for kind, tokens in kinds.items():
            counts[day.day, undated(day.model), kind] += tokens
    return counts


def _by_kind(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write + usage.cache_write_1h,
        "output": usage.output + usage.reasoning,
        "audio_input": usage.audio_input,
        "audio_output": usage.audio_output,
    }


def _over_days(counts: Mapping[tuple[str, str, str], int]) -> Counts:
    totals: Counts = defaultdict(int)
    for (_, model, kind), tokens in counts.items():
        totals["all", model, kind] += tokens
    return totals


def _differences(
    billed: Mapping[tuple[str, str, str], int], booked: Mapping[tuple[str, str, str], int]
) -> tuple[Difference, ...]:
    order = {kind: place for place, kind in enumerate((*KINDS, USD))}
    keys = sorted({*billed, *booked}, key=lambda key: (key[0], key[1], order[key[2]]))
    found = (Difference(*key, billed.get(key, 0), booked.get(key, 0)) for key in keys)
    return tuple(each for each in found if each.billed or each.booked)
