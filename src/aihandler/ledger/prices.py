"""What deployments cost: exact rationals, rounded once, half to even, to nano-dollars."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from aihandler.domain.deployment import Deployment
from aihandler.domain.usage import NANO, Cost, Usage
from aihandler.ledger.pricing.book import PriceBook
from aihandler.ledger.pricing.tiers import STANDARD, tier_of
from aihandler.ledger.pricing.timeline import ANY, Timeline, timelines
from aihandler.ledger.pricing.vector import UNPRICED, Snapshot, Vector, half_even


class Prices:
    """What deployments cost. Compiled once; `cost` works on integers alone.

    A deployment that is not known here is unpriced, as one without a price is. Without a `book`
    only the prices that stand in the configuration hold; they are the same at any time.
    """

    def __init__(self, deployments: Iterable[Deployment], book: PriceBook | None = None) -> None:
        self._book = book or PriceBook(wall=_no_clock)
        self._timelines: dict[str, dict[str, Timeline]] = {}
        for deployment in deployments:
            self._timelines[deployment.name] = dict(timelines(deployment, self._book))

    def cost(
        self,
        deployment: Deployment,
        usage: Usage,
        latency_s: float,
        *,
        tier: str = STANDARD,
        at: float | None = None,
    ) -> Cost:
        """Marginal cost of the tokens, and the share of the machine-hour that the call held.

        A call holds one of `limits.concurrency` slots for `latency_s`, so the shares of an hour
        never add up to more than the hour. `tier` is that of the reply, in our word or the
        provider's; `at` the moment of the request (seconds since 1970; now when left out).
        """
        vector = self._vector(deployment, tier, at)
        if not vector.id:
            return Cost(status="unpriced")
        marginal = vector.marginal(usage)
        if marginal is None:
            return Cost(status="unpriced")
        return Cost(marginal, vector.allocated(latency_s), "priced", vector.id)

    def expected_nano(
        self,
        deployment: Deployment,
        usage: Usage,
        *,
        tier: str = STANDARD,
        at: float | None = None,
    ) -> int | None:
        """The marginal cost of that many tokens; None when there is no price."""
        vector = self._vector(deployment, tier, at)
        return vector.marginal(usage) if vector.id else None

    def bound_nano(
        self, deployment: Deployment, usage: Usage, *, tier: str = STANDARD
    ) -> int | None:
        """The most that a prompt and an answer of these sizes can cost, whatever kinds of tokens
        they turn out to be; None when there is no price.

        Of a tier that has no price of its own (`auto`: as the provider likes) the dearest counts.
        """
        vector = self._vector(deployment, tier, None)
        if vector.id:
            return vector.bound(usage.prompt, usage.output)
        others = (self._vector(deployment, other, None) for other in self._tiers(deployment))
        bounds = [v.bound(usage.prompt, usage.output) for v in others if v.id]
        return max((bound for bound in bounds if bound is not None), default=None)

    def snapshots(self) -> dict[str, Snapshot]:
        """Every price snapshot in use, by its id."""
        return {
            vector.id: vector.snapshot
            for by_tier in self._timelines.values()
            for timeline in by_tier.values()
            for vector in timeline.vectors()
            if vector.id
        }

    def _tiers(self, deployment: Deployment) -> Iterable[str]:
        return self._timelines.get(deployment.name, ())

    def _vector(self, deployment: Deployment, tier: str, at: float | None) -> Vector:
        by_tier = self._timelines.get(deployment.name)
        if by_tier is None:
            by_tier = dict(timelines(deployment, self._book))
        timeline = by_tier.get(tier or STANDARD) or by_tier.get(tier_of(tier)) or by_tier.get(ANY)
        return UNPRICED if timeline is None else timeline.at(at, self._book.wall)


def hourly_nano(snapshot: Snapshot) -> int:
    """What one hour of the machine costs, in nano-dollars; 0 when it is not paid by the hour."""
    if not snapshot.usd_per_hour:
        return 0
    per_hour = Fraction(Decimal(snapshot.usd_per_hour)) * NANO
    return half_even(per_hour.numerator, per_hour.denominator)


def _no_clock() -> float:
    # Prices of the configuration hold at any time, so nothing asks.
    return 0.0
