"""Probes a real server through the public door."""

import asyncio
from pathlib import Path
from typing import Any

from aihandler import Handler
from aihandler.domain.probes import Probed

CONFIGURATION = """
version: 1
deployments:
  real: {{backend: openai, url: "{url}", model: "{model}", profile: {profile}, hosting: self}}
policy:
  public: {{hosting: [self]}}
"""


def probed(folder: Path, *, url: str, model: str, profile: str) -> Probed:
    """What a probe finds of a server, whatever its profile says."""
    (folder / "aihandler.yaml").write_text(
        CONFIGURATION.format(url=url, model=model, profile=profile)
    )

    async def ask() -> Probed:
        async with Handler.load(folder / "aihandler.yaml") as handler:
            return await handler.probe("real")

    return asyncio.run(ask())


def values(found: Probed) -> dict[str, Any]:
    """By column."""
    return {verdict.column: verdict.value for verdict in found.verdicts}
