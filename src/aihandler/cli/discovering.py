"""Looks for model servers on this machine and for keys in the environment."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aihandler.backends.discovery import FoundServer
    from aihandler.domain.deployment import Secret

# Keys that `init` knows, and the deployment that it writes for each.
VENDORS = {
    "OPENAI_API_KEY": "gpt",
    "ANTHROPIC_API_KEY": "claude",
    "GEMINI_API_KEY": "gemini",
    "MISTRAL_API_KEY": "mistral",
}


async def find_servers(*, timeout_s: float = 0.5) -> "Sequence[FoundServer]":
    """Servers that answer on the usual ports of this machine. Sends no data and no key."""
    from aihandler.backends.discovery import discover
    from aihandler.backends.transport import Transport

    transport = Transport(monotonic=time.monotonic, secrets=_no_key)
    try:
        return await discover(transport, timeout_s=timeout_s)
    finally:
        await transport.close()


def own_models(server: "FoundServer") -> tuple[str, ...]:
    """The models that a server runs itself, without those that it forwards to somebody else."""
    if server.relay and not server.relayed:
        return ()
    return tuple(model for model in server.models if model not in server.relayed)


def found_keys(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The names of the known keys that are set. Their values are not looked at."""
    known = os.environ if environ is None else environ
    return tuple(name for name in VENDORS if known.get(name))


def _no_key(secret: "Secret") -> str:
    raise AssertionError(f"looking around needs no key, and {secret} was asked for")
