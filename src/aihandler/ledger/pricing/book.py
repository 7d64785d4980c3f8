"""The price book: which tariffs a deployment pays."""

from collections.abc import Callable
from decimal import Decimal

from aihandler.domain.deployment import Deployment, Price
from aihandler.domain.prices import Override
from aihandler.ledger.pricing.entry import Entry, PriceList, always
from aihandler.ledger.pricing.overrides import overridden
from aihandler.ledger.pricing.tariff import BUCKETS, Tariff, rates_from
from aihandler.ledger.pricing.tiers import STANDARD


class PriceBook:
    """A price list, the overrides on it, and a clock: seconds since 1970, for what holds today."""

    def __init__(
        self,
        prices: PriceList | None = None,
        *,
        overrides: tuple[Override, ...] = (),
        wall: Callable[[], float],
    ) -> None:
        self.prices = prices
        self.overrides = overrides
        self.wall = wall

    def entry(self, deployment: Deployment) -> Entry:
        """What a deployment pays for tokens: its own price, else the list's; then overrides."""
        return with_overrides(self._listed(deployment), deployment, self.overrides)

    def _listed(self, deployment: Deployment) -> Entry:
        if deployment.price is not None:
            return own_entry(deployment.name, deployment.price)
        name = deployment.listed_as
        found = self.prices.entry(name) if self.prices and name else None
        return found or Entry(name)


def own_entry(name: str, price: Price) -> Entry:
    """The price that stands in the configuration: of the standard tier, at any time."""
    own: dict[str, Decimal | None] = {bucket: getattr(price, bucket) for bucket in BUCKETS}
    return Entry(name, {STANDARD: always(Tariff(rates_from(own)))})


def with_overrides(entry: Entry, deployment: Deployment, overrides: tuple[Override, ...]) -> Entry:
    """The entry with what holds for that deployment and its model."""
    model = deployment.listed_as or deployment.model.name
    held = [o for o in overrides if o.matches(deployment.name, model)]
    return overridden(entry, held) if held else entry
