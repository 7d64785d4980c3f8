"""What a provider says of its own reply: the service tier that it gave, and what it charges."""

from decimal import Decimal, InvalidOperation

import msgspec

from aihandler.domain.answer import Reply
from aihandler.domain.task import Json

# Where formats have a tier, below `Reply.extra`; a codec keeps what it does not read as it came.
_TIERS = (
    ("openai.chat", "reply", "service_tier"),
    ("service_tier",),
    ("usage", "service_tier"),
    ("usageMetadata", "serviceTier"),
    ("usageMetadata", "trafficType"),
    ("usage_metadata", "trafficType"),
    ("serviceTier", "type"),
    ("serviceTier",),
)
_SPEED = ("usage", "speed")
_COST = "reported_cost_usd"


class Told(msgspec.Struct, frozen=True):
    """The tier in the provider's own word; empty and None where it says nothing."""

    tier: str = ""
    cost_usd: Decimal | None = None


_NOTHING = Told()


def told(reply: Reply) -> Told:
    """What the reply says of tier and cost. Never raises: it is foreign text."""
    extra = reply.extra
    if not extra:
        return _NOTHING
    extra = extra if isinstance(extra, dict) else dict(extra)
    return Told(_tier(extra), _cost(extra.get(_COST)))


def _tier(extra: dict[str, Json]) -> str:
    # Anthropic's fast mode has a price of its own, beside the tier.
    if "usage" in extra and _at(extra, _SPEED) == "fast":
        return "fast"
    for path in _TIERS:
        if path[0] in extra and (found := _at(extra, path)):
            return found
    return ""


def _at(extra: Json, path: tuple[str, ...]) -> str:
    for key in path:
        if not isinstance(extra, dict):
            return ""
        extra = extra.get(key)
    return extra if isinstance(extra, str) else ""


def _cost(said: Json) -> Decimal | None:
    if not isinstance(said, str):
        return None
    try:
        return Decimal(said)
    except InvalidOperation:
        return None
