import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from aihandler.config import Configuration, load
from aihandler.domain.usage import Usage
from aihandler.errors import ConfigError
from aihandler.surroundings import SystemClock, price_list, prices_of

HEAD = """
version: 1
deployments:
  gpt:
    backend: openai
    model: {model}
    provider: {provider}
    url: https://api.example.com/v1
    hosting: vendor
    price: {price}
"""


def configured(
    folder: Path,
    more: str = "",
    *,
    price: str = "list",
    model: str = "gpt-5-mini",
    provider: str = "openai",
) -> Configuration:
    text = HEAD.format(price=price, model=model, provider=provider) + more
    (folder / "aihandler.yaml").write_text(text)
    return load(folder / "aihandler.yaml")


def nano(configuration: Configuration, *, tier: str = "") -> int | None:
    cost = prices_of(configuration, SystemClock()).cost(
        configuration.deployments["gpt"], Usage(1_000_000), 1.0, tier=tier
    )
    return None if cost.status == "unpriced" else cost.marginal


def test_the_word_list_takes_the_entry_of_provider_and_model(tmp_path: Path) -> None:
    found = configured(tmp_path)
    assert nano(found) == 250_000_000
    assert nano(found, tier="flex") == 125_000_000
    prices = prices_of(found, SystemClock())
    assert any(s.entry == "gpt-5-mini" for s in prices.snapshots().values())


@pytest.mark.parametrize(
    ("provider", "model", "priced"),
    [
        ("azure", "gpt-5-mini", True),
        ("google", "gemini-2.5-flash", True),
        ("mistral", "mistral-small-latest", True),
        ("anthropic", "claude-sonnet-4-5", True),
        ("openrouter", "gpt-5-mini", False),
        ("openai", "gpt-99", False),
    ],
)
def test_the_price_of_another_provider_is_never_taken(
    tmp_path: Path, provider: str, model: str, priced: bool
) -> None:
    found = configured(tmp_path, provider=provider, model=model)
    assert (nano(found) is not None) is priced


def test_a_backend_of_one_vendor_needs_no_provider(tmp_path: Path) -> None:
    text = HEAD.format(price="list", model="gemini-2.5-flash", provider='""')
    (tmp_path / "aihandler.yaml").write_text(text.replace("backend: openai", "backend: gemini"))
    assert nano(load(tmp_path / "aihandler.yaml")) is not None


def test_an_entry_can_be_named(tmp_path: Path) -> None:
    found = configured(tmp_path, price="{list: gpt-5-mini}", model="ours", provider="acme")
    assert found.deployments["gpt"].listed_as == "gpt-5-mini"
    assert nano(found) == 250_000_000


def test_a_list_of_ones_own_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(
        '{"acme/m": {"mode": "chat", "input_cost_per_token": 2e-6, "output_cost_per_token": 3e-6}}'
    )
    found = configured(tmp_path, "prices: {list: own.json}", model="m", provider="acme")
    assert nano(found) == 2_000_000_000


def test_overrides_stand_in_the_file_or_in_one_of_their_own(tmp_path: Path) -> None:
    item = '{model: "gpt-5*", from: 2026-01-01, times: 0.8, source: "order 1"}'
    inline = configured(tmp_path, f"prices: {{overrides: [{item}]}}")
    (tmp_path / "prices.yaml").write_text(f"overrides: [{item}]")
    apart = configured(tmp_path, "prices: {overrides: prices.yaml}")
    assert inline.prices == apart.prices
    (override,) = inline.prices.overrides
    assert (override.since, override.times) == (datetime.date(2026, 1, 1), Decimal("0.8"))
    assert nano(inline) == nano(apart) == 200_000_000


def test_mistakes_of_the_overrides_file_are_told_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        "overrides:\n  - {model: m}\n  - {deployment: gtp, times: 1}\n"
    )
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, "prices: {overrides: prices.yaml}")
    told = [(m.file, m.line) for m in caught.value.mistakes]
    assert told == [("prices.yaml", 2), ("prices.yaml", 3)]
    assert "did you mean 'gpt'?" in str(caught.value.mistakes[1])


def test_a_list_that_is_not_there_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, "prices:\n  list: none.json")
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.path) == (12, "prices.list")


def test_a_list_that_nobody_asks_for_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text("no JSON")
    found = configured(tmp_path, "prices: {list: own.json}", price="{input: 1, output: 2}")
    assert price_list(found) is None
    assert nano(found) == 1_000_000_000
    with pytest.raises(ConfigError, match=r"own\.json"):
        price_list(found, asked=True)
