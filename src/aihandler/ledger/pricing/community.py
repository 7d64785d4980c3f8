"""The community's price file: one JSON object of models, dollars per token by field name.

The field names are those of LiteLLM's `model_prices_and_context_window.json`: a bucket, then
`_above_200k_tokens` for long prompts, then the tier (`_batches`, `_flex`, `_priority`).
"""

import datetime
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aihandler.domain.keys import digest_text
from aihandler.errors import ConfigError
from aihandler.ledger.pricing.entry import WEEK_S, Entry, Period, Schedule, always, merged_week
from aihandler.ledger.pricing.tariff import PARENTS, Rates, Tariff, narrowed, product, rates_from
from aihandler.ledger.pricing.tiers import STANDARD, tier_of

FIELDS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
# Other kinds are paid by the image, the second or the page, beside tokens that are listed with 0.
MODES = frozenset({"chat", "completion", "responses", "embedding"})
TIMETABLE = "off_peak_pricing"
STEPS = "tiered_pricing"

_MILLION = 1_000_000
# A float's own digits end here; the file holds sums such as 3.0001999999999996e-07.
_FLOAT_DIGITS = 15
FIELD = re.compile(
    rf"(?P<field>{'|'.join(FIELDS)})(?:_above_(?P<thousands>\d+)k_tokens)?(?:_(?P<tier>[a-z]+))?"
)
_DAY_S = 86_400

_Bands = Mapping[int, Mapping[str, Decimal]]
_Priced = dict[str, dict[int, dict[str, Decimal]]]


class CommunityList:
    """A price file that was read; an entry is worked out when it is asked for."""

    def __init__(self, models: Mapping[str, Any], *, source: str, as_of: str = "") -> None:
        self.source = source
        self.as_of = as_of
        self._models = models

    def entry(self, name: str) -> Entry | None:
        """The entry of exactly that name; None when it has no price per token.

        Raises ConfigError when it is broken: a price that cannot be read is not passed over.
        """
        fields = self._models.get(name)
        if not isinstance(fields, dict) or fields.get("mode", "chat") not in MODES:
            return None
        try:
            return _entry(name, fields)
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the price list {self.source!r} has a broken entry {name!r}: {error}",
                hint="correct the file, or leave the entry out of it",
            ) from error

    def names(self) -> list[str]:
        """Every model of the file, priced or not."""
        return sorted(self._models)


def read_community(text: str | bytes, *, source: str, as_of: str = "") -> CommunityList:
    """Reads the JSON of such a file. The digest of its text is added to `source`.

    Raises ConfigError when it is not an object of models.
    """
    try:
        models = json.loads(text, parse_float=Decimal)
    except ValueError:
        models = None
    if not isinstance(models, dict):
        raise ConfigError(
            f"the price list {source!r} is not a JSON object of models",
            hint="expected LiteLLM's model_prices_and_context_window.json",
        )
    whole = text.decode() if isinstance(text, bytes) else text
    return CommunityList(models, source=f"{source} {digest_text('list', whole)}", as_of=as_of)


def _entry(name: str, fields: Mapping[str, Any]) -> Entry | None:
    priced = _by_tier(fields)
    every = (price for bands in priced.values() for own in bands.values() for price in own.values())
    # 0 throughout stands for prices that the authors of the file did not know.
    if not any(every):
        return None
    standard = priced.get(STANDARD, {})
    tiers = {
        tier: always(_tariff(bands, {} if tier == STANDARD else standard))
        for tier, bands in priced.items()
    }
    if TIMETABLE in fields:
        tiers[STANDARD] = _timetable(fields[TIMETABLE], standard)
    return Entry(name, tiers)


def _by_tier(fields: Mapping[str, Any]) -> _Priced:
    """Dollars per million tokens by tier, by the number of tokens above which they hold."""
    found: _Priced = {}
    for key, value in fields.items():
        match = FIELD.fullmatch(key)
        if match is None or value is None:
            continue
        bands = found.setdefault(tier_of(match["tier"] or ""), {})
        own = bands.setdefault(int(match["thousands"] or 0) * 1000, {})
        own[FIELDS[match["field"]]] = _per_million(value)
    # Some providers list ranges of the prompt's length, each with all its prices.
    for step in fields.get(STEPS) or ():
        for tier, bands in _by_tier(step).items():
            found.setdefault(tier, {})[int(step["range"][0])] = bands[0]
    return found


def _per_million(per_token: Decimal | int) -> Decimal:
    price = Decimal(per_token)
    if not price.is_finite() or price < 0:
        raise ValueError(f"{price} is no price")
    if len(price.as_tuple().digits) > _FLOAT_DIGITS:
        price = Decimal(f"{price:.{_FLOAT_DIGITS - 1}e}")
    return product(price, Decimal(_MILLION))


def _tariff(own: _Bands, standard: _Bands) -> Tariff:
    """The tariff of a tier beside the standard one (empty: it is the standard one).

    What long prompts cost is not known where only the standard tier has a price for them.
    """
    rates = narrowed(rates_from(own.get(0, {})), rates_from(standard.get(0, {})))
    longer = sorted({*own, *standard} - {0})
    return Tariff(rates, tuple((tokens, _longer(own.get(tokens), rates)) for tokens in longer))


def _longer(own: Mapping[str, Decimal] | None, usual: Rates) -> Rates:
    if own is None:
        return Rates(unknown=frozenset(PARENTS))
    return narrowed(rates_from(own), usual)


def _timetable(cheaper: Mapping[str, Any], standard: _Bands) -> Schedule:
    """The usual price, and another one in some hours (UTC) of some days."""
    usual = _tariff(standard, {})
    cheap = _tariff(_by_tier(cheaper).get(STANDARD, {}), standard)
    held = [window for given in cheaper["windows"] for window in _windows(given)]
    edges = sorted({0, *(edge % WEEK_S for window in held for edge in window)})
    week = (
        (edge, cheap if any(_covers(window, edge) for window in held) else usual) for edge in edges
    )
    return (Period(datetime.date.min, merged_week(week)),)


def _windows(given: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Seconds of the week from and until, over its end where a window lies so."""
    hours = given["hours_utc"]
    spans: list[str] = [hours] if isinstance(hours, str) else hours
    found: list[tuple[int, int]] = []
    for span in spans:
        start, end = (int(t[:2]) * 3600 + int(t[3:5]) * 60 for t in span.split("-"))
        length = (end - start) % _DAY_S or _DAY_S
        for weekday in given.get("weekdays", range(1, 8)):
            first = (int(weekday) - 1) * _DAY_S + start
            found.append((first, first + length))
    return found


def _covers(window: tuple[int, int], second: int) -> bool:
    start, end = window
    return start <= second < end or start <= second + WEEK_S < end
