"""Our costs beside those of the package `genai-prices`: all of it nightly, a part without it."""

import gzip
import json
import random
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from genai_oracle import CONTEXTS, charged, moments, usage, usages
from genai_records import Model, Provider
from ledger_making import deployment

from aihandler.domain.deployment import Deployment
from aihandler.errors import ConfigError
from aihandler.ledger import Prices
from aihandler.ledger.pricing import GenaiList, PriceBook, PriceList, read_genai

FROZEN = Path(__file__).parents[1] / "data" / "prices" / "genai_expected.json.gz"


def never() -> float:
    raise AssertionError("the moment was given")


def listed(name: str, prices: PriceList) -> tuple[Prices, Deployment]:
    one = msgspec.structs.replace(deployment(), listed_as=name)
    return Prices([one], PriceBook(prices, wall=never)), one


def mine(prices: Prices, one: Deployment, row: tuple[str, int, Any]) -> int | None:
    tier, at, counts = row
    cost = prices.cost(one, usage(tuple(counts)), 1.0, tier=tier, at=at)
    return None if cost.status == "unpriced" else cost.marginal


def test_every_shape_of_its_prices_gives_its_cost_to_the_nano_dollar() -> None:
    table = json.loads(gzip.decompress(FROZEN.read_bytes()))
    known = 0
    for model in table["models"]:
        record = Model(model["id"], model["prices"], model["variants"])
        prices, one = listed(
            f"{model['provider']}/{model['id']}",
            GenaiList([Provider(model["provider"], [record])], source="frozen"),
        )
        for *row, nano in model["rows"]:
            assert mine(prices, one, row) == nano, (model["id"], row)
            known += nano is not None
    assert known > 300


def test_without_the_package_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(ConfigError) as caught:
        read_genai()
    assert caught.value.hint == 'pip install "aihandler[prices]"'


@pytest.mark.nightly
def test_all_its_models_cost_the_same_over_random_usages() -> None:
    from genai_prices.data import providers

    rng = random.Random(7)
    whole = read_genai()
    known = 0
    for provider in providers:
        for model in provider.models:
            prices, one = listed(f"{provider.id}/{model.id}", whole)
            for tier in CONTEXTS:
                for at, counts in zip(moments(rng, 20), usages(rng, 20), strict=True):
                    nano = charged(provider, model, counts, at=at, tier=tier)
                    row = (tier, at, counts)
                    assert mine(prices, one, row) == nano, (provider.id, model.id, row)
                    known += nano is not None
    assert known > 30_000
