"""Tokens in disjoint buckets, and money in whole nano-dollars."""

from decimal import Decimal
from typing import Literal

import msgspec

NANO = 1_000_000_000


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one attempt; the buckets do not overlap, so their sum is the provider's total.

    `cache_write` lives for five minutes, or for as long as the provider does not say;
    `cache_write_1h` for an hour. Tokens of sound stand in `audio_input` and `audio_output` alone.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt + self.output + self.reasoning + self.audio_output

    @property
    def prompt(self) -> int:
        """Everything that was sent, cached or not; prices of long prompts go by it."""
        cached = self.cache_read + self.cache_write + self.cache_write_1h
        return self.input + cached + self.audio_input


# `unpriced` is not zero: a model without a price has a cost that is not known.
CostStatus = Literal["priced", "unpriced"]


class Cost(msgspec.Struct, frozen=True):
    """What one attempt costs, in nano-dollars.

    `marginal` is what this attempt added to a bill; `allocated` is its share of machines that
    are paid by the hour. `snapshot` names the prices it was computed with.
    """

    marginal: int = 0
    allocated: int = 0
    status: CostStatus = "priced"
    snapshot: str = ""

    @property
    def usd(self) -> float:
        """Marginal and allocated cost in dollars, for showing; sums are made in nano-dollars."""
        return (self.marginal + self.allocated) / NANO


def shown_usd(nano: int) -> str:
    """Exact dollars for messages: `$12.5`."""
    return f"${(Decimal(nano) / NANO).normalize():f}"
