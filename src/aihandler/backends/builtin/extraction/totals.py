"""Sums by their labels, and arithmetic that says which of them is the total."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from aihandler.backends.builtin.extraction.labels import Label, words_of
from aihandler.backends.builtin.extraction.lists import word_set
from aihandler.backends.builtin.extraction.money import CODES, Amount, currencies
from aihandler.backends.builtin.extraction.reading import Found, Reading, agreed

MONEY = ("total", "due", "net", "tax", "shipping", "discount", "paid")

# What may stand between a label and its amount; any other word makes it a name (`Total Care 5.00`).
_FILLERS = word_set(
    "is of on in the at a an von auf den der das betrag sur de du la le incl inkl inc "
    "including excl exkl vat tax mwst ust tva gst ttc ht and et und sie bitte total amount "
    "eur usd gbp chf brutto netto für for this invoice now today p sales by von aus zu zzgl "
    "st standard reduced rate included per cent enthalten compris taux satz zum montant reg qst e"
)
_STRONG = word_set(
    "grand incl inc including inkl ttc brutto bruttobetrag gross rechnungsbetrag endbetrag "
    "invoice gesamtbetrag endsumme rechnungssumme facture bruttosumme order gesamtsumme"
)
_EDGES = ("", "\n", "|", ",", ":")
_TOLERANCE = Decimal("0.011")
_CODE = re.compile(r"[A-Z]{3}")
_ASIDE = re.compile(r"\([^()]{0,40}\)")


@dataclass(frozen=True, slots=True)
class Sum:
    """An amount with the label that names it."""

    amount: Amount
    label: Label

    @property
    def value(self) -> Decimal:
        """The amount's value."""
        return self.amount.value

    @property
    def strong(self) -> bool:
        """True when the label can only mean the sum to be paid."""
        return not _STRONG.isdisjoint(self.label.phrase.split())


@dataclass(frozen=True, slots=True)
class Sums:
    """All labelled amounts by concept, and the sum of the line items where it is known."""

    by_concept: dict[str, list[Sum]]
    lines: Decimal | None = None

    def values(self, concept: str) -> set[Decimal]:
        """The different amounts that carry this label."""
        return {each.value for each in self.by_concept.get(concept, ())}


def read_sums(reading: Reading, lines: Decimal | None) -> Sums:
    """Every labelled amount of the document."""
    found: dict[str, list[Sum]] = {}
    for label in reading.labelled(*MONEY):
        amount = _amount_of(reading, label)
        if amount is not None:
            found.setdefault(label.concept, []).append(Sum(amount, label))
    return Sums(found, lines)


def choose_sum(sums: Sums, concept: str) -> Found | None:
    """The amount for one concept, or None when labels disagree and arithmetic cannot tell."""
    if concept == "total":
        return _total(sums)
    if concept == "due":
        return _due(sums)
    if concept in {"net", "tax"}:
        return _part(sums, concept)
    return agreed(_found(each, 0.93) for each in sums.by_concept.get(concept, ()))


def names_amount(between: str) -> bool:
    """True when nothing between a label and its amount makes the label part of a name."""
    return all(
        word in _FILLERS or word.upper() in CODES for word in words_of(_ASIDE.sub(" ", between))
    )


def line_sums(sums: Sums) -> set[Decimal]:
    """What the line items may come to: a sum of the document, before discount and shipping."""
    ends = sums.values("net") | sums.values("total") | sums.values("due")
    return {end - extra for end in ends for extra in _extras(sums)}


def sum_currency(reading: Reading, sums: Sums) -> Found | None:
    """The ISO code of the total's currency; else the only currency of the document."""
    total = choose_sum(sums, "total") or choose_sum(sums, "due")
    chosen = [s for s in _all(sums, "total", "due") if total and s.value == total.value]
    text = reading.page.text
    for each in chosen:
        named = currencies(text[each.label.start : each.amount.end])
        # A document that names `AUD` means Australian dollars by `$`.
        if len(named) == 1 and named != {"USD"}:
            return Found(next(iter(named)), each.amount.start, each.amount.end, 0.97)
    named = currencies(text)
    if len(named) != 1 or not (sums.by_concept or _stands_alone(reading)):
        return None
    code = next(iter(named))
    place = next((a for a in reading.amounts if a.currency), None)
    place_of = _CODE.search(text) if place is None else None
    start = place.start if place else place_of.start() if place_of else 0
    end = place.end if place else place_of.end() if place_of else 0
    return Found(code, start, end, 0.95 if place else 0.85)


def _stands_alone(reading: Reading) -> bool:
    """True when an amount fills a cell or list entry: a form, not a sentence about money."""
    text = reading.page.text
    return any(
        text[a.end : a.end + 1] in _EDGES and text[max(0, a.start - 2) : a.start].strip() in _EDGES
        for a in reading.amounts
        if a.currency
    )


def sum_rate(reading: Reading) -> Found | None:
    """The tax rate in percent, when the document names one only."""
    return agreed(
        Found(amount.value, amount.start, amount.end, 0.9)
        for label in reading.labelled("tax", "tax_rate")
        for amount in reading.amounts_in(_cell_start(reading, label), reading.row(label)[1])
        if amount.percent
    )


