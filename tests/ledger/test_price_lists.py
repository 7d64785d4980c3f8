from decimal import Decimal

import pytest
from ledger_making import deployment
from price_making import at, community, cost, listed, nano

from aihandler.domain.deployment import Price
from aihandler.domain.usage import Usage
from aihandler.errors import ConfigError
from aihandler.ledger import Prices
from aihandler.ledger.pricing import PriceBook, read_community, read_shipped, tier_of

# Dollars per token, as the file has them: 1e-06 is $1 a million, 1,000 nano-dollars a token.
PLAIN = {"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 4e-06}
WHOLE = {
    **PLAIN,
    "cache_read_input_token_cost": 1e-07,
    "cache_creation_input_token_cost": 1.25e-06,
    "cache_creation_input_token_cost_above_1hr": 2e-06,
    "output_cost_per_reasoning_token": 5e-06,
    "input_cost_per_audio_token": 3e-06,
    "output_cost_per_audio_token": 8e-06,
}
LONG = {
    **PLAIN,
    "input_cost_per_token_above_200k_tokens": 2e-06,
    "output_cost_per_token_above_200k_tokens": 6e-06,
    "input_cost_per_token_batches": 5e-07,
    "output_cost_per_token_batches": 2e-06,
    "input_cost_per_token_above_200k_tokens_batches": 1e-06,
    "output_cost_per_token_above_200k_tokens_batches": 3e-06,
    "input_cost_per_token_priority": 2e-06,
    "output_cost_per_token_priority": 8e-06,
}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(input=1), 1000),
        (Usage(output=1), 4000),
        (Usage(cache_read=1), 100),
        (Usage(cache_write=1), 1250),
        (Usage(cache_write_1h=1), 2000),
        (Usage(reasoning=1), 5000),
        (Usage(audio_input=1), 3000),
        (Usage(audio_output=1), 8000),
        (Usage(1, 1, 1, 1, 1, False, 1, 1, 1), 24_350),
    ],
)
def test_each_kind_of_token_has_its_own_price(usage: Usage, expected: int) -> None:
    assert nano({"m": WHOLE}, usage) == expected


def test_a_kind_without_a_price_is_charged_as_what_it_is_a_kind_of() -> None:
    assert nano({"m": PLAIN}, Usage(0, 1, 1, 0, 1, False, 1, 1, 1)) == 4 * 1000 + 2 * 4000


def test_a_prompt_beyond_the_threshold_pays_the_higher_price_for_all_of_it() -> None:
    assert nano({"m": LONG}, Usage(input=200_000, output=1)) == 200_000_000 + 4000
    assert nano({"m": LONG}, Usage(input=200_001, output=1)) == 200_001 * 2000 + 6000


def test_cached_tokens_count_towards_the_length_of_the_prompt() -> None:
    assert nano({"m": LONG}, Usage(input=100_000, cache_read=100_001)) == 200_001 * 2000
    assert nano({"m": LONG}, Usage(input=100_000, output=100_001)) == 100_000_000 + 400_004_000


def test_a_batch_with_a_long_prompt_pays_the_batch_price_of_long_prompts() -> None:
    assert nano({"m": LONG}, Usage(input=300_000, output=10), tier="batch") == 300_030_000


def test_a_tier_without_a_price_for_long_prompts_is_unpriced_there() -> None:
    assert nano({"m": LONG}, Usage(input=1000), tier="priority") == 2_000_000
    assert nano({"m": LONG}, Usage(input=300_000), tier="priority") is None


def test_a_tier_that_is_not_listed_is_unpriced_and_never_the_standard_price() -> None:
    assert nano({"m": PLAIN}, Usage(input=10), tier="batch") is None
    assert nano({"m": PLAIN}, Usage(input=10), tier="scale") is None


def test_cached_tokens_of_a_batch_are_unpriced_where_only_others_have_a_price() -> None:
    entry = {**LONG, "cache_read_input_token_cost": 1e-07}
    assert nano({"m": entry}, Usage(input=10), tier="batch") == 5000
    assert nano({"m": entry}, Usage(input=10, cache_read=1), tier="batch") is None
    with_cache = {**entry, "cache_read_input_token_cost_batches": 5e-08}
    assert nano({"m": with_cache}, Usage(input=10, cache_read=2), tier="batch") == 5100


def test_a_kind_that_costs_what_its_parent_does_needs_no_price_in_a_tier() -> None:
    entry = {**LONG, "output_cost_per_reasoning_token": 4e-06}
    assert nano({"m": entry}, Usage(reasoning=1), tier="batch") == 2000


def test_a_model_that_is_not_in_the_list_is_unpriced() -> None:
    assert nano({"m": PLAIN}, Usage(input=10), of=listed("n")) is None
    assert nano({"m": PLAIN}, Usage(input=10), of=deployment()) is None


