"""Prices of a profile against the price list that ships, with its day."""

from collections.abc import Iterator
from fractions import Fraction

from aihandler.advisor.company import Profile, TaskFacts
from aihandler.advisor.findings import Finding, found, hold, shown, usd
from aihandler.advisor.linting.units import meant
from aihandler.config.words import nearest
from aihandler.ledger.pricing import STANDARD, PriceList, Rates, read_shipped

_BUCKETS = {
    "input_usd_per_million": "input",
    "output_usd_per_million": "output",
    "cache_read_usd_per_million": "cache_read",
}


def of_tasks(profile: Profile, prices: PriceList | None = None) -> Iterator[Finding]:
    """Only tasks that name their model as the list does. None: the list that ships."""
    named = {name: task for name, task in profile.tasks.items() if task.price_model is not None}
    if not named:
        return
    listed = read_shipped() if prices is None else prices
    for name, task in named.items():
        yield from _of_task(f"tasks.{name}", task, prices=listed)


def _of_task(at: str, task: TaskFacts, *, prices: PriceList) -> Iterator[Finding]:
    model = task.price_model or ""
    rates = _rates(model, prices)
    day = f"{prices.source.split()[0]} of {prices.as_of}"
    if rates is None:
        yield found(
            f"{at}.price_model",
            stated=repr(model),
            comes_out=f"not in the price list {day}",
            holds=False,
            ask=nearest(model, prices.names()) or "give the name that the list has",
        )
        return
    for key, bucket in _BUCKETS.items():
        stated, price = task.costs.get(key), rates.of(bucket)
        if stated and price is not None:
            values = Fraction(str(stated[0])), Fraction(price)
            unit = f"USD a million tokens ({model}, {day})"
            ask = meant(*values) or "is it an agreed price, or an old one?"
            yield hold(
                f"{at}.costs.{key}", stated=values[0], computed=values[1], unit=unit, ask=ask
            )
    yield from _implied(at, task, rates, day)


def _implied(at: str, task: TaskFacts, rates: Rates, day: str) -> Iterator[Finding]:
    """Dollars over tokens lie between the cheapest and the dearest token of the model."""
    given, made = task.input_tokens_per_month, task.output_tokens_per_month
    spent, cheap, dear = task.api_usd_per_month, rates.of("cache_read"), rates.of("output")
    if given is None or made is None or not given + made or not spent or not cheap or not dear:
        return
    # Batches cost half.
    low, high = Fraction(cheap) / 2, Fraction(dear)
    each = Fraction(spent) * 1_000_000 / (given + made)
    bound = low if each < low else high
    yield found(
        f"{at}.api_usd_per_month",
        stated=f"{usd(Fraction(spent))} for {given + made:,} tokens",
        comes_out=f"{usd(each)} a million tokens, {shown(1_000_000 / each)} tokens a dollar; "
        f"the list has {usd(low)} to {usd(high)} ({day})",
        holds=low <= each <= high,
        ask=""
        if low <= each <= high
        else meant(each, bound) or "are tokens and dollars of the same time?",
    )


def _rates(model: str, prices: PriceList) -> Rates | None:
    entry = prices.entry(model)
    if entry is None or not entry.tiers.get(STANDARD):
        return None
    tariff = entry.tiers[STANDARD][-1].week[0][1]
    return None if tariff is None else tariff.rates