def _cell_start(reading: Reading, label: Label) -> int:
    """Where the label's cell begins: `19 % MwSt.` names the rate before the tax."""
    number, column = reading.page.cell_at(label.start)
    return reading.page.lines[number].cells[column].start


def _amount_of(reading: Reading, label: Label) -> Amount | None:
    start, end = reading.row(label)
    inside = [a for a in reading.amounts_in(start, end) if a.clean and not a.percent]
    if not inside:
        return _amount_below(reading, label)
    money = [a for a in inside if a.like_money] or inside
    if len(money) > 1 and not money[0].like_money:
        return None
    if len({a.currency for a in money if a.currency}) > 1:
        return None
    chosen = _which(reading, label, money)
    if not names_amount(reading.page.text[start : chosen.start]):
        return None
    if not chosen.like_money and not label.colon and reading.trimmed(start, end)[0] != chosen.start:
        return None
    return chosen


def _which(reading: Reading, label: Label, money: Sequence[Amount]) -> Amount:
    """The last cell's amount; within one cell the first, but for tax the last (`20% of 5: 1`)."""
    column_of = reading.page.cell_at
    last = column_of(money[-1].start)
    same = [a for a in money if column_of(a.start) == last]
    return same[-1] if label.concept == "tax" else same[0]


def _amount_below(reading: Reading, label: Label) -> Amount | None:
    row, column = reading.page.cell_at(label.start)
    cells = reading.page.lines[row].cells
    region = reading.below(label) if reading.row(label)[1] >= label.end else None
    if region is None or reading.trimmed(label.end, cells[column].end)[0] < cells[column].end:
        return None
    inside = [a for a in reading.amounts_in(*region) if a.like_money]
    only = reading.trimmed(*region)
    if len(inside) != 1 or inside[0].start > only[0] or inside[0].end < only[1]:
        return None
    return inside[0]


def _total(sums: Sums) -> Found | None:
    totals, dues = sums.by_concept.get("total", []), sums.by_concept.get("due", [])
    proven = [s for s in [*totals, *dues] if _adds_up(sums, s.value)]
    if proven:
        values = {s.value for s in proven}
        if len(values) == 1:
            return _found(proven[-1], 0.99)
        # `Total` before and after tax both add up to something: the larger one holds the other.
        largest = max(proven, key=lambda s: abs(s.value))
        return _found(largest, 0.9)
    strong = [s for s in totals if s.strong]
    for group in (strong, totals):
        chosen = agreed(_found(s, _plain_confidence(sums, s)) for s in group)
        if chosen is not None:
            return chosen
        if group:
            return None
    if sums.by_concept.get("paid"):
        return None
    return agreed(_found(s, _plain_confidence(sums, s)) for s in dues)


def _plain_confidence(sums: Sums, chosen: Sum) -> float:
    """Lower when net and tax are known and do not add up to it."""
    nets, taxes = sums.values("net"), sums.values("tax")
    open_sum = bool(sums.by_concept.get("shipping") or sums.by_concept.get("discount"))
    if nets and taxes and not open_sum:
        return 0.6
    if sums.values("due") - {chosen.value} and not sums.by_concept.get("paid"):
        return 0.8
    return 0.96


def _adds_up(sums: Sums, total: Decimal) -> bool:
    """True when net and tax, or the line items, make up the total."""
    taxes = sums.values("tax")
    bases = sums.values("net") | (sums.values("total") - {total})
    if sums.lines is not None:
        bases |= {sums.lines}
        if abs(sums.lines - total) < _TOLERANCE and not taxes:
            return True
    extras = _extras(sums)
    parts = taxes | {sum(taxes, Decimal(0))} if taxes else set()
    if abs(total) < _TOLERANCE:
        return False
    return any(
        abs(base + part + extra - total) < _TOLERANCE
        for base in list(bases)[:8]
        for part in list(parts)[:8]
        for extra in extras
    )


def _extras(sums: Sums) -> list[Decimal]:
    """What may come on top of net and tax: shipping, less a discount."""
    shipping = [Decimal(0), *list(sums.values("shipping"))[:3]]
    discount = [Decimal(0), *(-abs(value) for value in list(sums.values("discount"))[:3])]
    return [s + d for s in shipping for d in discount]


def _due(sums: Sums) -> Found | None:
    return agreed(_found(s, 0.95) for s in sums.by_concept.get("due", ()))


def _part(sums: Sums, concept: str) -> Found | None:
    total = _total(sums)
    candidates = sums.by_concept.get(concept, [])
    other = sums.values("tax" if concept == "net" else "net")
    if total is not None and isinstance(total.value, Decimal):
        fitting = [
            s
            for s in candidates
            if any(
                abs(s.value + o + extra - total.value) < _TOLERANCE
                for o in other
                for extra in _extras(sums)
            )
        ]
        if fitting:
            return agreed(_found(s, 0.99) for s in fitting)
    named = [s for s in candidates if s.label.phrase.startswith(("total", "summe", "gesamt"))]
    if len({s.value for s in candidates}) > 1 and named:
        candidates = named
    return agreed(_found(s, 0.93) for s in candidates)


def _all(sums: Sums, *concepts: str) -> Iterable[Sum]:
    return (each for concept in concepts for each in sums.by_concept.get(concept, ()))


def _found(chosen: Sum, confidence: float) -> Found:
    return Found(chosen.value, chosen.amount.start, chosen.amount.end, confidence)
