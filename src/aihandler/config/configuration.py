"""The configuration as the rest of the house sees it: checked, resolved, immutable."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.budget import Budget
from aihandler.domain.deployment import Deployment, Model, Secret
from aihandler.domain.prices import Override
from aihandler.domain.rules import Policy
from aihandler.domain.task import Task, Workflow

HelperKind = Literal["embedder", "judge", "guard", "cache", "sink", "exporter"]


class Helper(msgspec.Struct, frozen=True):
    """Something beside the candidates that sees data: the proof treats it as a destination.

    `tasks` of None means that it sees the data of every task.
    """

    name: str
    kind: HelperKind
    deployment: str
    tasks: tuple[str, ...] | None = None


class LedgerSettings(msgspec.Struct, frozen=True):
    """Where the ledger lies, and what becomes of prompts and answers, which lie beside it."""

    path: str
    keep_content: bool = True
    retention_days: int | None = None
    encryption_key: Secret | None = None


class PriceSettings(msgspec.Struct, frozen=True):
    """Where `price: list` is looked up: `shipped`, `genai-prices` or a file of the community's
    form; and what holds in its place.
    """

    source: str = "shipped"
    overrides: tuple[Override, ...] = ()


class RateLimit(msgspec.Struct, frozen=True):
    """What one scope (`team:search`, `all`) may ask of the gateway in a minute."""

    scope: str
    requests: int | None = None
    tokens: int | None = None


class HealthSettings(msgspec.Struct, frozen=True):
    """When a deployment that keeps failing is left alone, and for how long."""

    consecutive_5xx: int = 5
    consecutive_gateway_failure: int = 5
    base_ejection_time_s: float = 30.0
    max_ejection_time_s: float = 300.0
    max_ejection_percent: int = 50


class Configuration(msgspec.Struct, frozen=True):
    """Everything a file says. `lines` maps a path (`tasks.triage.output`) to its line in `file`."""

    file: str
    root: str
    ledger: LedgerSettings
    models: Mapping[str, Model] = {}
    deployments: Mapping[str, Deployment] = {}
    policy: Policy = Policy()
    tasks: Mapping[str, Task] = {}
    workflows: Mapping[str, Workflow] = {}
    helpers: tuple[Helper, ...] = ()
    prices: PriceSettings = PriceSettings()
    budgets: tuple[Budget, ...] = ()
    limits: tuple[RateLimit, ...] = ()
    health: HealthSettings = HealthSettings()
    aliases: Mapping[str, str] = {}
    lines: Mapping[str, int] = {}
