"""What tokens cost at one model, tier and time, in exact decimals."""

from collections.abc import Mapping
from decimal import Context, Decimal

import msgspec

# Every bucket of a Usage, and the one that it is charged as when it has no price of its own.
PARENTS = {
    "input": "",
    "cache_read": "input",
    "cache_write": "input",
    "output": "",
    "reasoning": "output",
    "cache_write_1h": "cache_write",
    "audio_input": "input",
    "audio_output": "output",
}
BUCKETS = tuple(PARENTS)


class Rates(msgspec.Struct, frozen=True):
    """US dollars per million tokens, by bucket.

    None: charged as its parent is. A bucket in `unknown` has a price of its own that the source
    does not say; so has `input` or `output` of None.
    """

    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    unknown: frozenset[str] = frozenset()

    def of(self, bucket: str) -> Decimal | None:
        """What a token of that bucket is charged with; None when that is not known."""
        while bucket and bucket not in self.unknown:
            own: Decimal | None = getattr(self, bucket)
            if own is not None:
                return own
            bucket = PARENTS[bucket]
        return None

    def times(self, factor: Decimal) -> "Rates":
        """The same, each price multiplied."""
        own = {bucket: getattr(self, bucket) for bucket in BUCKETS}
        dearer = {b: product(price, factor) for b, price in own.items() if price is not None}
        return msgspec.structs.replace(self, **dearer)


class Tariff(msgspec.Struct, frozen=True):
    """The rates, and those of longer prompts: above so many tokens, the whole request pays them.

    `above` ascends. `note` says whence a price comes that is not the list's own.
    """

    rates: Rates
    above: tuple[tuple[int, Rates], ...] = ()
    usd_per_request: Decimal = Decimal(0)
    note: str = ""

    def times(self, factor: Decimal) -> "Tariff":
        """The same, each price multiplied."""
        return Tariff(
            self.rates.times(factor),
            tuple((tokens, rates.times(factor)) for tokens, rates in self.above),
            product(self.usd_per_request, factor),
            self.note,
        )


def rates_from(prices: Mapping[str, Decimal | None]) -> Rates:
    """The rates of those buckets; the others are charged as their parents are."""
    return msgspec.structs.replace(Rates(), **prices)


def exact(price: Decimal) -> Decimal:
    """The same price in as few digits as it has."""
    return Decimal(format(price.normalize(_wide()), "f"))


def product(price: Decimal, factor: Decimal) -> Decimal:
    """A price times a factor, with all digits."""
    return exact(_wide().multiply(price, factor))


def _wide() -> Context:
    # The usual 28 digits would round what a file may hold.
    return Context(prec=100)


def narrowed(own: Rates, standard: Rates) -> Rates:
    """`own` rates of a tier or of long prompts, beside those that they stand in for.

    A bucket that `standard` prices apart and `own` does not name has a price that is not known:
    neither the standard one nor that of its parent is charged.
    """
    missing = frozenset(
        bucket
        for bucket, parent in PARENTS.items()
        if getattr(own, bucket) is None
        and getattr(standard, bucket) is not None
        and (not parent or standard.of(bucket) != standard.of(parent))
    )
    return msgspec.structs.replace(own, unknown=missing)
