"""Where prices come from, and how they become integers that a cost is computed with."""

from importlib import import_module
from typing import TYPE_CHECKING

from aihandler.domain.prices import Override
from aihandler.ledger.pricing.book import PriceBook
from aihandler.ledger.pricing.entry import Entry, PriceList
from aihandler.ledger.pricing.naming import close_names, listed_name, resolved
from aihandler.ledger.pricing.tariff import Rates, Tariff
from aihandler.ledger.pricing.tiers import STANDARD, tier_of
from aihandler.ledger.pricing.vector import Snapshot

if TYPE_CHECKING:
    from aihandler.config.prices import read_overrides
    from aihandler.ledger.pricing.community import CommunityList, read_community
    from aihandler.ledger.pricing.genai import GenaiList, read_genai
    from aihandler.ledger.pricing.shipped import read_shipped

__all__ = [
    "STANDARD",
    "CommunityList",
    "Entry",
    "GenaiList",
    "Override",
    "PriceBook",
    "PriceList",
    "Rates",
    "Snapshot",
    "Tariff",
    "close_names",
    "listed_name",
    "read_community",
    "read_genai",
    "read_overrides",
    "read_shipped",
    "resolved",
    "tier_of",
]

# Who takes prices from the configuration alone does not load the readers of lists.
_READERS = {
    "CommunityList": "aihandler.ledger.pricing.community",
    "GenaiList": "aihandler.ledger.pricing.genai",
    "read_community": "aihandler.ledger.pricing.community",
    "read_genai": "aihandler.ledger.pricing.genai",
    "read_overrides": "aihandler.config.prices",
    "read_shipped": "aihandler.ledger.pricing.shipped",
}


def __getattr__(name: str) -> object:
    if name not in _READERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_READERS[name]), name)
