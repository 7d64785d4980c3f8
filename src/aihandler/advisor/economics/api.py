"""What a vendor's tokens cost, exactly: by kind, with cache and batch, per seat, per unit."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec

from aihandler.domain.usage import NANO, Usage
from aihandler.errors import InputError

_MILLION = 1_000_000


class Prices(msgspec.Struct, frozen=True):
    """US dollars per million tokens; a kind without a price is charged as its parent."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    batch_discount: Decimal = Decimal(0)
    source: str = ""
    as_of: str = ""


def tokens_nano(usage: Usage, prices: Prices, *, batch_share: Fraction = Fraction(0)) -> int:
    """Whole nano-dollars of some tokens; `batch_share` of them at the discount."""
    dollars = (
        usage.input * Fraction(prices.input)
        + usage.cache_read * _or(prices.cache_read, prices.input)
        + (usage.cache_write + usage.cache_write_1h) * _or(prices.cache_write, prices.input)
        + usage.audio_input * Fraction(prices.input)
        + (usage.output + usage.reasoning + usage.audio_output) * Fraction(prices.output)
    ) / _MILLION
    dollars *= 1 - batch_share * Fraction(prices.batch_discount)
    return round(dollars * NANO)


def blended_usd_per_million(prices: Prices, *, input_parts: int, output_parts: int) -> Fraction:
    """One price for a mix such as 8 : 1 input to output, without cache."""
    parts = input_parts + output_parts
    both = input_parts * Fraction(prices.input) + output_parts * Fraction(prices.output)
    return both / parts


def seats_nano(people: int, usd_per_seat_month: Decimal) -> int:
    """A month of a product that is paid by the person."""
    return round(people * Fraction(usd_per_seat_month) * NANO)


def mixed_nano(by_option: Mapping[str, int], shares: Mapping[str, Fraction]) -> int:
    """A routed mix of costs that grow with the volume. Raises InputError unless shares sum to 1."""
    if sum(shares.values()) != 1:
        told = ", ".join(f"{name} {float(share):g}" for name, share in shares.items())
        raise InputError(f"the shares {told} do not add up to 1", hint="give every part of the mix")
    return round(sum((by_option[name] * share for name, share in shares.items()), Fraction(0)))


def unit_nano(nano: int, units: int) -> Fraction:
    """What one customer, contract or user costs. Raises InputError for none."""
    if units <= 0:
        raise InputError("there is no unit to share the cost", hint="give a number above 0")
    return Fraction(nano, units)


class Uncovered(msgspec.Struct, frozen=True):
    """A vendor's indemnity as a risk: what a claim may cost beyond the cap."""

    cap_usd: float
    exposure_usd: float

    @property
    def uncovered_usd(self) -> float:
        """What stays with the user."""
        return max(0.0, self.exposure_usd - self.cap_usd)


def indemnity(
    fees_usd_per_year: float, exposure_usd: float, *, cap_in_fees: float = 1
) -> Uncovered:
    """Most vendors pay at most the fees of a year (source 003); an open model has no indemnity."""
    return Uncovered(fees_usd_per_year * cap_in_fees, exposure_usd)


def _or(price: Decimal | None, parent: Decimal) -> Fraction:
    return Fraction(parent if price is None else price)
