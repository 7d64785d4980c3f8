"""Prices of contracts: what some deployments or models cost on some days, in place of a list."""

import datetime
from decimal import Decimal

import msgspec

STANDARD_TIER = "standard"


class OverrideRates(msgspec.Struct, frozen=True):
    """US dollars per million tokens; a kind that is left out is charged as what it is a kind of."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None


class Override(msgspec.Struct, frozen=True):
    """What one deployment, or the models of one name, cost on some days (UTC, both included).

    `model` is an entry of the list and may end in `*`. Either `price`, or `times` the price that
    holds without it. A `price` without a tier is that of the standard tier; `times` without one
    is for all.
    """

    deployment: str = ""
    model: str = ""
    since: datetime.date = datetime.date.min
    until: datetime.date = datetime.date.max
    tier: str = ""
    times: Decimal | None = None
    price: OverrideRates | None = None
    source: str = ""

    def matches(self, deployment: str, model: str) -> bool:
        """Whether it is about that deployment, or its model."""
        if self.deployment:
            return self.deployment == deployment
        if self.model.endswith("*"):
            return model.startswith(self.model[:-1])
        return self.model == model

    def concerns(self, tier: str) -> bool:
        """Whether it is about that tier."""
        return tier == self.tier or (
            not self.tier and (self.price is None or tier == STANDARD_TIER)
        )

    def holds(self, day: datetime.date) -> bool:
        """Whether it holds on that day."""
        return self.since <= day <= self.until

    @property
    def rank(self) -> tuple[bool, bool, int, bool]:
        """The most specific one alone holds: a deployment, a model, the longest beginning."""
        exact_name = not self.model.endswith("*")
        return bool(self.deployment), exact_name, len(self.model), bool(self.tier)
