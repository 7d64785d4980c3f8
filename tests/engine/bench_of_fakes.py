"""An engine with fakes all around: what they were asked, and what was written down."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.domain.answer import Answer
from aihandler.domain.attempt import Snapshot
from aihandler.domain.deployment import Deployment, Hosting, Model, Price
from aihandler.domain.labels import ClassSource, DataClass, label
from aihandler.domain.ports import Caller, Inspector
from aihandler.domain.rules import DeploymentFilter, Policy
from aihandler.domain.task import Json, LabelOutput, Prompt, PromptMessage, Task
from aihandler.engine import Attempts, Call, Engine, Inspection, Planner
from aihandler.ledger import Prices
from aihandler.routing import Health, RetryBudget
from aihandler.testing import FakeCaller, FakeClock, MemoryJournal

EVERYWHERE = DeploymentFilter(hosting=tuple(Hosting))
PROMPT = Prompt((PromptMessage("user", "Label this: {{ text }}"),))


def deployment(name: str, hosting: Hosting = Hosting.SELF, **settings: object) -> Deployment:
    return Deployment(name, name, Model(f"{name}-1"), hosting, **settings)  # type: ignore[arg-type]


def task(**settings: object) -> Task:
    known: dict[str, object] = {
        "output": LabelOutput(("billing", "bug")),
        "prompt": PROMPT,
        "candidates": ("near", "far"),
        **settings,
    }
    return Task("triage", "v1", **known)  # type: ignore[arg-type]


class Fakes:
    """Each deployment speaks through its own caller, named as it is."""

    def __init__(
        self,
        callers: Mapping[str, Caller],
        *,
        policy: Policy | None = None,
        inspectors: Sequence[Inspector] = (),
    ) -> None:
        price = Price(Decimal(3), Decimal(15))
        vendors = {name: deployment(name, price=price) for name in callers}
        vendors["far"] = deployment("far", Hosting.VENDOR, price=price)
        self.configuration = Configuration(
            file="test",
            root=".",
            ledger=LedgerSettings("ledger"),
            deployments=vendors,
            policy=policy or Policy(dict.fromkeys(DataClass, EVERYWHERE)),
        )
        self.journal = MemoryJournal()
        self.clock = FakeClock()
        prices = Prices(vendors.values())
        attempts = Attempts(callers, journal=self.journal, pricer=prices, clock=self.clock)
        self.engine = Engine(
            Planner(self.configuration, prices),
            attempts,
            journal=self.journal,
            clock=self.clock,
            random=lambda: 0.5,
            snapshot=Snapshot,
            health=Health(self.clock),
            retry_budget=RetryBudget(self.clock),
            inspection=Inspection(inspectors) if inspectors else None,
        )

    def run(self, call: Call) -> Answer[Json]:
        return asyncio.run(self.engine.run(call))

    @property
    def outcomes(self) -> list[tuple[str, str, str]]:
        """Deployment, reason and outcome of every entry."""
        return [
            (e.intent.deployment, e.intent.reason, e.settlement.outcome)
            for e in self.journal.entries
            if e.settlement is not None
        ]


def call(asked: Task, /, *, data_class: DataClass = DataClass.PUBLIC, **settings: object) -> Call:
    labels = label([ClassSource("document", data_class)])
    fields = {"text": "my invoice is wrong"}
    return Call("call-1", asked, labels, fields, source=fields["text"], **settings)  # type: ignore[arg-type]


def near_and_far(near: object, far: object = "billing") -> tuple[Fakes, FakeCaller, FakeCaller]:
    first, second = FakeCaller(near), FakeCaller(far)  # type: ignore[arg-type]
    return Fakes({"near": first, "far": second}), first, second
