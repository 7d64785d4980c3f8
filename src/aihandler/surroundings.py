"""What a configuration finds around it: the time, the file and key of its ledger, price lists.

Apart from `assembly`, because a supervisor needs these and none of the rooms.
"""

import asyncio
import base64
import time
from collections.abc import Mapping
from pathlib import Path

from aihandler.config.configuration import Configuration
from aihandler.config.secrets import resolve
from aihandler.domain.ports import Clock
from aihandler.errors import ConfigError
from aihandler.ledger import Prices
from aihandler.ledger.pricing import PriceBook, PriceList, resolved


class SystemClock:
    """The machine's own time: `monotonic` only ever grows, `wall` is seconds since 1970, UTC."""

    # The functions themselves: a request looks at the time some twenty times.
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Waits without holding up others."""
        await asyncio.sleep(seconds)


def prices_of(configuration: Configuration, clock: Clock) -> Prices:
    """What the deployments cost. Raises ConfigError when the price list cannot be read."""
    listed = price_list(configuration)
    deployments = list(configuration.deployments.values())
    if listed is not None:
        deployments = [resolved(deployment, listed) for deployment in deployments]
    overrides = configuration.prices.overrides
    return Prices(deployments, PriceBook(listed, overrides=overrides, wall=clock.wall))


def price_list(configuration: Configuration, *, asked: bool = False) -> PriceList | None:
    """The price list of a configuration; None where no deployment asks for it and `asked` is not
    set. Raises ConfigError when it cannot be read.
    """
    if not asked and not any(d.listed_as for d in configuration.deployments.values()):
        return None
    # Imported where used: most configurations say their prices themselves.
    from aihandler.ledger import pricing

    match configuration.prices.source:
        case "shipped":
            return pricing.read_shipped()
        case "genai-prices":
            return pricing.read_genai()
        case file:
            return pricing.read_community(_bytes(file), source=Path(file).name)


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        why = error.strerror or "unreadable"
        raise ConfigError(
            f"the price list {file!r} cannot be read: {why}", hint="check prices.list"
        ) from error


def ledger_path(configuration: Configuration) -> Path:
    """Where the ledger of a configuration lies."""
    return Path(configuration.root) / configuration.ledger.path


def encryption_key(configuration: Configuration, environ: Mapping[str, str]) -> bytes | None:
    """The key that prompts and answers are encrypted with, if the configuration names one."""
    secret = configuration.ledger.encryption_key
    return _key_bytes(resolve(secret, environ)) if secret else None


def without_key(configuration: Configuration, environ: Mapping[str, str]) -> dict[str, str]:
    """Deployments that cannot be asked because their key has no value, each with the reason."""
    lacking: dict[str, str] = {}
    for deployment in configuration.deployments.values():
        secret = deployment.key or getattr(deployment.credentials, "secret", None)
        if secret is not None:
            try:
                resolve(secret, environ)
            except ConfigError as error:
                lacking[deployment.name] = error.message
    return lacking


def _key_bytes(text: str) -> bytes:
    # 32 bytes are 64 hexadecimal digits; anything else is taken as base64, and checked by its use.
    decode = bytes.fromhex if len(text) == 64 else base64.b64decode
    try:
        return decode(text)
    except ValueError as error:
        raise ConfigError(
            "ledger.encryption_key is neither base64 nor hexadecimal",
            hint="make one with `openssl rand -base64 32`",
        ) from error
