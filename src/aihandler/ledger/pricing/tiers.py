"""Service tiers: the same model, sooner or later, at another price."""

STANDARD = "standard"

# What providers report in a reply for what we call the standard tier, and for batches.
_NAMES = {
    "": STANDARD,
    "default": STANDARD,
    "on_demand": STANDARD,
    "standard_only": STANDARD,
    "batches": "batch",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}


def tier_of(reported: str) -> str:
    """Our name of a tier as a provider reports it; one that nobody prices stays as it is."""
    name = reported.strip().lower()
    return _NAMES.get(name, name)
