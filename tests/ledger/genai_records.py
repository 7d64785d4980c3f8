"""Stand-ins for the records of `genai-prices`, made of the plain data in `tests/data/prices`."""

import datetime
from copy import copy
from decimal import Decimal
from typing import Any


class StartDay:
    def __init__(self, start_date: str) -> None:
        self.start_date = datetime.date.fromisoformat(start_date)

    def active(self, moment: datetime.datetime) -> bool:
        return moment.date() >= self.start_date


class DailyHours:
    def __init__(self, start_time: str, end_time: str) -> None:
        self.start_time = datetime.time.fromisoformat(start_time)
        self.end_time = datetime.time.fromisoformat(end_time)

    def active(self, moment: datetime.datetime) -> bool:
        return self.start_time <= moment.timetz() < self.end_time


class Steps:
    def __init__(self, base: str, tiers: list[list[Any]]) -> None:
        self.base = Decimal(base)
        self.tiers = [Step(start, price) for start, price in tiers]


class Step:
    def __init__(self, start: int, price: str) -> None:
        self.start = start
        self.price = Decimal(price)


class Priced:
    """Prices by key, as attributes: the reader looks at what is there."""

    def __init__(self, prices: dict[str, Any]) -> None:
        for key, price in prices.items():
            setattr(self, key, Steps(**price) if isinstance(price, dict) else Decimal(price))


class Conditional:
    def __init__(self, prices: dict[str, Any], constraint: Any = None, when: Any = None) -> None:
        self.prices = Priced(prices)
        self.constraint = _constraint(constraint)
        self.when = when


class Model:
    """Later prices come first; variants replace single keys, the first one that fits."""

    def __init__(self, name: str, prices: list[Any], variants: list[Any]) -> None:
        self.id = name
        self.prices = [Conditional(**price) for price in prices]
        self.price_variants = [Conditional(**variant) for variant in variants]

    def get_prices(self, moment: datetime.datetime, context: dict[str, str]) -> Priced:
        held = [p for p in self.prices if p.constraint is None or p.constraint.active(moment)]
        found = copy((held or self.prices[:1])[-1].prices)
        for variant in reversed(self.price_variants):
            fits = variant.when.items() <= context.items()
            if fits and (variant.constraint is None or variant.constraint.active(moment)):
                found.__dict__.update(variant.prices.__dict__)
        return found


class Provider:
    def __init__(self, name: str, models: list[Model]) -> None:
        self.id = name
        self.models = models


def _constraint(given: Any) -> Any:
    match given:
        case None:
            return None
        case {"start_date": day}:
            return StartDay(day)
        case {"start_time": start, "end_time": end}:
            return DailyHours(start, end)
    raise AssertionError(given)