def test_zero_throughout_is_a_price_that_nobody_knew() -> None:
    entry = {"mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0.0}
    assert nano({"m": entry}, Usage(input=10)) is None


def test_one_side_may_be_free_and_one_without_a_price_is_not() -> None:
    embedding = {"mode": "embedding", "input_cost_per_token": 1e-07, "output_cost_per_token": 0}
    assert nano({"m": embedding}, Usage(input=10, output=5)) == 1000
    del embedding["output_cost_per_token"]
    assert nano({"m": embedding}, Usage(input=10)) == 1000
    assert nano({"m": embedding}, Usage(input=10, output=5)) is None


def test_what_is_paid_by_the_image_has_no_price_per_token() -> None:
    entry = {**PLAIN, "mode": "image_generation", "output_cost_per_image": 0.04}
    assert community({"m": entry}).entry("m") is None


def test_the_noise_of_floats_is_no_part_of_a_price() -> None:
    entry = {**PLAIN, "input_cost_per_token": 3.0001999999999996e-07}
    assert nano({"m": entry}, Usage(input=10_000_000)) == 3_000_200_000


def test_prices_by_ranges_of_length_are_read() -> None:
    steps = [
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
        {"range": [32000.0, 1e6], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06},
    ]
    models = {"m": {"mode": "chat", "tiered_pricing": steps}}
    assert nano(models, Usage(input=32_000)) == 32_000_000
    assert nano(models, Usage(input=32_001)) == 96_003_000


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-20T03:59:59", 1000),  # Friday
        ("2026-11-20T04:00:00", 500),
        ("2026-11-20T05:59:59", 500),
        ("2026-11-20T06:00:00", 1000),
        ("2026-11-20T22:00:00", 500),
        ("2026-11-21T00:00:00", 500),  # Saturday
        ("2026-11-22T23:59:59", 500),
        ("2026-11-23T00:30:00", 1000),  # Monday
        ("2026-11-24T00:30:00", 500),  # Monday's window ends on Tuesday at one
        ("2026-11-24T01:00:00", 1000),
    ],
)
def test_off_peak_hours_have_their_own_price(when: str, expected: int) -> None:
    windows = [
        {"hours_utc": ["04:00-06:00", "22:00-01:00"], "weekdays": [1, 2, 3, 4]},
        {"hours_utc": ["04:00-06:00", "22:00-00:00"], "weekdays": [5]},
        {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
    ]
    cheaper = {"input_cost_per_token": 5e-07, "output_cost_per_token": 1e-06, "windows": windows}
    models = {"m": {**PLAIN, "off_peak_pricing": cheaper}}
    assert nano(models, Usage(input=1), when=when) == expected


@pytest.mark.parametrize("price", [-1e-06, "free", float("nan"), [1], {}])
def test_a_broken_price_is_an_error_and_not_passed_over(price: object) -> None:
    with pytest.raises(ConfigError, match="'m'"):
        community({"m": {**PLAIN, "input_cost_per_token": price}}).entry("m")


@pytest.mark.parametrize("text", ["", "[]", "{", '"m"'])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"'prices\.json'"):
        read_community(text, source="prices.json")


def test_a_snapshot_names_list_entry_tier_and_prices() -> None:
    one = listed()
    prices = Prices([one], PriceBook(community({"m": LONG}), wall=lambda: 0.0))
    found = prices.cost(one, Usage(input=1), 0.0, tier="batch")
    snapshot = prices.snapshots()[found.snapshot]
    assert snapshot.source.startswith("test ")
    assert (snapshot.as_of, snapshot.entry, snapshot.tier) == ("2026-11-01", "m", "batch")
    assert snapshot.usd_per_million["input"] == "0.5"
    assert snapshot.above["200000"]["output"] == "3"
    assert len(prices.snapshots()) == 3


def test_another_list_is_another_snapshot_even_at_the_same_price() -> None:
    more = {"m": PLAIN, "n": PLAIN}
    assert cost({"m": PLAIN}, Usage(1)).snapshot != cost(more, Usage(1)).snapshot


def test_a_price_of_the_configuration_comes_before_the_list() -> None:
    own = deployment(price=Price(Decimal(7), Decimal(8)))
    assert nano({"m": PLAIN}, Usage(input=1), of=own) == 7000


def test_the_shipped_list_has_a_day_a_source_and_no_model_that_costs_nothing() -> None:
    shipped = read_shipped()
    assert shipped.as_of == "2026-11-21"
    assert shipped.source.startswith("litellm 1.109.1 ")
    names = shipped.names()
    assert len(names) > 1500
    deployments = [listed(name) for name in names[::20]]
    for one in deployments:
        prices = Prices([one], PriceBook(shipped, wall=lambda: at("2026-11-20T12:00")))
        found = prices.cost(one, Usage(input=1000, output=1000), 0.0)
        assert found.status == "unpriced" or found.marginal > 0, one.listed_as


def test_the_shipped_list_knows_a_price_to_the_nano_dollar() -> None:
    one = listed("gpt-5-mini")
    prices = Prices([one], PriceBook(read_shipped(), wall=lambda: 0.0))
    assert prices.expected_nano(one, Usage(800, cache_read=200, output=500)) == 1_205_000
    assert prices.expected_nano(one, Usage(800, output=500), tier="batch") == 600_000


@pytest.mark.parametrize(
    ("reported", "ours"),
    [
        ("", "standard"),
        ("default", "standard"),
        ("ON_DEMAND", "standard"),
        ("batches", "batch"),
        ("priority", "priority"),
        ("scale", "scale"),
    ],
)
def test_tiers_are_named_as_providers_report_them(reported: str, ours: str) -> None:
    assert tier_of(reported) == ours


def test_the_whole_of_a_usage_counts_every_bucket_once() -> None:
    usage = Usage(1, 2, 4, 8, 16, False, 32, 64, 128)
    assert usage.total == 255
    assert usage.prompt == 1 + 2 + 4 + 32 + 64
