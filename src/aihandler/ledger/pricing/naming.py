"""Finds the entry of a price list that goes by a deployment's provider and model.

Another provider's price for a model of the same name is never taken: that would be a guess.
"""

from collections.abc import Iterator

import msgspec

from aihandler.domain.deployment import LISTED_BY_NAME, Deployment
from aihandler.ledger.pricing.entry import PriceList

# Lists name some providers by another word than they themselves.
_ALIASES = {
    "amazon": ("bedrock", "aws"),
    "aws": ("bedrock",),
    "bedrock": ("aws",),
    "fireworks": ("fireworks_ai",),
    "gemini": ("google",),
    "google": ("gemini",),
    "moonshot": ("moonshotai",),
    "together": ("together_ai",),
    "vertex": ("vertex_ai",),
    "voyage": ("voyageai",),
    "x-ai": ("xai",),
    "xai": ("x-ai",),
}
# The community's file has these without a provider before their names.
_BARE = frozenset({"", "openai", "anthropic"})
# Backends whose formats one vendor alone speaks, who is then the provider.
_OF_ONE_VENDOR = frozenset({"anthropic", "gemini"})
_CLOSE = 0.75


def listed_name(deployment: Deployment, prices: PriceList) -> str:
    """The name of the entry that is this deployment's; empty when none surely is."""
    return next((n for n in _names(deployment) if prices.entry(n) is not None), "")


def resolved(deployment: Deployment, prices: PriceList) -> Deployment:
    """The deployment with the name of its entry, where that is to be found by its own."""
    if deployment.listed_as != LISTED_BY_NAME:
        return deployment
    return msgspec.structs.replace(deployment, listed_as=listed_name(deployment, prices))


def close_names(deployment: Deployment, prices: PriceList, *, most: int = 3) -> tuple[str, ...]:
    """Priced entries whose names are like that of the model, for a person to choose from."""
    from difflib import get_close_matches

    model = _last(deployment.listed_as.removeprefix(LISTED_BY_NAME) or deployment.model.name)
    by_last: dict[str, list[str]] = {}
    for name in prices.names():
        by_last.setdefault(_last(name), []).append(name)
    near = get_close_matches(model, by_last, n=most, cutoff=_CLOSE)
    names = [name for last in near for name in sorted(by_last[last], key=len)]
    return tuple(n for n in names[: 4 * most] if prices.entry(n) is not None)[:most]


def _names(deployment: Deployment) -> Iterator[str]:
    model = deployment.model.name
    provider = deployment.provider.lower()
    if not provider and deployment.backend in _OF_ONE_VENDOR:
        provider = deployment.backend
    for word in (provider, *_ALIASES.get(provider, ())) if provider else ():
        yield f"{word}/{model}"
        if model.startswith(f"{word}/"):
            yield model
    if provider in _BARE:
        yield model


def _last(name: str) -> str:
    return name.rpartition("/")[2].lower()
