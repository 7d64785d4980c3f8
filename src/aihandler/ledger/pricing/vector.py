"""A tariff as whole numbers, and the snapshot that the ledger keeps of it."""

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec

from aihandler.domain.keys import digest_text
from aihandler.domain.usage import NANO, Usage
from aihandler.ledger.pricing.tariff import BUCKETS, PARENTS, Rates, Tariff

_NANOSECONDS = 1_000_000_000
_MILLION = 1_000_000
# These stand in every snapshot, the others where they are priced apart.
_ALWAYS = ("input", "cache_read", "cache_write", "output", "reasoning")


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The prices that a cost was computed with, as the ledger keeps them.

    `above` holds the prices of prompts with more than so many tokens. `unknown` stands where the
    source has no price. `since` and `until` are the first and the last day; `override` says which
    contract changed the price of `source`.
    """

    usd_per_million: Mapping[str, str] = {}
    usd_per_hour: str = ""
    concurrency: int = 0
    in_process: bool = False
    source: str = ""
    as_of: str = ""
    above: Mapping[str, Mapping[str, str]] = {}
    usd_per_request: str = ""
    entry: str = ""
    tier: str = ""
    since: str = ""
    until: str = ""
    override: str = ""


class _Band(msgspec.Struct, frozen=True):
    """Nano-dollars over one denominator, for prompts of more than `above` tokens."""

    above: int
    rates: tuple[int, int, int, int, int, int, int, int]
    request: int
    denominator: int
    unknown: tuple[str, ...]


class Vector(msgspec.Struct, frozen=True):
    """Whole numbers for one deployment, tier and time. Without an id there is no price."""

    id: str
    snapshot: Snapshot
    bands: tuple[_Band, ...]
    slot_rate: int = 0
    slot_denominator: int = 1

    def marginal(self, usage: Usage) -> int | None:
        """Nano-dollars of those tokens; None when one of them has no known price."""
        band = self.bands[0]
        if len(self.bands) > 1:
            prompt = usage.prompt
            for longer in self.bands[1:]:
                if prompt > longer.above:
                    band = longer
        if band.unknown and any(getattr(usage, bucket) for bucket in band.unknown):
            return None
        inputs, reads, writes, outputs, reasons, hour_writes, heard, spoken = band.rates
        total = (
            band.request
            + inputs * usage.input
            + reads * usage.cache_read
            + writes * usage.cache_write
            + outputs * usage.output
            + reasons * usage.reasoning
            + hour_writes * usage.cache_write_1h
            + heard * usage.audio_input
            + spoken * usage.audio_output
        )
        return half_even(total, band.denominator)

    def bound(self, prompt: int, answer: int) -> int | None:
        """The most that so many tokens can cost: writing to a cache is dearer than input, and
        thinking may be dearer than output. None when a usual kind has no known price."""
        dearest = 0
        for band in self.bands:
            if band.above and prompt <= band.above:
                continue
            if "input" in band.unknown or "output" in band.unknown:
                return None
            inputs, _, writes, outputs, reasons, hour_writes, *_ = band.rates
            total = band.request
            total += max(inputs, writes, hour_writes) * prompt + max(outputs, reasons) * answer
            dearest = max(dearest, -(-total // band.denominator))
        return dearest

    def allocated(self, latency_s: float) -> int:
        """Nano-dollars of a slot of the machine for so long."""
        if not self.slot_rate:
            return 0
        held_ns = round(latency_s * _NANOSECONDS)
        return half_even(held_ns * self.slot_rate, self.slot_denominator)


UNPRICED = Vector("", Snapshot(), ())


def half_even(numerator: int, denominator: int) -> int:
    """The whole number next to `numerator / denominator`; a tie goes to the even one."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2):
        return quotient + 1
    return quotient


def compiled(
    tariff: Tariff | None, snapshot: Snapshot, *, slot_usd_per_s: Fraction = Fraction(0)
) -> Vector:
    """The vector of a tariff (None: tokens are free, the machine is paid) and of a slot's time.

    The prices go into the snapshot, and its digest is the id.
    """
    shown = snapshot if tariff is None else _with_prices(snapshot, tariff)
    slot = slot_usd_per_s * NANO / _NANOSECONDS
    return Vector(
        id=digest_text("price", shown),
        snapshot=shown,
        bands=(_FREE,) if tariff is None else _bands(tariff),
        slot_rate=slot.numerator,
        slot_denominator=slot.denominator,
    )


_FREE = _Band(0, (0, 0, 0, 0, 0, 0, 0, 0), 0, 1, ())


def _bands(tariff: Tariff) -> tuple[_Band, ...]:
    bands = ((0, tariff.rates), *tariff.above)
    return tuple(_band(above, rates, tariff.usd_per_request) for above, rates in bands)


def _band(above: int, rates: Rates, usd_per_request: Decimal) -> _Band:
    prices = [rates.of(bucket) for bucket in BUCKETS]
    exact = [Fraction(usd or 0) * NANO / _MILLION for usd in prices]
    request = Fraction(usd_per_request) * NANO
    denominator = math.lcm(request.denominator, *(rate.denominator for rate in exact))
    a, b, c, d, e, f, g, h = (int(rate * denominator) for rate in exact)
    unknown = tuple(b for b, usd in zip(BUCKETS, prices, strict=True) if usd is None)
    whole = int(request * denominator)
    return _Band(above, (a, b, c, d, e, f, g, h), whole, denominator, unknown)


def _with_prices(snapshot: Snapshot, tariff: Tariff) -> Snapshot:
    per_request = tariff.usd_per_request
    return msgspec.structs.replace(
        snapshot,
        usd_per_million=_shown(tariff.rates),
        above={str(tokens): _shown(rates) for tokens, rates in tariff.above},
        usd_per_request=str(per_request) if per_request else "",
    )


def _shown(rates: Rates) -> dict[str, str]:
    prices = {bucket: rates.of(bucket) for bucket in BUCKETS}
    return {
        bucket: "unknown" if price is None else str(price)
        for bucket, price in prices.items()
        if bucket in _ALWAYS or price != prices[PARENTS[bucket]]
    }
