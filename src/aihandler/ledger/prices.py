"""Exact prices: rational arithmetic on integers, rounded once, half to even, to nano-dollars."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec

from aihandler.domain.deployment import Deployment, Price
from aihandler.domain.keys import digest_text
from aihandler.domain.usage import NANO, Cost, Usage

_NANOSECONDS = 1_000_000_000
_SECONDS_PER_HOUR = 3600


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The prices that a cost was computed with, as the ledger keeps them."""

    usd_per_million: Mapping[str, str] = {}
    usd_per_hour: str = ""
    concurrency: int = 0
    in_process: bool = False
    source: str = ""
    as_of: str = ""


class Prices:
    """What deployments cost. Compiled once; `cost` works on integers alone.

    A deployment that is not known here is unpriced, as one without a price is.
    """

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._vectors = {d.name: _compile(d) for d in deployments}

    def cost(self, deployment: Deployment, usage: Usage, latency_s: float) -> Cost:
        """Marginal cost of the tokens, and the share of the machine-hour that the call held.

        A call holds one of `limits.concurrency` slots for `latency_s`, so the shares of an hour
        never add up to more than the hour.
        """
        vector = self._vector(deployment)
        if not vector.priced:
            return Cost(status="unpriced")
        return Cost(vector.marginal(usage), vector.allocated(latency_s), "priced", vector.id)

    def expected_nano(self, deployment: Deployment, usage: Usage) -> int | None:
        """The marginal cost of that many tokens; None when there is no price."""
        vector = self._vector(deployment)
        return vector.marginal(usage) if vector.priced else None

    def snapshots(self) -> dict[str, Snapshot]:
        """Every price snapshot in use, by its id."""
        return {v.id: v.snapshot for v in self._vectors.values() if v.priced}

    def _vector(self, deployment: Deployment) -> "_Vector":
        vector = self._vectors.get(deployment.name)
        return vector if vector is not None else _compile(deployment)


def half_even(numerator: int, denominator: int) -> int:
    """The whole number next to `numerator / denominator`; a tie goes to the even one."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2):
        return quotient + 1
    return quotient


def hourly_nano(snapshot: Snapshot) -> int:
    """What one hour of the machine costs, in nano-dollars; 0 when it is not paid by the hour."""
    if not snapshot.usd_per_hour:
        return 0
    per_hour = Fraction(Decimal(snapshot.usd_per_hour)) * NANO
    return half_even(per_hour.numerator, per_hour.denominator)


class _Vector(msgspec.Struct, frozen=True):
    """Nano-dollars per token of each kind over one denominator, and per nanosecond of a slot."""

    id: str
    snapshot: Snapshot
    priced: bool
    rates: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    denominator: int = 1
    slot_rate: int = 0
    slot_denominator: int = 1

    def marginal(self, usage: Usage) -> int:
        inputs, reads, writes, outputs, reasons = self.rates
        total = (
            inputs * usage.input
            + reads * usage.cache_read
            + writes * usage.cache_write
            + outputs * usage.output
            + reasons * usage.reasoning
        )
        return half_even(total, self.denominator)

    def allocated(self, latency_s: float) -> int:
        if not self.slot_rate:
            return 0
        held_ns = round(latency_s * _NANOSECONDS)
        return half_even(held_ns * self.slot_rate, self.slot_denominator)


def _compile(deployment: Deployment) -> _Vector:
    snapshot = _snapshot(deployment)
    priced = deployment.in_process or bool(deployment.price or deployment.hourly_cost)
    rates, denominator = _token_rates(deployment.price)
    slot = _slot_rate(deployment)
    return _Vector(
        id=digest_text("price", snapshot) if priced else "",
        snapshot=snapshot,
        priced=priced,
        rates=rates,
        denominator=denominator,
        slot_rate=slot.numerator,
        slot_denominator=slot.denominator,
    )


def _kinds(price: Price) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
    # A kind without a price of its own is charged as what it is a kind of.
    return (
        price.input,
        price.input if price.cache_read is None else price.cache_read,
        price.input if price.cache_write is None else price.cache_write,
        price.output,
        price.output if price.reasoning is None else price.reasoning,
    )


def _token_rates(price: Price | None) -> tuple[tuple[int, int, int, int, int], int]:
    if price is None:
        return (0, 0, 0, 0, 0), 1
    per_token = [Fraction(usd) * NANO / 1_000_000 for usd in _kinds(price)]
    denominator = math.lcm(*(rate.denominator for rate in per_token))
    inputs, reads, writes, outputs, reasons = (int(rate * denominator) for rate in per_token)
    return (inputs, reads, writes, outputs, reasons), denominator


def _slot_rate(deployment: Deployment) -> Fraction:
    if deployment.hourly_cost is None:
        return Fraction(0)
    per_hour = Fraction(deployment.hourly_cost.usd_per_hour) * NANO
    slots = max(1, deployment.limits.concurrency)
    return per_hour / (_SECONDS_PER_HOUR * _NANOSECONDS * slots)


def _snapshot(deployment: Deployment) -> Snapshot:
    price, hourly = deployment.price, deployment.hourly_cost
    kinds = ("input", "cache_read", "cache_write", "output", "reasoning")
    return Snapshot(
        usd_per_million={k: str(v) for k, v in zip(kinds, _kinds(price), strict=True)}
        if price
        else {},
        usd_per_hour=str(hourly.usd_per_hour) if hourly else "",
        concurrency=deployment.limits.concurrency if hourly else 0,
        in_process=deployment.in_process,
        source=price.source if price else "",
        as_of=price.as_of.isoformat() if price and price.as_of else "",
    )
