"""A vendor's prices out of the list that ships, for a task that names its model and no prices."""

from decimal import Decimal

from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.economics.inputs import RULES
from aihandler.ledger.pricing import STANDARD, PriceList, Rates

_BATCH = "batch"
_BUCKETS = {
    "input_usd_per_million": "input",
    "output_usd_per_million": "output",
    "cache_read_usd_per_million": "cache_read",
    "cache_write_usd_per_million": "cache_write",
}


def listed(model: str, prices: PriceList) -> dict[str, Figure]:
    """Inputs by name, with the list and its day; none where the list does not price the model."""
    standard = _rates(model, STANDARD, prices)
    if standard is None or standard.of("input") is None or standard.of("output") is None:
        return {}
    source = f"{model!r} in {prices.source}"
    found = {
        name: exact(float(usd), RULES[name].unit, source=source, as_of=prices.as_of)
        for name, bucket in _BUCKETS.items()
        if (usd := standard.of(bucket)) is not None
    }
    discount = _discount(standard, _rates(model, _BATCH, prices))
    if discount is not None:
        unit = RULES["batch_discount"].unit
        found["batch_discount"] = exact(discount, unit, source=source, as_of=prices.as_of)
    return found


def _rates(model: str, tier: str, prices: PriceList) -> Rates | None:
    entry = prices.entry(model)
    periods = entry.tiers.get(tier, ()) if entry else ()
    tariff = periods[-1].week[0][1] if periods else None
    return None if tariff is None else tariff.rates


def _discount(standard: Rates, batch: Rates | None) -> float | None:
    whole, less = standard.of("output"), None if batch is None else batch.of("output")
    if not whole or less is None:
        return None
    return float(max(Decimal(0), 1 - less / whole))
