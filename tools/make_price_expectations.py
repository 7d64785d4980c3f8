"""Writes what genai-prices charges, for tests that run without it.

`python tools/make_price_expectations.py` takes models of each shape of price in the installed
package, random usages and moments, and its own answers; the seed is fixed.
"""

import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genai_prices import __version__
from genai_prices.data import providers

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ledger"))
from genai_oracle import (  # type: ignore[import-not-found]  # it lies beside the tests
    CONTEXTS,
    charged,
    moments,
    usages,
)

TARGET = Path(__file__).parents[1] / "tests/data/prices/genai_expected.json.gz"
PER_SHAPE = 1
USAGES = 5


def main() -> int:
    """Writes the table and says how large it is."""
    rng = random.Random(20261121)
    models = [_model(rng, provider, model) for provider, model in _chosen()]
    table = {"source": f"genai-prices {__version__} (MIT)", "models": models}
    body = json.dumps(table, separators=(",", ":")).encode()
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(gzip.compress(body, mtime=0))
    rows = sum(len(model["rows"]) for model in models)
    sys.stdout.write(f"{len(models)} models, {rows} rows, {TARGET.stat().st_size} bytes\n")
    return 0


def _chosen() -> Iterator[tuple[Any, Any]]:
    """A few models of every shape: its price keys, steps, constraints and variants."""
    seen: dict[object, int] = {}
    for provider in providers:
        for model in provider.models:
            shape = _shape(model)
            seen[shape] = seen.get(shape, 0) + 1
            if seen[shape] <= PER_SHAPE:
                yield provider, model


def _shape(model: Any) -> object:
    dated = _dated(model)
    keys = frozenset(key for price in dated for key in price.prices.__dict__)
    steps = any(hasattr(p, "tiers") for d in dated for p in d.prices.__dict__.values())
    kinds = frozenset(type(price.constraint).__name__ for price in dated)
    variants = frozenset(str(variant.when) for variant in model.price_variants or ())
    return keys, steps, kinds, variants


def _dated(model: Any) -> list[Any]:
    from genai_prices.types import ConditionalPrice

    return (
        model.prices if isinstance(model.prices, list) else [ConditionalPrice(prices=model.prices)]
    )


def _model(rng: random.Random, provider: Any, model: Any) -> dict[str, Any]:
    return {
        "provider": provider.id,
        "id": model.id,
        "prices": [_conditional(price) for price in _dated(model)],
        "variants": [
            {**_conditional(variant), "when": variant.when}
            for variant in model.price_variants or ()
        ],
        "rows": [
            [tier, at, list(usage), charged(provider, model, usage, at=at, tier=tier)]
            for tier in CONTEXTS
            for at, usage in zip(moments(rng, USAGES), usages(rng, USAGES), strict=True)
        ],
    }


def _conditional(price: Any) -> dict[str, Any]:
    stored = price.prices.__dict__.items()
    shown = {"prices": {key: _price(value) for key, value in stored if value is not None}}
    return shown if price.constraint is None else {**shown, "constraint": _constraint(price)}


def _constraint(price: Any) -> dict[str, str]:
    return {key: value.isoformat() for key, value in vars(price.constraint).items()}


def _price(value: Any) -> Any:
    if hasattr(value, "tiers"):
        return {"base": str(value.base), "tiers": [[t.start, str(t.price)] for t in value.tiers]}
    return str(value)


if __name__ == "__main__":
    raise SystemExit(main())
