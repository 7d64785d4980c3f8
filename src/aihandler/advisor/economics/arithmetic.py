"""The sums behind published claims, exact, so that a linter can hold a claim against them."""

import math
from fractions import Fraction

import msgspec

HOURS_PER_MONTH = 730
_SECONDS_PER_HOUR = 3600
_MILLION = 1_000_000


def net_saving_usd(before: Fraction, after: Fraction) -> Fraction:
    """What is left each month."""
    return before - after


def share_saved(before: Fraction, after: Fraction) -> Fraction:
    """0.5 is half."""
    return 1 - after / before


def machine_month_usd(
    usd_per_hour: Fraction, *, discount: Fraction = Fraction(0), hours: int = HOURS_PER_MONTH
) -> Fraction:
    """A machine that runs all month."""
    return usd_per_hour * (1 - discount) * hours


def hours_bought(usd: Fraction, usd_per_hour: Fraction) -> Fraction:
    """How long that money rents it."""
    return usd / usd_per_hour


def usd_per_machine_hour_implied(
    usd_per_request: Fraction, *, requests_per_day: int, days: int = 30
) -> Fraction:
    """What an hour of a machine would have to cost for a stated cost per request."""
    return usd_per_request * requests_per_day * days / (24 * days)


def usd_per_request(usd_per_hour: Fraction, *, requests_per_day: int) -> Fraction:
    """What a request costs on a machine that is paid all day."""
    return usd_per_hour * 24 / requests_per_day


def tokens_bought(usd: Fraction, usd_per_million: Fraction) -> Fraction:
    """How many tokens that money buys."""
    return usd / usd_per_million * _MILLION


def blended(input_price: Fraction, output_price: Fraction, input_parts: int) -> Fraction:
    """Dollars per million tokens of a mix with one part of output."""
    return (input_price * input_parts + output_price) / (input_parts + 1)


def gpus_for(usd_per_month: Fraction, usd_per_gpu_hour: Fraction) -> Fraction:
    """How many GPUs that money rents all month; not whole ones."""
    return usd_per_month / (usd_per_gpu_hour * HOURS_PER_MONTH)


def tokens_per_month(gpus: Fraction, tokens_per_gpu_s: Fraction, utilisation: Fraction) -> Fraction:
    """What they put out at a share of their measured throughput."""
    return gpus * tokens_per_gpu_s * utilisation * HOURS_PER_MONTH * _SECONDS_PER_HOUR


def units_to_break_even(fixed_usd: Fraction, saved_usd_per_unit: Fraction) -> Fraction:
    """How many contracts, users or requests carry a fixed cost."""
    return fixed_usd / saved_usd_per_unit


class Payback(msgspec.Struct, frozen=True):
    """Months from the decision; `months_after_start` from when it serves. None: never."""

    invested_usd: Fraction
    months_after_start: Fraction | None
    months: Fraction | None


def payback(
    *,
    setup_months: int,
    usd_per_setup_month: Fraction,
    net_usd_per_month: Fraction,
    once_usd: Fraction = Fraction(0),
) -> Payback:
    """When what was spent before it served has come back."""
    invested = setup_months * usd_per_setup_month + once_usd
    if net_usd_per_month <= 0:
        return Payback(invested, None, None)
    after = invested / net_usd_per_month
    return Payback(invested, after, setup_months + after)


def payback_days(invested_usd: Fraction, saved_usd_per_month: Fraction) -> Fraction:
    """Without any time to build it, which is why it is too good."""
    return invested_usd / saved_usd_per_month * HOURS_PER_MONTH / 24


def grown(first: Fraction, *, per_quarter: Fraction, quarters: int) -> Fraction:
    """Growth that compounds each quarter."""
    return first * (1 + per_quarter) ** quarters


def spend_of_months(yearly: Fraction, *, per_quarter: Fraction, quarters: int = 4) -> Fraction:
    """What four quarters cost together when the first is at a quarter of the yearly rate."""
    one = yearly / 4
    return sum((one * (1 + per_quarter) ** q for q in range(quarters)), Fraction(0))


def yearly_growth(per_quarter: Fraction) -> Fraction:
    """2.84 is plus 284 %."""
    return (1 + per_quarter) ** 4 - 1


def growth_needed(first: Fraction, last: Fraction) -> Fraction:
    """The growth that two stated figures imply."""
    return last / first - 1


def gpu_hours_bought(usd: Fraction, usd_per_gpu_hour: Fraction) -> Fraction:
    """How many GPU-hours a stated cost would be."""
    return usd / usd_per_gpu_hour


def gpus_to_hold(weights_gb: Fraction, memory_gb: Fraction) -> int:
    """How many GPUs the weights alone take, with nothing left for a cache."""
    return math.ceil(weights_gb / memory_gb)
