"""Costs computed per second: `python -m bench.prices`. Prints microseconds of CPU per cost."""

import argparse
import datetime
import os
import random
import statistics
import time
from decimal import Decimal

from aihandler.domain.deployment import Deployment, Hosting, Model, Price
from aihandler.domain.usage import Usage
from aihandler.ledger import Prices
from aihandler.ledger.pricing import PriceBook, PriceList, read_genai, read_shipped

GOAL_PER_SECOND = 100_000
_NOON = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC).timestamp()


def _usages(rng: random.Random, count: int) -> list[Usage]:
    sizes = [[rng.randrange(400_000) for _ in range(5)] for _ in range(count)]
    return [Usage(*size) for size in sizes]


def _listed(prices: PriceList, names: list[str]) -> list[Deployment]:
    priced = [name for name in names if prices.entry(name) is not None]
    return [
        Deployment(name, "openai", Model(name), Hosting.VENDOR, listed_as=name) for name in priced
    ]


def _per_cost_us(prices: Prices, deployments: list[Deployment], usages: list[Usage]) -> float:
    pairs = [(deployments[n % len(deployments)], usage) for n, usage in enumerate(usages)]
    began = time.process_time()
    for deployment, usage in pairs:
        prices.cost(deployment, usage, 1.0, at=_NOON)
    return (time.process_time() - began) / len(pairs) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--costs", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    usages = _usages(random.Random(1), chosen.costs)
    own = Price(Decimal("0.25"), Decimal(2), cache_read=Decimal("0.025"))
    configured = [Deployment("d", "openai", Model("m"), Hosting.VENDOR, price=own)]
    began = time.perf_counter()
    shipped = read_shipped()
    ours = _listed(shipped, shipped.names())
    cases = {"one price of the configuration": (Prices(configured), configured)}
    cases["the shipped list"] = (Prices(ours, PriceBook(shipped, wall=time.time)), ours)
    read_s = time.perf_counter() - began
    genai = read_genai()
    theirs = _listed(genai, genai.names())
    cases["genai-prices"] = (Prices(theirs, PriceBook(genai, wall=time.time)), theirs)
    print(f"goal {GOAL_PER_SECOND:,} a second; load {os.getloadavg()[0]:.1f}")
    print(f"  reading and compiling all {len(ours):,} models that are shipped: {read_s:.2f} s")
    for name, (prices, deployments) in cases.items():
        found = [_per_cost_us(prices, deployments, usages) for _ in range(chosen.rounds)]
        middle = statistics.median(found)
        print(
            f"  {name:<32} {middle:5.2f} us ({min(found):.2f}..{max(found):.2f}), "
            f"{1e6 / middle:>9,.0f} a second, {len(deployments):,} deployments"
        )


if __name__ == "__main__":
    main()
