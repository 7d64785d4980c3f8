"""The file of overrides: prices of contracts, each with the days on which it holds."""

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from aihandler.errors import ConfigError
from aihandler.ledger.pricing.entry import Entry, Period, Schedule, always, merged
from aihandler.ledger.pricing.tariff import Tariff, exact, rates_from
from aihandler.ledger.pricing.tiers import STANDARD

_DAY = datetime.timedelta(days=1)


class OverrideRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars per million tokens; a kind that is left out is charged as what it is a kind of."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """What one deployment, or the models of one name, cost on some days (UTC, both included).

    `model` is an entry of the list and may end in `*`. Either `price`, or `times` the price that
    holds without it. A `price` without a tier is that of the standard tier; `times` without one
    is for all.
    """

    deployment: str = ""
    model: str = ""
    since: datetime.date = datetime.date.min
    until: datetime.date = datetime.date.max
    tier: Literal["", "standard", "batch", "flex", "priority", "fast"] = ""
    times: Decimal | None = None
    price: OverrideRates | None = None
    source: str = ""

    def matches(self, deployment: str, model: str) -> bool:
        """Whether it is about that deployment, or its model."""
        if self.deployment:
            return self.deployment == deployment
        if self.model.endswith("*"):
            return model.startswith(self.model[:-1])
        return self.model == model

    def concerns(self, tier: str) -> bool:
        """Whether it is about that tier."""
        return tier == self.tier or (not self.tier and (self.price is None or tier == STANDARD))

    def holds(self, day: datetime.date) -> bool:
        """Whether it holds on that day."""
        return self.since <= day <= self.until

    @property
    def rank(self) -> tuple[bool, bool, int, bool]:
        """The most specific one alone holds: a deployment, a model, the longest beginning."""
        exact_name = not self.model.endswith("*")
        return bool(self.deployment), exact_name, len(self.model), bool(self.tier)

    def applied(self, tariff: Tariff | None) -> Tariff | None:
        """The tariff that holds instead."""
        if self.price is not None:
            return Tariff(rates_from(_given(self.price)), note=self.source or "price of a contract")
        if tariff is None or self.times is None:
            return tariff
        note = f"{self.times} times the list, {self.source}".removesuffix(", ")
        return msgspec.structs.replace(tariff.times(self.times), note=note)


def read_overrides(text: str, *, file: str) -> tuple[Override, ...]:
    """Reads `overrides:` of a YAML file. Raises ConfigError with every mistake in it."""
    from aihandler.config.yaml import read_yaml

    tree, mistakes = read_yaml(text, file=file)
    listed = tree.data.get("overrides") if isinstance(tree.data, dict) else None
    if not isinstance(listed, list) or (isinstance(tree.data, dict) and len(tree.data) > 1):
        mistakes.add(
            (),
            "the file must hold `overrides:` alone, a list",
            hint="such as: overrides: [{model: acme/m, times: 0.9}]",
        )
        listed = []
    found: list[Override] = []
    for number, item in enumerate(listed):
        try:
            override = msgspec.convert(item, Override)
        except msgspec.ValidationError as error:
            mistakes.add(("overrides", number), str(error))
            continue
        for problem in _problems(override, found):
            mistakes.add(("overrides", number), problem)
        found.append(override)
    if len(mistakes):
        raise ConfigError(
            "\n".join(str(mistake) for mistake in mistakes.in_order()),
            mistakes=mistakes.in_order(),
        )
    return tuple(found)


def overridden(entry: Entry, overrides: Iterable[Override]) -> Entry:
    """The entry with those overrides, all of which are about it."""
    held = tuple(overrides)
    named = {o.tier or STANDARD for o in held if o.price is not None}
    tiers = {tier: _replaced(entry.tiers.get(tier), tier, held) for tier in {*entry.tiers, *named}}
    return Entry(entry.name, tiers)


def _replaced(base: Schedule | None, tier: str, overrides: tuple[Override, ...]) -> Schedule:
    schedule = base or always(None)
    held = [o for o in overrides if o.concerns(tier)]
    days = {period.since for period in schedule} | {o.since for o in held}
    days |= {o.until + _DAY for o in held if o.until < datetime.date.max}
    return merged(_period(day, schedule, held) for day in sorted(days))


def _period(day: datetime.date, schedule: Schedule, overrides: Iterable[Override]) -> Period:
    under = next(p for p in reversed(schedule) if p.since <= day)
    active = [o for o in overrides if o.holds(day)]
    if not active:
        return Period(day, under.week)
    best = max(active, key=lambda o: o.rank)
    return Period(day, tuple((second, best.applied(tariff)) for second, tariff in under.week))


def _given(price: OverrideRates) -> Mapping[str, Decimal]:
    known = msgspec.structs.asdict(price)
    return {bucket: exact(usd) for bucket, usd in known.items() if usd is not None}


def _problems(override: Override, earlier: Iterable[Override]) -> Iterable[str]:
    if bool(override.deployment) == bool(override.model):
        yield "an override names either a `deployment` or a `model`"
    if (override.price is None) == (override.times is None):
        yield "an override holds either a `price` or `times`, a factor"
    amounts = [override.times] if override.times is not None else []
    amounts += _given(override.price).values() if override.price else ()
    if any(not amount.is_finite() or amount < 0 for amount in amounts):
        yield "a price or factor must be at least 0"
    if override.until < override.since:
        yield f"ends on {override.until}, before it begins on {override.since}"
    if any(_collide(override, other) for other in earlier):
        yield "an override above is about the same tier on some of the same days"


def _collide(one: Override, other: Override) -> bool:
    same = (one.deployment, one.model, one.tier) == (other.deployment, other.model, other.tier)
    return same and one.since <= other.until and other.since <= one.until
