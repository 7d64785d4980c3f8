from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_making import deployment

from aihandler.domain.deployment import Price
from aihandler.domain.usage import Usage
from aihandler.ledger import Prices

amounts = st.decimals(min_value=0, max_value=1000, places=9, allow_nan=False, allow_infinity=False)
prices = st.builds(
    Price,
    input=amounts,
    output=amounts,
    cache_read=st.none() | amounts,
    cache_write=st.none() | amounts,
    reasoning=st.none() | amounts,
)
counts = st.integers(min_value=0, max_value=10_000_000)
usages = st.builds(Usage, counts, counts, counts, counts, counts)


def nearest_even(exact: Fraction) -> int:
    # Fraction rounds half to even.
    return round(exact)


@given(prices, usages)
def test_a_cost_is_the_exact_sum_rounded_once_half_even(price: Price, usage: Usage) -> None:
    priced = deployment(price=price)
    reads = price.input if price.cache_read is None else price.cache_read
    writes = price.input if price.cache_write is None else price.cache_write
    reasons = price.output if price.reasoning is None else price.reasoning
    exact = 1000 * (
        Fraction(price.input) * usage.input
        + Fraction(reads) * usage.cache_read
        + Fraction(writes) * usage.cache_write
        + Fraction(price.output) * usage.output
        + Fraction(reasons) * usage.reasoning
    )
    assert Prices([priced]).cost(priced, usage, 1.0).marginal == nearest_even(exact)


@pytest.mark.parametrize(("tokens", "nano"), [(1, 0), (2, 1), (3, 2), (5, 2), (7, 4)])
def test_a_tie_goes_to_the_even_nano_dollar(tokens: int, nano: int) -> None:
    # $0.0005 per million is half a nano-dollar per token.
    half = deployment(price=Price(Decimal("0.0005"), Decimal(0)))
    assert Prices([half]).cost(half, Usage(tokens), 0.0).marginal == nano


def test_a_price_that_is_no_whole_nano_dollar_a_token_adds_up() -> None:
    odd = deployment(price=Price(Decimal("0.0375"), Decimal("0.15")))
    cost = Prices([odd]).cost(odd, Usage(1_000_000, output=1_000_000), 0.0)
    assert cost.marginal == 187_500_000


@given(
    st.decimals(min_value="0.01", max_value=100, places=4),
    st.integers(min_value=1, max_value=256),
    st.floats(min_value=0, max_value=3600),
)
def test_a_call_carries_its_share_of_the_hour(
    usd_per_hour: Decimal, concurrency: int, latency_s: float
) -> None:
    hourly = deployment(usd_per_hour=str(usd_per_hour), concurrency=concurrency)
    cost = Prices([hourly]).cost(hourly, Usage(100), latency_s)
    held = Fraction(round(latency_s * 1_000_000_000), 3600 * 1_000_000_000 * concurrency)
    assert cost.allocated == nearest_even(Fraction(usd_per_hour) * 1_000_000_000 * held)
    assert cost.marginal == 0


def test_an_hour_that_is_full_costs_the_hour() -> None:
    hourly = deployment(usd_per_hour="5.90", concurrency=8)
    share = Prices([hourly]).cost(hourly, Usage(), 1800.0).allocated
    assert share * 8 * 2 == 5_900_000_000


def test_a_deployment_without_a_price_is_unpriced_and_never_free() -> None:
    unpriced = deployment()
    known = Prices([unpriced])
    assert known.cost(unpriced, Usage(100), 1.0).status == "unpriced"
    assert known.expected_nano(unpriced, Usage(100)) is None


def test_a_model_of_this_process_costs_nothing() -> None:
    here = deployment("intents", backend="builtin/classify")
    cost = Prices([here]).cost(here, Usage(), 1.0)
    assert (cost.marginal, cost.allocated, cost.status) == (0, 0, "priced")
    assert Prices([here]).expected_nano(here, Usage()) == 0


def test_equal_prices_share_a_snapshot_and_other_prices_do_not() -> None:
    first = deployment("first", price=Price(Decimal(1), Decimal(2)))
    same = deployment("same", price=Price(Decimal(1), Decimal(2)))
    dearer = deployment("dearer", price=Price(Decimal(1), Decimal(3)))
    known = Prices([first, same, dearer])
    assert known.cost(first, Usage(), 0).snapshot == known.cost(same, Usage(), 0).snapshot
    assert len(known.snapshots()) == 2


def test_a_deployment_that_was_not_named_before_is_priced_all_the_same() -> None:
    late = deployment("late", price=Price(Decimal(1), Decimal(2)))
    assert Prices([]).cost(late, Usage(1000), 0.0).marginal == 1_000_000
