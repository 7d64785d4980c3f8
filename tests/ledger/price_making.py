"""Short forms for price lists of a few models."""

import datetime
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from ledger_making import deployment

from aihandler.domain.deployment import Deployment
from aihandler.domain.usage import Cost, Usage
from aihandler.ledger import Prices
from aihandler.ledger.pricing import Override, PriceBook, PriceList, read_community


def community(models: Mapping[str, Any]) -> PriceList:
    return read_community(json.dumps(models), source="test", as_of="2026-11-01")


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()


def listed(name: str = "m") -> Deployment:
    return msgspec.structs.replace(deployment(), listed_as=name)


def cost(
    models: Mapping[str, Any],
    usage: Usage,
    *,
    of: Deployment | None = None,
    tier: str = "standard",
    when: str = "2026-11-20T12:00",
    overrides: tuple[Override, ...] = (),
) -> Cost:
    one = of or listed()
    book = PriceBook(community(models), overrides=overrides, wall=lambda: at(when))
    return Prices([one], book).cost(one, usage, 1.0, tier=tier)


def nano(models: Mapping[str, Any], usage: Usage, **given: Any) -> int | None:
    """The marginal cost; None when it is unpriced."""
    found = cost(models, usage, **given)
    return None if found.status == "unpriced" else found.marginal
