from decimal import Decimal

import msgspec
import pytest
from ledger_making import deployment
from price_making import at, community, listed, nano

from aihandler.domain.deployment import Deployment, Price
from aihandler.domain.usage import Usage
from aihandler.errors import ConfigError
from aihandler.ledger import Prices
from aihandler.ledger.pricing import Override, PriceBook, read_overrides

MODELS = {
    "acme/m": {
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 4e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "output_cost_per_token_above_200k_tokens": 8e-06,
        "input_cost_per_token_batches": 5e-07,
        "output_cost_per_token_batches": 2e-06,
    }
}
CONTRACT = """
overrides:
  - model: acme/m
    from: 2026-07-01
    until: 2026-12-31
    times: 0.8
    source: "order form 4711"
"""


def read(text: str) -> tuple[Override, ...]:
    return read_overrides(text, file="prices.yaml")


def after(text: str, *, of: Deployment | None = None, usage: Usage | None = None, **given: str):
    found = of or listed("acme/m")
    return nano(MODELS, usage or Usage(input=10), of=found, overrides=read(text), **given)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-06-30T23:59:59", 10_000),
        ("2026-07-01T00:00:00", 8_000),
        ("2026-12-31T23:59:59", 8_000),
        ("2027-01-01T00:00:00", 10_000),
    ],
)
def test_a_contract_holds_on_its_days_and_the_list_on_all_others(when: str, expected: int) -> None:
    assert after(CONTRACT, when=when) == expected


def test_a_factor_is_for_every_tier_and_length() -> None:
    assert after(CONTRACT, tier="batch") == 4_000
    assert after(CONTRACT, usage=Usage(input=300_000)) == 480_000_000


def test_a_factor_does_not_make_a_price_of_none() -> None:
    assert after(CONTRACT, tier="flex") is None
    assert after(CONTRACT.replace("acme/m", "acme/n"), of=listed("acme/n")) is None


def test_a_price_is_for_the_standard_tier_unless_it_names_another() -> None:
    text = "overrides:\n  - {model: acme/m, price: {input: 3, output: 9}}"
    assert after(text) == 30_000
    assert after(text, usage=Usage(input=300_000)) == 900_000_000
    assert after(text, tier="batch") == 5_000
    batch = text.replace("price:", "tier: batch, price:")
    assert after(batch) == 10_000
    assert after(batch, tier="batch") == 30_000


def test_a_model_of_no_list_gets_its_price_here() -> None:
    text = "overrides:\n  - {deployment: vendor, from: 2026-11-20, price: {input: 3, output: 9}}"
    assert after(text, of=deployment(), when="2026-11-20T00:00") == 30_000
    assert after(text, of=deployment(), when="2026-11-19T23:59") is None


def test_a_price_of_the_configuration_is_overridden_too() -> None:
    own = deployment(price=Price(Decimal(10), Decimal(10)))
    assert after("overrides:\n  - {model: large, times: 0.5}", of=own) == 50_000


def test_the_most_specific_override_alone_holds() -> None:
    text = """
overrides:
  - {model: "*", times: 0.9}
  - {model: "acme/*", times: 0.8}
  - {model: acme/m, times: 0.7}
  - {deployment: vendor, times: 0.6}
  - {deployment: vendor, tier: batch, times: 0.5}
"""
    other = msgspec.structs.replace(listed("acme/m"), name="other")
    assert after(text) == 6_000
    assert after(text, tier="batch") == 2_500
    assert after(text, of=other) == 7_000
    assert after(text.replace("acme/m", "acme/n"), of=other) == 8_000
    assert after(text.replace("acme", "umbrella"), of=other) == 9_000


def test_overrides_that_follow_each_other_hold_one_after_the_other() -> None:
    text = CONTRACT + "  - {model: acme/m, from: 2027-01-01, times: 0.5}\n"
    assert after(text, when="2026-12-31T12:00") == 8_000
    assert after(text, when="2027-01-01T12:00") == 5_000


def test_prices_are_exact() -> None:
    text = "overrides:\n  - {model: acme/m, times: 0.333333333333}"
    assert after(text, usage=Usage(input=1_000_000_000)) == 666_666_666_666


def test_the_snapshot_names_the_contract_and_its_days() -> None:
    one = listed("acme/m")
    book = PriceBook(
        community(MODELS), overrides=read(CONTRACT), wall=lambda: at("2026-11-20T12:00")
    )
    prices = Prices([one], book)
    snapshot = prices.snapshots()[prices.cost(one, Usage(1), 0.0).snapshot]
    assert snapshot.override == "0.8 times the list, order form 4711"
    assert (snapshot.since, snapshot.until) == ("2026-07-01", "2026-12-31")
    assert snapshot.usd_per_million["input"] == "0.8"
    # Two tiers: before the contract, under it, after it.
    assert len(prices.snapshots()) == 6


def test_the_moment_of_the_request_counts_and_not_that_of_the_booking() -> None:
    one = listed("acme/m")
    book = PriceBook(
        community(MODELS), overrides=read(CONTRACT), wall=lambda: at("2027-01-01T00:01")
    )
    prices = Prices([one], book)
    assert prices.expected_nano(one, Usage(input=10)) == 10_000
    assert prices.expected_nano(one, Usage(input=10), at=at("2026-12-31T23:59")) == 8_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("overrides: [{times: 1}]", "names either a `deployment` or a `model`"),
        ("overrides: [{model: m, deployment: d, times: 1}]", "names either"),
        ("overrides: [{model: m}]", "holds either a `price` or `times`"),
        ("overrides: [{model: m, times: -1}]", "at least 0"),
        ("overrides: [{model: m, price: {input: 1}}]", "output"),
        ("overrides: [{model: m, times: 1, form: 2026-01-01}]", "form"),
        ("overrides: [{model: m, times: 1, from: 2026-13-01}]", "from"),
        ("overrides: [{model: m, times: 1, from: 2026-02-01, until: 2026-01-01}]", "before it"),
        ("overrides: [{model: m, times: 1, tier: bulk}]", "bulk"),
        ("overrides: [{model: m, times: 1}, {model: m, times: 2}]", "same tier"),
        ("overrides: {}", "a list"),
        ("prices: []", "a list"),
        ("overrides: []\nmore: 1", "alone"),
        ("[]", "a list"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"prices\.yaml:1: ") as caught:
        read(text)
    assert message in str(caught.value)


def test_all_mistakes_are_shown_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read("overrides:\n  - {times: 1}\n  - {model: m, times: 1}\n  - {model: n}\n")
    assert [mistake.line for mistake in caught.value.mistakes] == [2, 4]


def test_a_file_without_overrides_changes_nothing() -> None:
    assert read("overrides: []") == ()
