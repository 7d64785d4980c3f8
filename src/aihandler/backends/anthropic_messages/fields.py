"""The name of this format, and its marks for a prompt cache."""

from aihandler.domain.parts import CacheLifetime
from aihandler.domain.task import Json

KIND = "anthropic"


def take_cache(rest: dict[str, Json]) -> CacheLifetime | None:
    """A cache mark of a known form."""
    mark = rest.get("cache_control")
    if mark == {"type": "ephemeral"}:
        del rest["cache_control"]
        return ""
    for lifetime in ("5m", "1h"):
        if mark == {"type": "ephemeral", "ttl": lifetime}:
            del rest["cache_control"]
            return lifetime
    return None


def write_cache(wire: dict[str, Json], cache: CacheLifetime | None) -> None:
    """Writes a cache mark."""
    if cache is not None:
        ttl = {"ttl": cache} if cache else {}
        wire["cache_control"] = {"type": "ephemeral", **ttl}
