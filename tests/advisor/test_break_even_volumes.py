import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.advisor.economics.arithmetic import HOURS_PER_MONTH, blended
from aihandler.advisor.economics.break_even import fixed_machines, of_staircase
from aihandler.advisor.economics.reference import gpu_prices, serving_points
from aihandler.advisor.economics.throughput import Target, Throughput, measured
from aihandler.ledger.pricing import STANDARD, read_shipped

STAFF_USD = Fraction(200_000, 12) / 5
BOTH_PARTS = 9


def h100_month() -> Fraction:
    (price,) = [p for p in gpu_prices() if p.gpu == "h100_sxm" and p.count == 1]
    return Fraction(str(price.usd_per_hour)) * HOURS_PER_MONTH


def usd_per_million(model: str) -> Fraction:
    """Eight tokens sent for one answered, at the price list that ships."""
    entry = read_shipped().entry(model)
    assert entry is not None
    tariff = entry.tiers[STANDARD][-1].week[0][1]
    assert tariff is not None
    inputs, outputs = tariff.rates.input, tariff.rates.output
    assert isinstance(inputs, Decimal)
    assert isinstance(outputs, Decimal)
    return blended(Fraction(inputs), Fraction(outputs), 8)


def capacity() -> float:
    """Tokens a month of one H100, both ways, with a 70B model at 5 s and 20 tokens/s."""
    found = measured(
        serving_points(),
        model="meta-llama/Llama-3.1-70B",
        gpu="h100_sxm",
        precision="fp8",
        lengths=(8192, 1024),
        target=Target(ttft_s=5, tokens_per_s=20),
    )
    assert isinstance(found, Throughput)
    return found.requests_per_gpu_s.value * 9216 * HOURS_PER_MONTH * 3600


@pytest.mark.parametrize(
    ("model", "alone", "with_staff"),
    [("gpt-4o", 646e6, 1.65e9), ("claude-sonnet-4-5", 497e6, 1.27e9), ("gpt-5-mini", 4.84e9, None)],
)
def test_one_rented_h100_pays_from_there_on(
    model: str, alone: float, with_staff: float | None
) -> None:
    a_token = usd_per_million(model) / 1_000_000
    bare = fixed_machines(h100_month(), usd_per_unit=a_token)
    staffed = fixed_machines(
        h100_month() + STAFF_USD, usd_per_unit=a_token, capacity_per_month=capacity()
    )
    assert bare.per_month == pytest.approx(alone, rel=0.01)
    if with_staff is None:
        assert staffed.answer == "never"
        assert "serve" in staffed.reason
    else:
        assert staffed.per_month == pytest.approx(with_staff, rel=0.01)


def test_what_costs_no_less_a_unit_never_pays() -> None:
    assert fixed_machines(Fraction(100), usd_per_unit=Fraction(0)).answer == "never"


@given(
    replica=st.floats(500, 5000),
    other=st.floats(0, 5000),
    price=st.floats(0.0005, 0.02),
    served=st.floats(0.2, 3),
    peak=st.floats(1, 4),
    spare=st.integers(0, 2),
)
def test_beyond_the_break_even_of_a_staircase_no_step_loses_again(
    replica: float, other: float, price: float, served: float, peak: float, spare: int
) -> None:
    found = of_staircase(
        usd_per_replica_month=replica,
        other_usd_per_month=other,
        vendor_usd_per_request=price,
        own_usd_per_request=0.0,
        requests_per_replica_s=served,
        peak_to_mean=peak,
        utilisation=0.6,
        spare=spare,
    )
    a_replica = served * 0.6 / peak * HOURS_PER_MONTH * 3600

    def lead(volume: float) -> float:
        replicas = max(1, math.ceil(volume / a_replica - 1e-12)) + spare
        return price * volume - other - replicas * replica

    if found.per_month is None:
        assert price * a_replica <= replica or lead(a_replica * 9_999) < price * a_replica
        return
    volume = found.per_month
    assert all(lead(volume * 1.0001 + k * a_replica / 7) > -1e-6 * replica for k in range(200))
    assert lead(volume * (1 - 1e-9)) <= 1e-3 * replica
